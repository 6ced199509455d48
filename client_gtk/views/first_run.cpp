#include "client_gtk/views/first_run.hpp"

#include "client_gtk/app/adwaita.hpp"
#include "client_gtk/app/builder.hpp"
#include "client_gtk/app/text.hpp"
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

FirstRun::FirstRun(std::function<void(std::string, Names)> join)
    : ui_(load_ui("first_run")),
      join_(std::move(join)),
      page_(need(ui_, "first_run_page")),
      invite_(need<Gtk::Entry>(ui_, "invite")),
      display_name_(need<Gtk::Entry>(ui_, "display_name")),
      chosen_name_(need<Gtk::Entry>(ui_, "chosen_name")),
      choose_name_(need(ui_, "choose_name")),
      name_hint_(need(ui_, "name_hint")),
      name_problem_(need<Gtk::Label>(ui_, "name_problem")),
      preview_(need<Gtk::Revealer>(ui_, "preview")),
      preview_server_(need(ui_, "preview_server")),
      preview_user_(need(ui_, "preview_user")),
      preview_fingerprint_(need(ui_, "preview_fingerprint")),
      display_name_box_(need(ui_, "display_name_box")),
      waiting_(need<Gtk::Label>(ui_, "join_waiting")),
      code_(need<Gtk::Label>(ui_, "join_code")),
      problem_(need<Gtk::Label>(ui_, "join_problem")),
      join_button_(need<Gtk::Button>(ui_, "join")),
      spinner_(need<Gtk::Spinner>(ui_, "join_spinner")) {
  // Not in the .blp: what its compiler writes for no-spellcheck is a flag that GTK does not know
  invite_.set_input_hints(Gtk::InputHints::NO_SPELLCHECK);
  chosen_name_.set_input_hints(Gtk::InputHints::NO_SPELLCHECK | Gtk::InputHints::LOWERCASE);
  invite_.signal_changed().connect([this] { read_invite(); });
  chosen_name_.signal_changed().connect([this] { read_user_name(); });
  join_button_.signal_clicked().connect([this] { this->join(); });
}

void FirstRun::set_invite(const std::string& invite) { invite_.set_text(invite); }

void FirstRun::focus() {
  if (!is_read_) {
    invite_.grab_focus();
  } else if (class_link_) {
    chosen_name_.grab_focus();
  } else {
    display_name_.grab_focus();
  }
}

void FirstRun::read_invite() {
  const std::string invite = without_blanks(invite_.get_text());
  std::string reason;
  const auto preview = client::preview_invite(invite, reason);
  is_read_ = preview.has_value();
  class_link_ = preview && preview->class_link;
  preview_.set_reveal_child(is_read_);
  choose_name_.set_visible(class_link_);
  preview_user_.set_visible(!class_link_);
  show_problem(preview || invite.empty() ? Glib::ustring() : reason_sentence(reason));
  update_button();
  if (!preview) {
    user_name_.clear();
    return;
  }
  adwaita::set_row(preview_server_, preview->server_name);
  adwaita::set_row(preview_user_,
                   preview->further_device
                       ? Glib::ustring::compose(tr("%1 (a further device)"), preview->user_name)
                       : Glib::ustring(preview->user_name));
  display_name_box_.set_visible(!preview->further_device);
  adwaita::set_row(preview_fingerprint_, preview->server_fingerprint);
  if (user_name_ != preview->user_name) {
    user_name_ = preview->user_name;
    display_name_.set_text(user_name_);
  }
}

void FirstRun::read_user_name() {
  const std::string name = chosen_name_.get_text().raw();
  const auto fault = name.empty() ? std::nullopt : client::user_name_fault(name);
  name_problem_.set_text(fault ? reason_sentence(*fault) : Glib::ustring());
  name_problem_.set_visible(fault.has_value());
  name_hint_.set_visible(!fault);
  show_problem({});  // what the server said was of another name
  update_button();
}

void FirstRun::update_button() {
  const bool named = !class_link_ || !client::user_name_fault(chosen_name_.get_text().raw());
  join_button_.set_sensitive(is_read_ && named);
}

void FirstRun::join() {
  if (!join_button_.get_sensitive()) return;
  show_problem({});
  set_busy(true);
  Names names;
  names.display = display_name_.get_text().raw();
  // Left as we put it there: what the administrator called him holds
  if (names.display == user_name_) names.display.clear();
  if (class_link_) names.user = chosen_name_.get_text().raw();
  join_(without_blanks(invite_.get_text()), std::move(names));
}

void FirstRun::waiting(const client::EnrolWaiting& now) {
  waiting_.set_text(now.code.empty()
                        ? tr("Waiting for your other device.")
                        : tr("Let this device in on the other one, if it shows the same code."));
  waiting_.set_visible(true);
  code_.set_text(now.code);
  code_.set_visible(!now.code.empty());
  // Somebody has to act now, which may take minutes
  if (now.code.empty()) return;
  spinner_.set_spinning(false);
  spinner_.set_visible(false);
}

void FirstRun::finished(const client::EnrolFinished& result) {
  set_busy(false);
  waiting_.set_visible(false);
  code_.set_visible(false);
  if (result.ok) return;
  show_problem(reason_sentence(result.reason));
  if (class_link_) chosen_name_.grab_focus();  // mostly a name that is somebody else's
}

void FirstRun::show_problem(const Glib::ustring& sentence) {
  problem_.set_text(sentence);
  problem_.set_visible(!sentence.empty());
}

void FirstRun::set_busy(bool busy) {
  join_button_.set_sensitive(!busy);
  invite_.set_sensitive(!busy);
  chosen_name_.set_sensitive(!busy);
  display_name_.set_sensitive(!busy);
  spinner_.set_visible(busy);
  spinner_.set_spinning(busy);
}

}  // namespace tertulia::gtk
