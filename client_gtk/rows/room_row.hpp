// One room of the room list: name, unread count, unsent count. The row's child is a button that
// carries the room's name, because assistive technology clicks buttons, not rows (GTK 4.8).
// UI thread.
#pragma once

#include <gtkmm.h>

#include <functional>

#include "client/engine/engine.hpp"

namespace tertulia::gtk {

std::uint64_t unread_count(const client::Room& room);

class RoomRow : public Gtk::ListBoxRow {
 public:
  RoomRow(const client::Room& room, std::function<void(const RoomId&)> open);
  void show(const client::Room& room);
  const RoomId& room_id() const { return id_; }

 private:
  RoomId id_;
  Gtk::Button button_;
  Gtk::Box content_{Gtk::Orientation::HORIZONTAL, 8};
  Gtk::Label sign_{"#"};
  Gtk::Label name_;
  Gtk::Label unsent_;
  Gtk::Label unread_;
};

}  // namespace tertulia::gtk
