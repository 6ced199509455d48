#include "client_gtk/views/timeline_view.hpp"

#include <gtk/gtk.h>

#include <algorithm>
#include <utility>

#include "client_gtk/app/builder.hpp"
#include "client_gtk/rows/day_row.hpp"
#include "client_gtk/rows/room_row.hpp"
#include "common/base/clock.hpp"

namespace tertulia::gtk {
namespace {

constexpr unsigned spinner_after_ms = 250;  // a page of the cache is there long before
constexpr double end_slack_px = 4;
constexpr double unread_above_px = 60;   // context above the first unread message
constexpr std::size_t burst_rows = 200;  // more waiting than this: show the newest page instead

}  // namespace

TimelineView::TimelineView(const Glib::RefPtr<Gtk::Builder>& ui, Ports ports)
    : ports_(std::move(ports)),
      states_(need<Gtk::Stack>(ui, "timeline_states")),
      scroll_(need<Gtk::ScrolledWindow>(ui, "timeline_scroll")),
      list_(need<Gtk::ListBox>(ui, "timeline")),
      empty_(need(ui, "empty_room")),
      jump_revealer_(need<Gtk::Revealer>(ui, "jump_revealer")),
      jump_count_(need<Gtk::Label>(ui, "jump_count")),
      place_(scroll_.get_vadjustment()) {
  list_.set_header_func(
      [this](Gtk::ListBoxRow* row, Gtk::ListBoxRow* before) { set_header(row, before); });
  place_->signal_changed().connect([this] { bounds_changed(); });
  place_->signal_value_changed().connect([this] { scrolled(); });
  list_.signal_map().connect([this] {
    bounds_changed();
    mark_read();
  });
  need<Gtk::Button>(ui, "jump").signal_clicked().connect([this] { jump_to_latest(); });
}

TimelineView::~TimelineView() {
  idle_.disconnect();
  slow_load_.disconnect();
  layout_.disconnect();
  if (fill_tick_ != 0) list_.remove_tick_callback(fill_tick_);
}

void TimelineView::open(const client::Room& room) {
  room_ = room.id;
  room_head_ = room.head;
  read_at_open_ = room.read_up_to;
  marked_ = room.read_up_to;
  const std::uint64_t unread = unread_count(room);
  load_newest(static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(unread + page_rows, first_page_rows, first_page_rows_max)));
}

void TimelineView::load_newest(std::uint32_t limit) {
  clear_rows();
  looked_ = 0;
  newer_rows_ = page_rows;
  loaded_ = false;
  complete_ = false;
  at_end_ = true;
  below_ = 0;
  show_jump();
  states_.set_visible_child("messages");
  empty_.set_visible(false);
  slow_load_.disconnect();
  slow_load_ = Glib::signal_timeout().connect(
      [this] {
        if (!loaded_) states_.set_visible_child("loading");
        return false;
      },
      spinner_after_ms);
  request_ = Request::newest;
  ports_.load_page(room_, 0, limit, ++token_);
}

void TimelineView::show_no_room() {
  clear_rows();
  room_ = {};
  slow_load_.disconnect();
  states_.set_visible_child("no-room");
}

void TimelineView::load_older() {
  if (!loaded_ || complete_ || request_ != Request::none || model_.first_room_seq() <= 1) return;
  request_ = Request::older;
  ports_.load_page(room_, model_.first_room_seq(), page_rows, ++token_);
}

void TimelineView::load_newer() {
  if (!loaded_ || !model_.detached() || request_ != Request::none) return;
  request_ = Request::newer;
  // Not above what is known to be there: what comes meanwhile is for the next page
  const std::uint64_t last = newest_looked();
  asked_ = std::min(last + newer_rows_, std::max(last, room_head_));
  ports_.load_page(room_, asked_ + 1, newer_rows_, ++token_);
}

void TimelineView::page_loaded(client::PageLoaded& event) {
  if (event.token != token_ || event.room != room_) return;
  const Request request = std::exchange(request_, Request::none);
  switch (request) {
    case Request::newest: return first_page(event);
    case Request::older: return older_page(event);
    case Request::newer: return newer_page(event);
    case Request::none: return;
  }
}

