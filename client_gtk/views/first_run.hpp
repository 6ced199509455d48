// The page of a profile that belongs to no server yet: paste the invite, see whom it is from, say
// how you are called, join. What goes wrong stands on the page as a sentence. UI thread.
#pragma once

#include <gtkmm.h>

#include <functional>
#include <string>

#include "client/engine/engine.hpp"

namespace tertulia::gtk {

class FirstRun {
 public:
  struct Names {
    std::string display;  // empty: as the server has it
    std::string user;     // where the invite lets one choose; else empty
  };
  explicit FirstRun(std::function<void(std::string invite, Names names)> join);

  Gtk::Widget& widget() { return page_; }
  Gtk::Button& default_button() { return join_button_; }
  void set_invite(const std::string& invite);
  // A link: the other device has been asked, or shows this code.
  void waiting(const client::EnrolWaiting& now);
  void finished(const client::EnrolFinished& result);
  void focus();

 private:
  void read_invite();
  void read_user_name();
  void update_button();
  void join();
  void show_problem(const Glib::ustring& sentence);
  void set_busy(bool busy);

  Glib::RefPtr<Gtk::Builder> ui_;
  std::function<void(std::string, Names)> join_;
  Gtk::Widget& page_;
  Gtk::Entry& invite_;
  Gtk::Entry& display_name_;
  Gtk::Entry& chosen_name_;
  Gtk::Widget& choose_name_;  // the entry with its heading
  Gtk::Widget& name_hint_;
  Gtk::Label& name_problem_;  // in its place
  Gtk::Revealer& preview_;
  Gtk::Widget& preview_server_;
  Gtk::Widget& preview_user_;
  Gtk::Widget& preview_fingerprint_;
  Gtk::Widget& display_name_box_;
  Gtk::Label& waiting_;
  Gtk::Label& code_;
  Gtk::Label& problem_;
  Gtk::Button& join_button_;
  Gtk::Spinner& spinner_;
  std::string user_name_;    // whom the invite is for
  bool is_read_ = false;     // the invite can be used
  bool class_link_ = false;  // it lets one choose the user name
};

}  // namespace tertulia::gtk
