#include "client_gtk/app/accessible.hpp"

#include <gtk/gtk.h>

namespace tertulia::gtk {

void set_accessible_name(Gtk::Widget& widget, const Glib::ustring& name) {
  gtk_accessible_update_property(GTK_ACCESSIBLE(widget.gobj()), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                 name.c_str(), -1);
}

void set_accessible_description(Gtk::Widget& widget, const Glib::ustring& description) {
  gtk_accessible_update_property(GTK_ACCESSIBLE(widget.gobj()), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION,
                                 description.c_str(), -1);
}

}  // namespace tertulia::gtk
