// libadwaita has no C++ binding: everything of it that the window calls is here, as functions over
// Gtk::Widget (the C++ wrapper of the nearest GTK class). UI thread.
#pragma once

#include <gtkmm.h>

#include <functional>
#include <string>

namespace tertulia::gtk::adwaita {

enum class ColorScheme { system, light, dark };

void start();  // once, at the application's startup
void set_color_scheme(ColorScheme scheme);
void set_animations(Gtk::Widget& any, bool on);

// An AdwAvatar with the initials of `name`; managed by the container it is put into.
Gtk::Widget* make_avatar(int size_px, const Glib::ustring& name);
void set_avatar_name(Gtk::Widget& avatar, const Glib::ustring& name);

// AdwLeaflet: two panes, folded into one when the window is narrow.
bool is_folded(Gtk::Widget& leaflet);
void on_folded_changed(Gtk::Widget& leaflet, std::function<void()> then);
void show_pane(Gtk::Widget& leaflet, Gtk::Widget& pane);
Gtk::Widget* shown_pane(Gtk::Widget& leaflet);

void set_header_end_controls(Gtk::Widget& header_bar, bool shown);
void set_header_start_controls(Gtk::Widget& header_bar, bool shown);
// compact: of the window buttons only close, on the side where the desktop has it.
void set_header_compact(Gtk::Widget& header_bar, bool compact);
void set_window_title(Gtk::Widget& window_title, const Glib::ustring& title,
                      const Glib::ustring& subtitle);
// AdwStatusPage and AdwActionRow parse Pango markup: what is given here is escaped.
void set_status_page(Gtk::Widget& page, const Glib::ustring& title,
                     const Glib::ustring& description);
void set_row(Gtk::Widget& action_row, const Glib::ustring& subtitle);

void show_about(Gtk::Window& parent, const std::string& version);

}  // namespace tertulia::gtk::adwaita