void TimelineView::first_page(client::PageLoaded& page) {
  slow_load_.disconnect();
  complete_ = page.complete;
  loaded_ = true;
  model_.reset(std::move(page.messages));
  for (std::size_t i = 0; i < model_.size(); ++i) insert_row(i);
  show_state();
  if (!waiting_.empty()) wait_for_idle();
  if (read_at_open_ != 0 && model_.last_room_seq() > read_at_open_) go_to_first_unread();
  mark_read();
  fill_after_picture();
  loaded_signal_.emit();
}

// The first page need not fill the screen. The second tick is after the first picture.
void TimelineView::fill_after_picture() {
  if (fill_tick_ != 0) return;
  int ticks = 0;
  fill_tick_ = list_.add_tick_callback([this, ticks](const Glib::RefPtr<Gdk::FrameClock>&) mutable {
    if (++ticks < 2) return true;
    fill_tick_ = 0;
    if (place_->get_value() < 1.5 * place_->get_page_size()) load_older();
    return false;
  });
}

void TimelineView::older_page(client::PageLoaded& page) {
  complete_ = page.complete;
  keep_place([&] {
    const std::size_t added = model_.prepend(std::move(page.messages));
    if (added == 0) complete_ = true;
    // from the newest of the page upwards: each header is then made once, with its final neighbour
    for (std::size_t i = added; i > 0; --i) {
      auto* row = Gtk::make_managed<MessageRow>(model_.at(i - 1), ports_.actions);
      rows_.push_front(row);
      ++rows_made_;
      list_.prepend(*row);
    }
  });
  if (model_.size() > rows_max && !at_end_) {
    const std::size_t dropped = model_.drop_back(model_.size() - rows_max);
    looked_ = 0;
    for (std::size_t i = 0; i < dropped; ++i) remove_row(rows_.size() - 1);
  }
}

void TimelineView::newer_page(client::PageLoaded& page) {
  // Cut off at what is cached, by a connection that has gone: scrolling asks again
  if (page.whole_from > newest_looked() + 1) return;
  const std::size_t known = model_.size();
  auto& messages = page.messages;
  std::erase_if(messages, [&](const auto& m) { return m.room_seq <= newest_looked(); });
  looked_ = asked_;
  if (messages.size() > page_rows) {  // behind a flood of changes: a page, and no more
    messages.resize(page_rows);
    looked_ = messages.back().room_seq;
  }
  const std::size_t added = model_.append(std::move(messages), looked_, room_head_);
  for (std::size_t i = known; i < known + added; ++i) insert_row(i);
  if (added == 0) {
    // nothing but reactions and the like: on, in larger steps
    newer_rows_ = std::min(2 * newer_rows_, newer_rows_max);
    return scrolled();  // loads on, or is at the end now
  }
  newer_rows_ = page_rows;
  if (model_.size() <= rows_max) return;
  keep_place([&] {
    const std::size_t dropped = model_.size() - rows_max;
    model_.drop_front(dropped);
    for (std::size_t i = 0; i < dropped; ++i) remove_row(0);
  });
  complete_ = false;
}

std::uint64_t TimelineView::newest_looked() const {
  return std::max(looked_, model_.last_room_seq());
}

void TimelineView::arrived(client::MessagesArrived& event) {
  if (event.room != room_) return;
  if (event.after_gap && loaded_) {
    // What was missed is in pages: from here on, or read up to the end by scrolling
    if (!event.messages.empty()) room_head_ = std::max(room_head_, event.messages.back().room_seq);
    waiting_.clear();
    if (at_end_) return load_newest(first_page_rows);
    if (!model_.detached()) {
      const std::size_t dropped = model_.drop_back(0);
      for (std::size_t i = 0; i < dropped; ++i) remove_row(rows_.size() - 1);
      looked_ = 0;
    }
    return show_jump();
  }
  // they come again as what they make of a message
  std::erase_if(event.messages, [](const auto& m) { return client::is_change(m.kind); });
  waiting_.insert(waiting_.end(), std::make_move_iterator(event.messages.begin()),
                  std::make_move_iterator(event.messages.end()));
  if (!loaded_) return;  // after the first page
  if (waiting_.size() > burst_rows && at_end_) {
    waiting_.clear();
    if (request_ != Request::newest) load_newest(first_page_rows);
    return;
  }
  wait_for_idle();
}

