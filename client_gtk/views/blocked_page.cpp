#include "client_gtk/views/blocked_page.hpp"

#include "client_gtk/app/builder.hpp"
#include "client_gtk/app/text.hpp"
#include "client_gtk/models/link_text.hpp"
#include "client_gtk/models/reason_text.hpp"
#include "common/base/clock.hpp"

namespace tertulia::gtk {

BlockedPage::BlockedPage()
    : ui_(load_ui("blocked")),
      page_(need(ui_, "blocked_page")),
      title_(need<Gtk::Label>(ui_, "blocked_title")),
      what_(need<Gtk::Label>(ui_, "blocked_what")),
      details_(need<Gtk::Label>(ui_, "blocked_details")),
      copy_(need<Gtk::Button>(ui_, "blocked_copy")) {
  copy_.signal_clicked().connect([this] { page_.get_clipboard()->set_text(details_.get_text()); });
}

void BlockedPage::show(const client::LinkStatus& status, const client::Account& account) {
  title_.set_text(status.problem == client::LinkProblem::log_rolled_back
                      ? tr("The server's log lost messages")
                  : status.problem == client::LinkProblem::two_cards
                      ? tr("The server contradicts itself")
                      : tr("The server's log was changed"));
  what_.set_text(problem_sentence(status));
  details_.set_text(Glib::ustring::compose(
      tr("Server: %1\nFingerprint: %2\nUser: %3\nDevice: %4\nSeen: %5\n%6"), account.server_name,
      account.server_fingerprint, account.user_name, to_hex(account.device.view()),
      rfc3339_ms(wall_ms()), reason_sentence(status.detail)));
}

}  // namespace tertulia::gtk
