// The list of rooms. Rows are kept by room and changed in place, so that nothing moves under the
// pointer when a count changes. UI thread.
#pragma once

#include <gtkmm.h>

#include <functional>
#include <unordered_map>
#include <vector>

#include "client/engine/engine.hpp"
#include "client_gtk/rows/room_row.hpp"

namespace tertulia::gtk {

class RoomList {
 public:
  RoomList(const Glib::RefPtr<Gtk::Builder>& ui, std::function<void(const RoomId&)> open);
  void show(const std::vector<client::Room>& rooms);
  void select(const RoomId& room);

 private:
  Gtk::ListBox& list_;
  std::function<void(const RoomId&)> open_;
  std::unordered_map<RoomId, RoomRow*> rows_;  // managed by the list
  std::vector<RoomId> order_;
  RoomId selected_;
};

}  // namespace tertulia::gtk
