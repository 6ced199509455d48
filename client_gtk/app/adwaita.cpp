#include "client_gtk/app/adwaita.hpp"

#include <adwaita.h>

#include "client_gtk/app/text.hpp"

// AdwLeaflet (deprecated in 1.4) and AdwAboutWindow (1.6) are all that 1.2 on Debian 12 has; newer
// ones still carry them.
G_GNUC_BEGIN_IGNORE_DEPRECATIONS

namespace tertulia::gtk::adwaita {

void start() { adw_init(); }

void set_color_scheme(ColorScheme scheme) {
  AdwStyleManager* manager = adw_style_manager_get_default();
  switch (scheme) {
    case ColorScheme::system: return;
    case ColorScheme::light:
      adw_style_manager_set_color_scheme(manager, ADW_COLOR_SCHEME_FORCE_LIGHT);
      return;
    case ColorScheme::dark:
      adw_style_manager_set_color_scheme(manager, ADW_COLOR_SCHEME_FORCE_DARK);
      return;
  }
}

void set_animations(Gtk::Widget& any, bool on) {
  g_object_set(gtk_widget_get_settings(any.gobj()), "gtk-enable-animations", on ? TRUE : FALSE,
               nullptr);
}

Gtk::Widget* make_avatar(int size_px, const Glib::ustring& name) {
  return Glib::wrap(adw_avatar_new(size_px, name.c_str(), TRUE));
}

void set_avatar_name(Gtk::Widget& avatar, const Glib::ustring& name) {
  adw_avatar_set_text(ADW_AVATAR(avatar.gobj()), name.c_str());
}

bool is_folded(Gtk::Widget& leaflet) {
  return adw_leaflet_get_folded(ADW_LEAFLET(leaflet.gobj())) != FALSE;
}

void on_folded_changed(Gtk::Widget& leaflet, std::function<void()> then) {
  auto* call = new std::function<void()>(std::move(then));
  g_signal_connect_data(
      leaflet.gobj(), "notify::folded", G_CALLBACK(+[](GObject*, GParamSpec*, gpointer data) {
        (*static_cast<std::function<void()>*>(data))();
      }),
      call, [](gpointer data, GClosure*) { delete static_cast<std::function<void()>*>(data); },
      static_cast<GConnectFlags>(0));
}

void show_pane(Gtk::Widget& leaflet, Gtk::Widget& pane) {
  adw_leaflet_set_visible_child(ADW_LEAFLET(leaflet.gobj()), pane.gobj());
}

Gtk::Widget* shown_pane(Gtk::Widget& leaflet) {
  return Glib::wrap(adw_leaflet_get_visible_child(ADW_LEAFLET(leaflet.gobj())));
}

void set_header_end_controls(Gtk::Widget& header_bar, bool shown) {
  adw_header_bar_set_show_end_title_buttons(ADW_HEADER_BAR(header_bar.gobj()), shown);
}

void set_header_start_controls(Gtk::Widget& header_bar, bool shown) {
  adw_header_bar_set_show_start_title_buttons(ADW_HEADER_BAR(header_bar.gobj()), shown);
}

void set_header_compact(Gtk::Widget& header_bar, bool compact) {
  AdwHeaderBar* bar = ADW_HEADER_BAR(header_bar.gobj());
  if (!compact) {
    adw_header_bar_set_decoration_layout(bar, nullptr);
    return;
  }
  gchar* whole = nullptr;
  g_object_get(gtk_widget_get_settings(header_bar.gobj()), "gtk-decoration-layout", &whole,
               nullptr);
  const std::string desktop = whole != nullptr ? whole : ":close";
  g_free(whole);
  // close stays on the side where the desktop has it
  const auto close = desktop.find("close");
  const bool left = close != std::string::npos && close < desktop.find(':');
  adw_header_bar_set_decoration_layout(bar, close == std::string::npos ? ":"
                                            : left                     ? "close:"
                                                                       : ":close");
}

void set_window_title(Gtk::Widget& window_title, const Glib::ustring& title,
                      const Glib::ustring& subtitle) {
  adw_window_title_set_title(ADW_WINDOW_TITLE(window_title.gobj()), title.c_str());
  adw_window_title_set_subtitle(ADW_WINDOW_TITLE(window_title.gobj()), subtitle.c_str());
}

void set_status_page(Gtk::Widget& page, const Glib::ustring& title,
                     const Glib::ustring& description) {
  adw_status_page_set_title(ADW_STATUS_PAGE(page.gobj()), Glib::Markup::escape_text(title).c_str());
  adw_status_page_set_description(ADW_STATUS_PAGE(page.gobj()),
                                  Glib::Markup::escape_text(description).c_str());
}

void set_row(Gtk::Widget& action_row, const Glib::ustring& subtitle) {
  adw_action_row_set_subtitle(ADW_ACTION_ROW(action_row.gobj()),
                              Glib::Markup::escape_text(subtitle).c_str());
}

void show_about(Gtk::Window& parent, const std::string& version) {
  GtkWidget* about = adw_about_window_new();
  g_object_set(about, "application-name", "Tertulia", "application-icon", "org.tertulia.Tertulia",
               "version", version.c_str(), "license-type", GTK_LICENSE_APACHE_2_0, "comments",
               tr("Team messages on your own machine, with a record that can be checked.").c_str(),
               "transient-for", parent.gobj(), "modal", TRUE, nullptr);
  gtk_window_present(GTK_WINDOW(about));
}

}  // namespace tertulia::gtk::adwaita

G_GNUC_END_IGNORE_DEPRECATIONS
