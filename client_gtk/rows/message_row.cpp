#include "client_gtk/rows/message_row.hpp"

#include "client_gtk/app/accessible.hpp"
#include "client_gtk/app/adwaita.hpp"
#include "client_gtk/app/text.hpp"
#include "client_gtk/models/reason_text.hpp"

namespace tertulia::gtk {
namespace {

constexpr int avatar_px = 32;
constexpr std::uint8_t kind_text = 1;

Glib::ustring clock_time(std::uint64_t unix_ms) {
  const auto at = Glib::DateTime::create_now_local(static_cast<gint64>(unix_ms / 1000));
  return at ? at.format("%H:%M") : Glib::ustring();
}

Gtk::Button* make_button(const Glib::ustring& label) {
  auto* button = Gtk::make_managed<Gtk::Button>(label);
  button->add_css_class("small");
  return button;
}

}  // namespace

MessageRow::MessageRow(const client::Message& message, const MessageActions& actions)
    : actions_(actions),
      own_(message.own) {
  set_activatable(false);
  set_selectable(false);
  // the text can be selected with the pointer; Tab passes the whole timeline in one step
  set_focusable(false);
  add_css_class("message");

  body_.set_wrap(true);
  body_.set_wrap_mode(Pango::WrapMode::WORD_CHAR);
  body_.set_natural_wrap_mode(Gtk::NaturalWrapMode::NONE);
  body_.set_xalign(0.0F);
  body_.set_selectable(true);
  body_.set_focusable(false);
  body_.add_css_class("bubble");

  column_.set_hexpand(true);
  if (own_) {
    add_css_class("own");
    line_.set_halign(Gtk::Align::END);
    column_.set_margin_start(48);
  } else {
    line_.set_halign(Gtk::Align::START);
    column_.set_margin_end(32);
    column_.set_margin_start(avatar_px + 8);
  }
  line_.set_valign(Gtk::Align::START);
  line_.append(body_frame_);
  column_.append(line_);
  content_.append(column_);
  set_child(content_);
  show(message);
}

void MessageRow::show(const client::Message& message) {
  facts_ = facts_of(message);
  local_id_ = message.local_id;
  author_ = message.sender_display.empty() ? message.sender_name : message.sender_display;
  time_ = clock_time(facts_.shown_at_ms);
  if (heading_time_ != nullptr) heading_time_->set_text(time_);
  show_edited(message.edited_at_ms != 0);
  if (message.deleted) {
    body_.set_text(tr("This message was deleted."));
    body_.add_css_class("dim-label");
  } else if (message.kind == kind_text) {
    body_.set_text(message.text);
  } else {
    body_.set_text(tr("This message needs a newer version of Tertulia."));
    body_.add_css_class("dim-label");
  }
  if (own_) {
    show_state(message);
    show_failure(message);
  }
}

void MessageRow::show_edited(bool edited) {
  if (edited && edited_ == nullptr) {
    edited_ = Gtk::make_managed<Gtk::Label>(tr("(edited)"));
    edited_->set_valign(Gtk::Align::END);
    edited_->set_margin_bottom(4);
    edited_->add_css_class("caption");
    edited_->add_css_class("dim-label");
    own_ ? line_.prepend(*edited_) : line_.append(*edited_);
  }
  if (edited_ != nullptr) edited_->set_visible(edited);
}

void MessageRow::set_starts_group(bool starts) {
  if (starts_group_ == static_cast<int>(starts)) return;
  starts_group_ = starts ? 1 : 0;
  if (starts) {
    add_css_class("group-start");
  } else {
    remove_css_class("group-start");
  }
  if (starts && heading_ == nullptr) {
    heading_ = Gtk::make_managed<Gtk::Box>(Gtk::Orientation::HORIZONTAL, 8);
    if (!own_) {
      auto* author = Gtk::make_managed<Gtk::Label>(author_);
      author->add_css_class("caption-heading");
      author->set_ellipsize(Pango::EllipsizeMode::END);
      heading_->append(*author);
      avatar_ = adwaita::make_avatar(avatar_px, author_);
      avatar_->set_valign(Gtk::Align::START);
      avatar_->set_margin_top(2);
      content_.prepend(*avatar_);
    }
    heading_time_ = Gtk::make_managed<Gtk::Label>(time_);
    heading_time_->add_css_class("caption");
    heading_time_->add_css_class("dim-label");
    heading_->append(*heading_time_);
    heading_->set_halign(own_ ? Gtk::Align::END : Gtk::Align::START);
    heading_->set_margin_start(4);
    heading_->set_margin_end(4);
    column_.prepend(*heading_);
  }
  if (heading_ != nullptr) heading_->set_visible(starts);
  if (avatar_ != nullptr) avatar_->set_visible(starts);
  if (!own_) column_.set_margin_start(starts ? 0 : avatar_px + 8);
}

void MessageRow::show_state(const client::Message& message) {
  if (state_icon_ == nullptr) {
    auto* state = Gtk::make_managed<Gtk::Box>(Gtk::Orientation::HORIZONTAL, 4);
    state_icon_ = Gtk::make_managed<Gtk::Image>();
    state_icon_->set_pixel_size(12);
    state_text_ = Gtk::make_managed<Gtk::Label>();
    state->append(*state_icon_);
    state->append(*state_text_);
    state->set_valign(Gtk::Align::END);
    state->set_margin_bottom(4);
    state->add_css_class("state");
    state->add_css_class("caption");
    line_.prepend(*state);
  }
  auto& box = *state_icon_->get_parent();
  box.remove_css_class("failed");
  switch (message.state) {
    case client::MessageState::queued:
      state_icon_->set_from_icon_name("content-loading-symbolic");
      state_text_->set_text(tr("Queued"));
      break;
    case client::MessageState::sent:
      state_icon_->set_from_icon_name("object-select-symbolic");
      state_text_->set_text(tr("Sent"));
      break;
    case client::MessageState::failed:
      state_icon_->set_from_icon_name("dialog-warning-symbolic");
      state_text_->set_text(tr("Not sent"));
      box.add_css_class("failed");
      break;
  }
}

void MessageRow::show_failure(const client::Message& message) {
  const bool failed = message.state == client::MessageState::failed;
  if (failed && failure_ == nullptr) {
    failure_ = Gtk::make_managed<Gtk::Box>(Gtk::Orientation::VERTICAL, 4);
    failure_->set_halign(Gtk::Align::END);
    failure_->set_valign(Gtk::Align::START);
    failure_text_ = Gtk::make_managed<Gtk::Label>();
    failure_text_->set_wrap(true);
    failure_text_->set_xalign(1.0F);
    failure_text_->add_css_class("caption");
    failure_text_->add_css_class("error");
    failure_->append(*failure_text_);
    auto* buttons = Gtk::make_managed<Gtk::Box>(Gtk::Orientation::HORIZONTAL, 6);
    buttons->set_halign(Gtk::Align::END);
    auto* retry = make_button(tr("Retry"));
    retry->signal_clicked().connect([this] { actions_.retry(local_id_); });
    auto* edit = make_button(tr("Edit"));
    edit->signal_clicked().connect([this] { actions_.edit(local_id_, body_.get_text()); });
    auto* discard = make_button(tr("Delete"));
    discard->signal_clicked().connect([this] { actions_.discard(local_id_); });
    buttons->append(*retry);
    buttons->append(*edit);
    buttons->append(*discard);
    failure_->append(*buttons);
    failure_buttons_ = buttons;
    column_.append(*failure_);
  }
  if (failure_ == nullptr) return;
  failure_->set_visible(failed);
  if (!failed) return;
  failure_buttons_->set_visible(message.stored);  // else its words are in the composer again
  failure_text_->set_text(reason_sentence(message.failure));
  failure_text_->set_visible(!message.failure.empty());
}

}  // namespace tertulia::gtk
