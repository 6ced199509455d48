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
  explicit FirstRun(std::function<void(std::string invite, std::string display_name)> join);

  Gtk::Widget& widget() { return page_; }
  Gtk::Button& default_button() { return join_button_; }
  void set_invite(const std::string& invite);
  void finished(const client::EnrolFinished& result);
  void focus();

 private:
  void read_invite();
  void join();
  void show_problem(const Glib::ustring& sentence);
  void set_busy(bool busy);

  Glib::RefPtr<Gtk::Builder> ui_;
  std::function<void(std::string, std::string)> join_;
  Gtk::Widget& page_;
  Gtk::Entry& invite_;
  Gtk::Entry& display_name_;
  Gtk::Revealer& preview_;
  Gtk::Widget& preview_server_;
  Gtk::Widget& preview_user_;
  Gtk::Widget& preview_fingerprint_;
  Gtk::Label& problem_;
  Gtk::Button& join_button_;
  Gtk::Spinner& spinner_;
  std::string user_name_;
};

}  // namespace tertulia::gtk
