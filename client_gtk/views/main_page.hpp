// The page one works on: rooms at the left, the open room at the right; one of them at a time when
// the window is narrow. UI thread.
#pragma once

#include <gtkmm.h>

#include <functional>
#include <vector>

#include "client/engine/engine.hpp"
#include "client_gtk/views/banner.hpp"
#include "client_gtk/views/composer.hpp"
#include "client_gtk/views/device_notice.hpp"
#include "client_gtk/views/room_list.hpp"
#include "client_gtk/views/timeline_view.hpp"

namespace tertulia::gtk {

class MainPage {
 public:
  // first_room: opened if it is there, else the first of the list. title_changed gets the room.
  MainPage(client::Engine& engine, RoomId first_room,
           std::function<void(const Glib::ustring& room)> title_changed);

  Gtk::Widget& widget() { return page_; }
  void show_link(const client::LinkStatus& status);
  void show_account(const client::Account& account);
  void show_rooms(std::vector<client::Room> rooms);
  void outbox_changed(client::OutboxChanged& event);

  void open_next_room(int step);
  const RoomId& open_room() const { return open_; }
  DeviceNotice& device_notice() { return device_notice_; }
  TimelineView& timeline() { return timeline_; }
  Composer& composer() { return composer_; }

 private:
  void open(const RoomId& room, bool by_user);
  void folded_changed();
  void show_title();

  client::Engine& engine_;
  Glib::RefPtr<Gtk::Builder> ui_;
  std::function<void(const Glib::ustring&)> title_changed_;
  Gtk::Widget& page_;  // an AdwLeaflet
  Gtk::Widget& rooms_pane_;
  Gtk::Widget& room_pane_;
  Gtk::Widget& rooms_header_;
  Gtk::Widget& room_header_;
  Gtk::Widget& server_title_;
  Gtk::Widget& room_title_;
  Gtk::Button& back_;
  Gtk::Box& account_;
  Gtk::Label& account_name_;
  Gtk::Label& account_user_;
  Gtk::Widget& status_box_;
  Gtk::Label& status_;
  Gtk::Widget* avatar_;
  Banner banner_;
  DeviceNotice device_notice_;
  TimelineView timeline_;
  Composer composer_;
  RoomList room_list_;
  std::vector<client::Room> rooms_;
  Glib::ustring room_name_;
  Glib::ustring room_topic_;
  RoomId wanted_;
  RoomId open_;
};

}  // namespace tertulia::gtk
