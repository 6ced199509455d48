#include "client_gtk/views/first_run.hpp"

#include "client_gtk/app/adwaita.hpp"
#include "client_gtk/app/builder.hpp"
#include "client_gtk/models/reason_text.hpp"

namespace tertulia::gtk {
namespace {

// An invite that was copied from a mail comes with line breaks and blanks around it.
std::string without_blanks(const Glib::ustring& text) {
  std::string out;
  for (const char c : text.raw()) {
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') out.push_back(c);
  }
  return out;
}

}  // namespace

FirstRun::FirstRun(std::function<void(std::string, std::string)> join)
    : ui_(load_ui("first_run")),
      join_(std::move(join)),
      page_(need(ui_, "first_run_page")),
      invite_(need<Gtk::Entry>(ui_, "invite")),
      display_name_(need<Gtk::Entry>(ui_, "display_name")),
      preview_(need<Gtk::Revealer>(ui_, "preview")),
      preview_server_(need(ui_, "preview_server")),
      preview_user_(need(ui_, "preview_user")),
      preview_fingerprint_(need(ui_, "preview_fingerprint")),
      problem_(need<Gtk::Label>(ui_, "join_problem")),
      join_button_(need<Gtk::Button>(ui_, "join")),
      spinner_(need<Gtk::Spinner>(ui_, "join_spinner")) {
  invite_.signal_changed().connect([this] { read_invite(); });
  join_button_.signal_clicked().connect([this] { this->join(); });
}

void FirstRun::set_invite(const std::string& invite) { invite_.set_text(invite); }

void FirstRun::focus() {
  if (user_name_.empty()) {
    invite_.grab_focus();
  } else {
    display_name_.grab_focus();
  }
}

void FirstRun::read_invite() {
  const std::string invite = without_blanks(invite_.get_text());
  std::string reason;
  const auto preview = client::preview_invite(invite, reason);
  join_button_.set_sensitive(preview.has_value());
  preview_.set_reveal_child(preview.has_value());
  show_problem(preview || invite.empty() ? Glib::ustring() : reason_sentence(reason));
  if (!preview) {
    user_name_.clear();
    return;
  }
  adwaita::set_row(preview_server_, preview->server_name);
  adwaita::set_row(preview_user_, preview->user_name);
  adwaita::set_row(preview_fingerprint_, preview->server_fingerprint);
  if (user_name_ != preview->user_name) {
    user_name_ = preview->user_name;
    display_name_.set_text(user_name_);
  }
}

void FirstRun::join() {
  if (!join_button_.get_sensitive()) return;
  show_problem({});
  set_busy(true);
  join_(without_blanks(invite_.get_text()), display_name_.get_text().raw());
}

void FirstRun::finished(const client::EnrolFinished& result) {
  set_busy(false);
  if (!result.ok) show_problem(reason_sentence(result.reason));
}

void FirstRun::show_problem(const Glib::ustring& sentence) {
  problem_.set_text(sentence);
  problem_.set_visible(!sentence.empty());
}

void FirstRun::set_busy(bool busy) {
  join_button_.set_sensitive(!busy);
  invite_.set_sensitive(!busy);
  display_name_.set_sensitive(!busy);
  spinner_.set_visible(busy);
  spinner_.set_spinning(busy);
}

}  // namespace tertulia::gtk
