#include "client_gtk/rows/room_row.hpp"

#include "client_gtk/app/accessible.hpp"
#include "client_gtk/app/text.hpp"

namespace tertulia::gtk {
namespace {

constexpr std::uint64_t unread_shown_max = 999;

}  // namespace

std::uint64_t unread_count(const client::Room& room) {
  return room.head > room.read_up_to ? room.head - room.read_up_to : 0;
}

RoomRow::RoomRow(const client::Room& room, std::function<void(const RoomId&)> open) : id_(room.id) {
  add_css_class("room");
  sign_.add_css_class("dim-label");
  name_.add_css_class("name");
  name_.set_xalign(0.0F);
  name_.set_hexpand(true);
  name_.set_ellipsize(Pango::EllipsizeMode::END);
  unread_.add_css_class("badge");
  unread_.set_valign(Gtk::Align::CENTER);
  unsent_.add_css_class("caption");
  unsent_.add_css_class("unsent");
  for (auto* part : {&sign_, &name_, &unsent_, &unread_}) content_.append(*part);
  button_.set_child(content_);
  button_.add_css_class("flat");
  button_.set_focusable(false);  // the row takes the focus, so that arrow keys walk the rooms
  button_.signal_clicked().connect([this, open] { open(id_); });
  set_child(button_);
  show(room);
}

void RoomRow::show(const client::Room& room) {
  name_.set_text(room.name);
  set_tooltip_text(room.topic);
  const std::uint64_t unread = unread_count(room);
  unread_.set_visible(unread > 0);
  unread_.set_text(unread > unread_shown_max ? Glib::ustring("999+")
                                             : Glib::ustring::format(unread));
  unsent_.set_visible(room.unsent > 0);
  unsent_.set_text(Glib::ustring::compose(tr("%1 unsent"), room.unsent));
  if (unread > 0) {
    add_css_class("unread");
  } else {
    remove_css_class("unread");
  }
  set_accessible_name(button_, room.name);
  set_accessible_description(
      button_,
      Glib::ustring::compose(trn("%1 unread message", "%1 unread messages", unread), unread));
}

}  // namespace tertulia::gtk
