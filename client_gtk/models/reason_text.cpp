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
    tr_later("Everybody whom this invite was for has joined; ask for another one."),
    tr_later("This invite has expired; ask for another one."),
    tr_later("This invite was revoked; ask for another one."),
    tr_later("The server does not accept this name."),
    tr_later("The server refused this invite."),
    tr_later("Another server answers there: its key is not the one in the invite."),
    // a link: client/engine/enrolment.cpp, broker/worker/link_requests.cpp
    tr_later("This server does not know this link, or knows it no longer."),
    tr_later("Nobody let this device in while its link was valid."),
    tr_later("The other device has not let this one in."),
    tr_later("Another device has used this link; make another one."),
    tr_later("This link has expired; make another one."),
    tr_later("The device that made this link has been revoked."),
    // client/engine/profile_lock.cpp
    tr_later("The passphrase is not right."),
    tr_later("The profile's key is damaged, or of a newer Tertulia."),
    tr_later("There is not enough memory to unlock the profile."),
    // common/wire/user_name.cpp
    tr_later(
        "A user name has 1 to 64 lower-case letters a to z, digits and the signs . _ and -, and "
        "starts with a letter or a digit."),
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
    tr_later("This invite is of a server that your administrator does not allow on this computer."),
    tr_later("The message is not UTF-8."),
    // LinkStatus::detail, client/engine/session.cpp
    tr_later("the server's log is shorter than one that it signed before"),
    tr_later("the server's log contradicts what this device verified before"),
    tr_later("the server has signed two different cards of one number"),
};

constexpr std::string_view no_answer = "No answer from the server at ";
constexpr std::string_view not_stored = "It cannot be stored: ";
// broker/log/log_acts.cpp, of a user name that was chosen
constexpr std::string_view name_begin = "The name ", name_taken = " is taken, or looks like ";

}  // namespace

Glib::ustring reason_sentence(const std::string& english) {
  if (english.empty()) return {};  // gettext would answer with the catalogue's header
  if (english.starts_with(no_answer) && english.ends_with('.')) {
    const std::string addresses =
        english.substr(no_answer.size(), english.size() - no_answer.size() - 1);
    return Glib::ustring::compose(tr("No answer from the server at %1."), addresses);
  }
  const auto taken = english.find(name_taken);
  if (english.starts_with(name_begin) && taken != english.npos && english.ends_with('.')) {
    const std::string name = english.substr(name_begin.size(), taken - name_begin.size());
    return Glib::ustring::compose(tr("The name %1 is taken, or looks like one that is."), name);
  }
  if (english.starts_with(not_stored)) {
    return Glib::ustring::compose(tr("It cannot be stored: %1"), english.substr(not_stored.size()));
  }
  return tr(english.c_str());
}

}  // namespace tertulia::gtk
