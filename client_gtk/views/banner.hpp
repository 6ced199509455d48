// The strip above the timeline while the link is not whole: cause, countdown, "Try now".
// Never a dialog: writing goes on below it. UI thread.
#pragma once

#include <gtkmm.h>

#include <functional>

#include "client/engine/engine.hpp"

namespace tertulia::gtk {

class Banner {
 public:
  Banner(const Glib::RefPtr<Gtk::Builder>& ui, std::function<void()> try_now);
  ~Banner();
  void show(const client::LinkStatus& status);

 private:
  void show_countdown();

  Gtk::Revealer& revealer_;
  Gtk::Widget& box_;
  Gtk::Label& cause_;
  Gtk::Label& countdown_;
  Gtk::Button& retry_;
  client::LinkStatus status_;
  sigc::connection ticking_;
};

}  // namespace tertulia::gtk
