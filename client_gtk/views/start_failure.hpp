// The window that stands in for the other one when the profile cannot be opened: it says why, and that
// nothing is lost. UI thread.
#pragma once

#include <gtkmm.h>

#include <filesystem>
#include <string>

namespace tertulia::gtk {

class StartFailure {
 public:
  StartFailure(const std::filesystem::path& profile, const std::string& reason);
  Gtk::Window& window() { return window_; }

 private:
  Glib::RefPtr<Gtk::Builder> ui_;
  Gtk::Window& window_;
  Gtk::Label& details_;
};

}  // namespace tertulia::gtk
