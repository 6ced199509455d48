// One message of the timeline: author and time where a group starts, the text in a bubble, and for
// own messages the state (queued, sent, failed with Retry / Edit / Delete). Text of users is only
// ever set as plain text. UI thread.
#pragma once

#include <gtkmm.h>

#include <functional>

#include "client/engine/engine.hpp"
#include "client_gtk/models/grouping.hpp"
#include "client_gtk/rows/height_for_width.hpp"

namespace tertulia::gtk {

struct MessageActions {
  std::function<void(std::uint64_t local_id)> retry;
  std::function<void(std::uint64_t local_id, const std::string& text)> edit;
  std::function<void(std::uint64_t local_id)> discard;
};

class MessageRow : public Gtk::ListBoxRow {
 public:
  // actions outlives the row.
  MessageRow(const client::Message& message, const MessageActions& actions);

  void show(const client::Message& message);
  void set_starts_group(bool starts);
  const GroupFacts& facts() const { return facts_; }

 private:
  void show_edited(bool edited);
  void show_state(const client::Message& message);
  void show_failure(const client::Message& message);

  const MessageActions& actions_;
  GroupFacts facts_;
  Glib::ustring author_;
  Glib::ustring time_;
  std::uint64_t local_id_ = 0;
  bool own_ = false;
  int starts_group_ = -1;  // -1: not told yet

  Gtk::Box content_{Gtk::Orientation::HORIZONTAL, 8};
  Gtk::Box column_{Gtk::Orientation::VERTICAL, 2};
  Gtk::Box line_{Gtk::Orientation::HORIZONTAL, 8};
  Gtk::Label body_;
  HeightForWidth body_frame_{body_};
  // made when they are needed first: most rows never do
  Gtk::Widget* avatar_ = nullptr;
  Gtk::Box* heading_ = nullptr;
  Gtk::Label* heading_time_ = nullptr;
  Gtk::Label* edited_ = nullptr;
  Gtk::Image* state_icon_ = nullptr;
  Gtk::Label* state_text_ = nullptr;
  Gtk::Box* failure_ = nullptr;
  Gtk::Label* failure_text_ = nullptr;
  Gtk::Widget* failure_buttons_ = nullptr;
};

}  // namespace tertulia::gtk
