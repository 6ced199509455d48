#include "client_gtk/app/accessible.hpp"

#include <gtk/gtk.h>

namespace tertulia::gtk {

void set_accessible_name(Gtk::Widget& widget, const Glib::ustring& name) {
  // GTK 4.18 names a button by a relation to its label, keeps that relation when the label gives
  // way to an icon, and it goes before the property
  gtk_accessible_reset_relation(GTK_ACCESSIBLE(widget.gobj()), GTK_ACCESSIBLE_RELATION_LABELLED_BY);
  gtk_accessible_update_property(GTK_ACCESSIBLE(widget.gobj()), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                 name.c_str(), -1);
}

void set_accessible_description(Gtk::Widget& widget, const Glib::ustring& description) {
  gtk_accessible_update_property(GTK_ACCESSIBLE(widget.gobj()), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION,
                                 description.c_str(), -1);
}

}  // namespace tertulia::gtk
