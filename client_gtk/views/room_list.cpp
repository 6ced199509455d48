#include "client_gtk/views/room_list.hpp"

#include "client_gtk/app/builder.hpp"

namespace tertulia::gtk {

RoomList::RoomList(const Glib::RefPtr<Gtk::Builder>& ui, std::function<void(const RoomId&)> open)
    : list_(need<Gtk::ListBox>(ui, "rooms")),
      open_(std::move(open)) {
  list_.signal_row_activated().connect([this](Gtk::ListBoxRow* row) {
    if (auto* room = dynamic_cast<RoomRow*>(row)) open_(room->room_id());
  });
}

void RoomList::show(const std::vector<client::Room>& rooms) {
  std::vector<RoomId> order;
  order.reserve(rooms.size());
  for (const auto& room : rooms) order.push_back(room.id);
  if (order == order_) {
    for (const auto& room : rooms) rows_.at(room.id)->show(room);
    return;
  }
  for (const auto& [id, row] : rows_) list_.remove(*row);
  rows_.clear();
  order_ = std::move(order);
  for (const auto& room : rooms) {
    auto* row = Gtk::make_managed<RoomRow>(room, open_);
    list_.append(*row);
    rows_.emplace(room.id, row);
  }
  select(selected_);
}

void RoomList::select(const RoomId& room) {
  selected_ = room;
  const auto at = rows_.find(room);
  if (at != rows_.end()) list_.select_row(*at->second);
}

}  // namespace tertulia::gtk
