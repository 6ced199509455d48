#include "client_gtk/views/main_page.hpp"

#include <algorithm>

#include "client_gtk/app/accessible.hpp"
#include "client_gtk/app/adwaita.hpp"
#include "client_gtk/app/builder.hpp"
#include "client_gtk/app/text.hpp"
#include "client_gtk/models/link_text.hpp"

namespace tertulia::gtk {
namespace {

constexpr int account_avatar_px = 32;

auto find_room(const std::vector<client::Room>& rooms, const RoomId& id) {
  return std::find_if(rooms.begin(), rooms.end(), [&](const auto& room) { return room.id == id; });
}

}  // namespace

MainPage::MainPage(client::Engine& engine, RoomId first_room,
                   std::function<void(const Glib::ustring&)> title_changed)
    : engine_(engine),
      ui_(load_ui("main_page")),
      title_changed_(std::move(title_changed)),
      page_(need(ui_, "main_page")),
      rooms_pane_(need(ui_, "rooms_pane")),
      room_pane_(need(ui_, "room_pane")),
      rooms_header_(need(ui_, "rooms_header")),
      room_header_(need(ui_, "room_header")),
      server_title_(need(ui_, "server_title")),
      room_title_(need(ui_, "room_title")),
      back_(need<Gtk::Button>(ui_, "back")),
      account_(need<Gtk::Box>(ui_, "account")),
      account_name_(need<Gtk::Label>(ui_, "account_name")),
      account_user_(need<Gtk::Label>(ui_, "account_user")),
      status_box_(need(ui_, "status_box")),
      status_(need<Gtk::Label>(ui_, "connection_status")),
      avatar_(adwaita::make_avatar(account_avatar_px, {})),
      banner_(ui_, [this] { engine_.reconnect_now(); }),
      device_notice_(ui_, engine_),
      timeline_(ui_,
                {.load_page =
                     [this](const RoomId& room, std::uint64_t before, std::uint32_t limit,
                            std::uint64_t token) { engine_.load_page(room, before, limit, token); },
                 .mark_read = [this](const RoomId& room,
                                     std::uint64_t seq) { engine_.mark_read(room, seq); },
                 .actions = {.retry = [this](std::uint64_t id) { engine_.retry(id); },
                             .edit =
                                 [this](std::uint64_t id, const std::string& text) {
                                   composer_.put_back(text);
                                   composer_.save_now();
                                   engine_.discard(id);
                                 },
                             .discard = [this](std::uint64_t id) { engine_.discard(id); }}}),
      composer_(ui_,
                {.send = [this](const RoomId& room,
                                const std::string& text) { return engine_.send_text(room, text); },
                 .save_draft = [this](const RoomId& room,
                                      const std::string& text) { engine_.save_draft(room, text); },
                 .scroll_timeline = [this](int pages) { timeline_.scroll(pages); }}),
      room_list_(ui_, [this](const RoomId& room) { open(room, true); }),
      wanted_(first_room) {
  account_.prepend(*avatar_);
  adwaita::on_folded_changed(page_, [this] { folded_changed(); });
  adwaita::show_pane(page_, room_pane_);
  back_.signal_clicked().connect([this] { adwaita::show_pane(page_, rooms_pane_); });
  folded_changed();
  show_link({});
}

void MainPage::folded_changed() {
  const bool folded = adwaita::is_folded(page_);
  back_.set_visible(folded);
  adwaita::set_header_end_controls(rooms_header_, folded);
  adwaita::set_header_start_controls(room_header_, folded);
  adwaita::set_header_compact(rooms_header_, folded);
  adwaita::set_header_compact(room_header_, folded);
  composer_.set_narrow(folded);
  show_title();
}

// A narrow header bar has no room for the state beside the title: it is said below it.
void MainPage::show_title() {
  const bool folded = adwaita::is_folded(page_);
  status_box_.set_visible(!folded);
  adwaita::set_window_title(room_title_, room_name_, folded ? status_.get_text() : room_topic_);
}

void MainPage::show_link(const client::LinkStatus& status) {
  const Glib::ustring word = state_word(status.state);
  status_.set_text(word);
  // "Connection status" is how it is found; what it says stays in its text and its description
  set_accessible_name(status_, tr("Connection status"));
  set_accessible_description(status_, word);
  show_title();
  for (const char* css : {"waiting", "broken"}) status_box_.remove_css_class(css);
  if (status.state == client::LinkState::connecting) status_box_.add_css_class("waiting");
  if (status.state == client::LinkState::offline || status.state == client::LinkState::refused) {
    status_box_.add_css_class("broken");
  }
  banner_.show(status);
  if (status.problem == client::LinkProblem::store_failed) composer_.store_failed();
}

void MainPage::show_account(const client::Account& account) {
  adwaita::set_window_title(server_title_, account.server_name, {});
  const Glib::ustring name =
      account.display_name.empty() ? account.user_name : account.display_name;
  adwaita::set_avatar_name(*avatar_, name);
  account_name_.set_text(name);
  account_user_.set_text("@" + account.user_name);
  account_.set_tooltip_text(account.server_fingerprint);
}

void MainPage::show_rooms(std::vector<client::Room> rooms) {
  rooms_ = std::move(rooms);
  room_list_.show(rooms_);
  const auto at = find_room(rooms_, open_);
  if (at != rooms_.end()) {
    timeline_.head_moved(at->head);
    room_name_ = at->name;
    room_topic_ = at->topic;
    show_title();
    return;
  }
  if (rooms_.empty()) {
    timeline_.show_no_room();
    open_ = {};
    return;
  }
  const auto wanted = find_room(rooms_, wanted_);
  open(wanted != rooms_.end() ? wanted_ : rooms_.front().id, false);
}

void MainPage::open(const RoomId& room, bool by_user) {
  if (by_user) adwaita::show_pane(page_, room_pane_);
  const auto at = find_room(rooms_, room);
  if (at == rooms_.end()) return;
  if (room != open_) {
    open_ = room;
    room_list_.select(room);
    room_name_ = at->name;
    room_topic_ = at->topic;
    show_title();
    title_changed_(at->name);
    composer_.open(*at);
    timeline_.open(*at);
  }
  composer_.focus();
}

void MainPage::open_next_room(int step) {
  const auto at = find_room(rooms_, open_);
  if (at == rooms_.end()) return;
  const auto index = at - rooms_.begin() + step;
  if (index < 0 || index >= static_cast<std::ptrdiff_t>(rooms_.size())) return;
  open(rooms_[static_cast<std::size_t>(index)].id, true);
}

void MainPage::outbox_changed(client::OutboxChanged& event) {
  for (const auto& message : event.messages) composer_.outbox_changed(message);
  timeline_.outbox_changed(event.messages);
}

}  // namespace tertulia::gtk
