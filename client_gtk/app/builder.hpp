// Widgets of the compiled-in .ui files. A missing one is a bug of ours. UI thread.
#pragma once

#include <gtkmm/builder.h>

#include <cassert>
#include <string>

namespace tertulia::gtk {

inline constexpr const char* resource_base = "/org/tertulia/Tertulia";

// file: below resource_base, with its leading slash.
inline std::string resource_path(const std::string& file) {
  std::string path = resource_base;
  path += file;
  return path;
}

inline Glib::RefPtr<Gtk::Builder> load_ui(const std::string& name) {
  std::string file = "/ui/";
  file += name;
  file += ".ui";
  return Gtk::Builder::create_from_resource(resource_path(file));
}

template <class Widget = Gtk::Widget>
Widget& need(const Glib::RefPtr<Gtk::Builder>& ui, const char* id) {
  Widget* widget = ui->get_widget<Widget>(id);
  assert(widget != nullptr);
  return *widget;
}

}  // namespace tertulia::gtk
