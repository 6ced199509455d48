// The strip that says that a device was added to this user's account, by whom, and takes it out again
// if he did not expect it. One at a time; it stays until he answers. UI thread.
#pragma once

#include <gtkmm.h>

#include <deque>
#include <string>

#include "client/engine/engine.hpp"

namespace tertulia::gtk {

class DeviceNotice {
 public:
  DeviceNotice(const Glib::RefPtr<Gtk::Builder>& ui, client::Engine& engine);
  void added(const client::DeviceAdded& device);
  void listed(const client::DevicesListed& list);       // what they are called
  void finished(const client::ActFinished& revocation);  // of the one that is shown

 private:
  struct Told {
    DeviceId device;
    bool by_administrator;
    Glib::ustring name;
  };
  void show();
  void answered();  // the next one, if there is one
  void remove();

  client::Engine& engine_;
  Gtk::Revealer& revealer_;
  Gtk::Label& cause_;
  Gtk::Label& advice_;
  Gtk::Button& keep_;
  Gtk::Button& remove_;
  std::deque<Told> told_;
};

}  // namespace tertulia::gtk
