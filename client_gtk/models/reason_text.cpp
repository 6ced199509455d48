#include "client_gtk/models/reason_text.hpp"

#include <string_view>

#include "client_gtk/app/text.hpp"

namespace tertulia::gtk {
namespace {

// xgettext finds the msgids here: where they are written nothing is translated.
[[maybe_unused]] constexpr const char* known_reasons[] = {
    // common/wire/invite.cpp
    tr_later("This is not an invite: an invite starts with tertulia://."),
    tr_later("This invite holds characters that no invite has; copy it again."),
    tr_later("This invite is incomplete or mistyped; copy the whole string again."),
    tr_later("This invite is of a newer Tertulia; update this program."),
    tr_later("This invite is damaged; ask for another one."),
    tr_later("This invite cannot be read."),
    // client/engine/enrolment.cpp
    tr_later("This server does not know this invite."),
    tr_later("This invite was already used; ask for another one."),
    tr_later("This invite has expired; ask for another one."),
    tr_later("This invite was revoked; ask for another one."),
    tr_later("The server does not accept this name."),
    tr_later("The server refused this invite."),
    tr_later("Another server answers there: its key is not the one in the invite."),
    // client/engine/session_replies.cpp and the broker's answers to a submission
    tr_later("You are not a member of this room."),
    tr_later("Your role does not allow this."),
    tr_later("The message is too long."),
    tr_later("The text is empty."),
    tr_later("A name is at most 256 bytes."),
    tr_later("The server does not accept this text."),
    tr_later("The server has another message under this message's id."),
    tr_later("The message was written for another server."),
    tr_later("The server refused the message."),
    // client/engine/engine.cpp
    tr_later("This profile is not enrolled."),
    tr_later("The message is not UTF-8."),
    // LinkStatus::detail, client/engine/session.cpp
    tr_later("the server's log is shorter than one that it signed before"),
    tr_later("the server's log contradicts what this device verified before"),
};

constexpr std::string_view no_answer = "No answer from the server at ";
constexpr std::string_view not_stored = "It cannot be stored: ";

}  // namespace

Glib::ustring reason_sentence(const std::string& english) {
  if (english.empty()) return {};  // gettext would answer with the catalogue's header
  if (english.starts_with(no_answer) && english.ends_with('.')) {
    const std::string addresses =
        english.substr(no_answer.size(), english.size() - no_answer.size() - 1);
    return Glib::ustring::compose(tr("No answer from the server at %1."), addresses);
  }
  if (english.starts_with(not_stored)) {
    return Glib::ustring::compose(tr("It cannot be stored: %1"), english.substr(not_stored.size()));
  }
  return tr(english.c_str());
}

}  // namespace tertulia::gtk