void TimelineView::changed(client::MessageChanged& event) {
  if (event.message.room != room_) return;
  for (auto& message : waiting_)
    if (message.room_seq == event.message.room_seq) message = event.message;
  if (loaded_) apply(model_.change(std::move(event.message)));
}

void TimelineView::wait_for_idle() {
  // the first slice at once: a single message is on the screen with the next frame
  if (idle_.connected() || !add_waiting()) return;
  idle_ = Glib::signal_idle().connect([this] { return add_waiting(); });
}

bool TimelineView::add_waiting() {
  const std::uint64_t start = monotonic_us();
  while (!waiting_.empty() && monotonic_us() - start < slice_us) {
    client::Message message = std::move(waiting_.front());
    waiting_.pop_front();
    room_head_ = std::max(room_head_, message.room_seq);
    const bool new_to_user = !message.own && message.room_seq > model_.last_room_seq();
    if (!at_end_ && model_.size() >= rows_max && !model_.detached()) {
      const std::size_t dropped = model_.drop_back(0);
      looked_ = 0;
      for (std::size_t i = 0; i < dropped; ++i) remove_row(rows_.size() - 1);
    }
    apply(model_.upsert(std::move(message)));
    if (!at_end_ && new_to_user) ++below_;
  }
  if (at_end_ && model_.size() > rows_max) {
    const std::size_t dropped = model_.size() - rows_max;
    model_.drop_front(dropped);
    for (std::size_t i = 0; i < dropped; ++i) remove_row(0);
    complete_ = false;
  }
  show_state();
  show_jump();
  mark_read();
  return !waiting_.empty();
}

void TimelineView::outbox_changed(std::vector<client::Message>& messages) {
  bool written_now = false;
  for (auto& message : messages) {
    if (message.room != room_ || client::is_change(message.kind)) continue;
    if (!loaded_) {
      waiting_.push_back(std::move(message));
      continue;
    }
    const std::size_t known = model_.size();
    const bool queued = message.state == client::MessageState::queued;
    if (model_.detached() && queued) {
      load_newest(first_page_rows);
      return;
    }
    room_head_ = std::max(room_head_, message.room_seq);
    apply(model_.upsert(std::move(message)));
    written_now = written_now || (queued && model_.size() > known);
  }
  if (!loaded_) return;
  show_state();
  if (written_now) jump_to_latest();
  mark_read();
}

void TimelineView::discarded(const client::OutboxDiscarded& event) {
  if (event.room != room_) return;
  apply(model_.discard(event.local_id));
  show_state();
}

void TimelineView::apply(const std::vector<TimelineStep>& steps) {
  for (const auto& step : steps) {
    switch (step.kind) {
      case TimelineStep::Kind::insert: insert_row(step.index); break;
      case TimelineStep::Kind::remove: remove_row(step.index); break;
      case TimelineStep::Kind::update:
        rows_[step.index]->show(model_.at(step.index));
        rows_[step.index]->changed();
        break;
    }
  }
}

void TimelineView::insert_row(std::size_t index) {
  auto* row = Gtk::make_managed<MessageRow>(model_.at(index), ports_.actions);
  rows_.insert(rows_.begin() + static_cast<std::ptrdiff_t>(index), row);
  ++rows_made_;
  list_.insert(*row, static_cast<int>(index));
}

void TimelineView::remove_row(std::size_t index) {
  MessageRow* row = rows_[index];
  rows_.erase(rows_.begin() + static_cast<std::ptrdiff_t>(index));
  list_.remove(*row);
}

void TimelineView::clear_rows() {
  idle_.disconnect();
  layout_.disconnect();
  waiting_.clear();
  while (!rows_.empty()) remove_row(rows_.size() - 1);
  model_.reset({});
}

int TimelineView::measured_height() const {
  int minimum = 0, natural = 0, baseline_minimum = 0, baseline_natural = 0;
  list_.measure(Gtk::Orientation::VERTICAL, list_.get_width(), minimum, natural, baseline_minimum,
                baseline_natural);
  return minimum;
}

// The place moves by as much as the rows above grew, before the next layout sees either. Widgets
// cache their sizes: only new rows are measured.
void TimelineView::keep_place(const std::function<void()>& change) {
  const int before = measured_height();
  change();
  const int grown = measured_height() - before;
  place_->configure(std::max(0.0, place_->get_value() + grown), place_->get_lower(),
                    std::max(place_->get_upper() + grown, place_->get_page_size()),
                    place_->get_step_increment(), place_->get_page_increment(),
                    place_->get_page_size());
}

