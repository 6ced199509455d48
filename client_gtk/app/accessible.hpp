// Accessible names, as screen readers and AT-SPI tests see them. UI thread.
#pragma once

#include <gtkmm/widget.h>

namespace tertulia::gtk {

void set_accessible_name(Gtk::Widget& widget, const Glib::ustring& name);
void set_accessible_description(Gtk::Widget& widget, const Glib::ustring& description);

}  // namespace tertulia::gtk
