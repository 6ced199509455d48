// How messages, rooms and accounts are printed: for people, or as one JSON object a line.
// Fields of a message: seq, room_seq, room, sender, device, id, kind, sent_at, logged_at, text; where
// there is one: target, reply_to (ids), mentions, mentions_me, edited_at, deleted, deleted_by,
// reactions (emoji to user names).
// id is the submission's 16 bytes and the index in it, 34 hex digits: with device it names a message.
#pragma once

#include <string>

#include "client/engine/engine.hpp"

namespace tertulia::cli {

// What a terminal would obey is shown, not sent: neither a message nor a server's sentence may move
// somebody's cursor. JSON escapes control characters by itself.
std::string harmless(const std::string& text);
std::string id_text(const client::MessageId& id);  // 34 hex digits
std::string message_json(const client::Message& message, const std::string& room_name);
std::string message_line(const client::Message& message, const std::string& room_name);
std::string room_json(const client::Room& room);
std::string room_line(const client::Room& room);
std::string account_json(const client::Account& account);
std::string account_lines(const client::Account& account);
std::string problem_sentence(const client::LinkStatus& status);

// Writes a whole line to stdout at once, so that a reader never sees half of one; false: nobody reads.
bool print_line(std::string line);
// The same for many lines; what is in `lines` is written and cleared.
bool print_lines(std::string& lines);

// {"user": …, "activity": …} or {"user": …, "typing": ROOM}.
std::string activity_json(const char* what, const std::string& user, const std::string& how);
const char* activity_name(client::Activity activity);

}  // namespace tertulia::cli
