// Widgets of the compiled-in .ui files. A missing one is a bug of ours. UI thread.
#pragma once

#include <gtkmm/builder.h>

#include <cassert>
#include <string>

namespace tertulia::gtk {

inline constexpr const char* resource_base = "/org/tertulia/Tertulia";

inline Glib::RefPtr<Gtk::Builder> load_ui(const std::string& name) {
  return Gtk::Builder::create_from_resource(std::string(resource_base) + "/ui/" + name + ".ui");
}

template <class Widget = Gtk::Widget>
Widget& need(const Glib::RefPtr<Gtk::Builder>& ui, const char* id) {
  Widget* widget = ui->get_widget<Widget>(id);
  assert(widget != nullptr);
  return *widget;
}

}  // namespace tertulia::gtk
