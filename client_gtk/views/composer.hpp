// Where messages are written. Enter sends, Shift+Enter starts a line. Nothing typed is lost: the
// draft of each room is stored within draft_delay_ms and at each room switch, and a text that was
// handed to the engine stays part of the stored draft until the engine says it is in the outbox.
// UI thread.
#pragma once

#include <gtkmm.h>

#include <functional>
#include <map>
#include <string>
#include <unordered_map>

#include "client/engine/engine.hpp"

namespace tertulia::gtk {

class Composer {
 public:
  static constexpr unsigned draft_delay_ms = 250;

  struct Ports {
    std::function<std::uint64_t(const RoomId&, const std::string&)> send;  // gives the local_id
    std::function<void(const RoomId&, const std::string&)> save_draft;
    std::function<void(int pages)> scroll_timeline;
  };
  Composer(const Glib::RefPtr<Gtk::Builder>& ui, Ports ports);
  ~Composer();

  void open(const client::Room& room);
  void save_now();
  void focus();
  void set_narrow(bool narrow);
  void put_back(const std::string& text);  // in front of what is being written
  void outbox_changed(const client::Message& message);
  void store_failed();  // what was handed over and is not known to be stored comes back

 private:
  struct Handed {
    RoomId room;
    std::string text;
  };
  void take_back(const Handed& handed);
  std::string written() const;
  std::string durable_text(const RoomId& room, const std::string& text) const;
  void changed();
  void save(const RoomId& room, const std::string& text);
  void send();
  bool key_pressed(guint key, Gdk::ModifierType modifiers);

  Ports ports_;
  Gtk::TextView& view_;
  Gtk::Widget& hint_;
  Gtk::Button& send_button_;
  Glib::RefPtr<Gtk::EventControllerKey> keys_;
  RoomId room_;
  std::unordered_map<RoomId, std::string> drafts_;  // as written in this session
  std::unordered_map<RoomId, std::string> saved_;   // as the engine was told last
  std::map<std::uint64_t, Handed> handed_;          // by local_id: not known to be stored yet
  sigc::connection save_later_;
  bool opening_ = false;
};

}  // namespace tertulia::gtk
