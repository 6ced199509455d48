#include "client_gtk/views/start_failure.hpp"

#include "client_gtk/app/builder.hpp"
#include "client_gtk/app/text.hpp"
#include "client_gtk/models/reason_text.hpp"

namespace tertulia::gtk {

StartFailure::StartFailure(const std::filesystem::path& profile, const std::string& reason)
    : ui_(load_ui("start_failure")),
      window_(need<Gtk::Window>(ui_, "start_failure")),
      details_(need<Gtk::Label>(ui_, "failure_details")) {
  details_.set_text(Glib::ustring::compose(tr("Profile: %1\n%2"), profile.string(),
                                           reason_sentence(reason)));
  need<Gtk::Button>(ui_, "failure_copy").signal_clicked().connect([this] {
    window_.get_clipboard()->set_text(details_.get_text());
  });
  auto& close = need<Gtk::Button>(ui_, "failure_close");
  close.signal_clicked().connect([this] { window_.close(); });
  window_.set_icon_name("org.tertulia.Tertulia");
  window_.set_default_widget(close);
  close.grab_focus();
}

}  // namespace tertulia::gtk
