// The red page that takes the window when the server's log is not the one this device verified. It
// has no way back: only a restart after the administrator mended it. UI thread.
#pragma once

#include <gtkmm.h>

#include "client/engine/engine.hpp"

namespace tertulia::gtk {

class BlockedPage {
 public:
  BlockedPage();
  Gtk::Widget& widget() { return page_; }
  void show(const client::LinkStatus& status, const client::Account& account);

 private:
  Glib::RefPtr<Gtk::Builder> ui_;
  Gtk::Widget& page_;
  Gtk::Label& title_;
  Gtk::Label& what_;
  Gtk::Label& details_;
  Gtk::Button& copy_;
};

}  // namespace tertulia::gtk