void TimelineView::set_header(Gtk::ListBoxRow* row, Gtk::ListBoxRow* before) const {
  auto* message = static_cast<MessageRow*>(row);
  const GroupFacts* above = before ? &static_cast<MessageRow*>(before)->facts() : nullptr;
  const bool day = starts_day(above, message->facts());
  const bool unread = read_at_open_ != 0 && !message->facts().own &&
                      is_first_unread(above, message->facts(), read_at_open_);
  message->set_starts_group(unread || starts_group(above, message->facts()));
  if (!day && !unread) {
    if (row->get_header() != nullptr) row->unset_header();
    return;
  }
  row->set_header(*Gtk::make_managed<DayRow>(day ? message->facts().shown_at_ms : 0, unread));
}

// A value that is set while the viewport is being allocated is lost: it is set after the layout and
// before the picture of the same frame.
void TimelineView::after_layout(std::function<void()> then) {
  if (!list_.get_mapped()) return;
  const auto clock = list_.get_frame_clock();
  layout_.disconnect();
  layout_ = clock->signal_layout().connect([this, then = std::move(then)] {
    const auto once = std::move(then);
    layout_.disconnect();
    once();
  });
  clock->request_phase(Gdk::FrameClock::Phase::LAYOUT);
}

void TimelineView::bounds_changed() {
  if (at_end_ && !model_.detached()) after_layout([this] { go_to_end(); });
  show_jump();
}

void TimelineView::go_to_end() {
  if (at_end_) place_->set_value(place_->get_upper() - place_->get_page_size());
}

void TimelineView::scrolled() {
  const double left = place_->get_upper() - place_->get_page_size() - place_->get_value();
  at_end_ = left <= end_slack_px && !model_.detached();
  if (at_end_) below_ = 0;
  show_jump();
  mark_read();
  if (place_->get_value() < 1.5 * place_->get_page_size()) load_older();
  if (left < 1.5 * place_->get_page_size()) load_newer();
}

void TimelineView::go_to_first_unread() {
  const auto first = std::find_if(rows_.begin(), rows_.end(), [&](const MessageRow* row) {
    return row->facts().room_seq > read_at_open_;
  });
  if (first == rows_.end() || !list_.get_mapped()) return;
  at_end_ = false;
  after_layout([this, row = *first] {
    graphene_rect_t bounds;  // gtkmm 4.8 has no compute_bounds
    if (!gtk_widget_compute_bounds(GTK_WIDGET(row->gobj()), GTK_WIDGET(list_.gobj()), &bounds))
      return;
    place_->set_value(static_cast<double>(bounds.origin.y) - unread_above_px);
    scrolled();
  });
}

void TimelineView::set_active(bool active) {
  active_ = active;
  mark_read();
}

void TimelineView::mark_read() {
  if (!active_ || !loaded_ || !at_end_ || model_.detached() || !list_.get_mapped()) return;
  const std::uint64_t newest = model_.last_room_seq();
  if (newest <= marked_) return;
  marked_ = newest;
  ports_.mark_read(room_, newest);
}

void TimelineView::scroll(int pages) {
  place_->set_value(place_->get_value() + pages * 0.85 * place_->get_page_size());
}

void TimelineView::jump_to_latest() {
  if (model_.detached()) return load_newest(first_page_rows);
  at_end_ = true;
  below_ = 0;
  go_to_end();
  show_jump();
}

void TimelineView::show_state() {
  if (room_.is_zero() || !loaded_) return;
  states_.set_visible_child("messages");
  empty_.set_visible(model_.empty());
}

void TimelineView::show_jump() {
  const double left = place_->get_upper() - place_->get_page_size() - place_->get_value();
  const bool far = left > 0.5 * place_->get_page_size();
  jump_revealer_.set_reveal_child(loaded_ &&
                                  (model_.detached() || (!at_end_ && (far || below_ > 0))));
  jump_count_.set_visible(below_ > 0);
  jump_count_.set_text(Glib::ustring::format(below_));
}

}  // namespace tertulia::gtk
