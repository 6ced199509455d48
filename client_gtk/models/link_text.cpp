#include "client_gtk/models/link_text.hpp"

#include "client_gtk/app/text.hpp"

namespace tertulia::gtk {

using client::LinkProblem;
using client::LinkState;

Glib::ustring state_word(LinkState state) {
  switch (state) {
    case LinkState::not_enrolled: return tr("Not joined");
    case LinkState::connecting: return tr("Connecting…");
    case LinkState::online: return tr("Online");
    case LinkState::offline: return tr("Offline");
    case LinkState::refused: return tr("Refused");
  }
  return {};
}

bool blocks_window(const client::LinkStatus& status) {
  return status.problem == LinkProblem::log_forked ||
         status.problem == LinkProblem::log_rolled_back ||
         status.problem == LinkProblem::two_cards;
}

bool needs_banner(const client::LinkStatus& status) {
  return status.problem != LinkProblem::none || status.state == LinkState::offline ||
         status.state == LinkState::refused;
}

Glib::ustring problem_sentence(const client::LinkStatus& status) {
  switch (status.problem) {
    case LinkProblem::none:
      return status.state == LinkState::refused ? tr("The server refused the connection.")
                                                : tr("There is no connection to the server.");
    case LinkProblem::unreachable:
      return tr(
          "The server does not answer. What you write is kept here and sent when it is back.");
    case LinkProblem::wrong_server:
      return tr(
          "Another server answers at this address, or yours has a new key. Nothing is sent to it: ask "
          "your administrator for the server's card, and import it with: tertulia-cli server-card");
    case LinkProblem::device_refused:
      return tr("The server does not accept this device. Ask your administrator for a new invite.");
    case LinkProblem::server_full:
      return tr(
          "The server has as many connections as it may. What you write is kept here and sent when "
          "there is room.");
    case LinkProblem::broadcast_blocked:
      return tr("This network blocks live delivery: new messages may take up to 5 seconds.");
    case LinkProblem::server_read_only:
      return tr(
          "The server cannot store messages at the moment. You can read; what you write is "
          "kept here and sent later.");
    case LinkProblem::log_forked:
      return tr(
          "The server's log contradicts what this device verified before: messages were "
          "changed or removed after they had been written.");
    case LinkProblem::log_rolled_back:
      return tr(
          "The server's log is shorter than one it signed before: messages at its end are "
          "missing.");
    case LinkProblem::two_cards:
      return tr(
          "The server has shown two different cards with the same number: somebody else has its "
          "identity key, or it deceives its people. Nothing is sent to it.");
    case LinkProblem::store_failed:
      return Glib::ustring::compose(tr("Messages cannot be saved on this computer: %1"),
                                    status.detail);
  }
  return {};
}

Glib::ustring countdown(const client::LinkStatus& status, std::uint64_t now_ms) {
  if (status.retry_at_ms == 0) return {};
  const std::uint64_t left_ms = status.retry_at_ms > now_ms ? status.retry_at_ms - now_ms : 0;
  const std::uint64_t left_s = (left_ms + 999) / 1000;
  if (left_s == 0) return tr("Trying now…");
  return Glib::ustring::compose(tr("Trying again in %1 s"), left_s);
}

}  // namespace tertulia::gtk
