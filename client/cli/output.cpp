#include "client/cli/output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "common/base/clock.hpp"
#include "common/record/submission.hpp"

namespace tertulia::cli {

namespace {
std::string dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

const char* kind_text(std::uint8_t kind) {
  return record::is_known_kind(kind) ? record::kind_name(static_cast<record::Kind>(kind))
                                     : "unknown";
}
// What is answered, on one line and not whole.
std::string quote_text(const client::Message& m) {
  constexpr std::size_t bytes_max = 60;
  if (!m.quote) return "a message that is not at hand";
  if (m.quote->deleted)
    return fmt::format("#{} {}: [deleted]", m.quote->room_seq, harmless(m.quote->sender_name));
  std::string text = m.quote->text.substr(0, m.quote->text.find('\n'));
  if (text.size() > bytes_max) {
    std::size_t cut = bytes_max;
    while (cut > 0 && (text[cut] & 0xC0) == 0x80) --cut;
    text.resize(cut);
    text += "…";
  }
  return fmt::format("#{} {}: {}", m.quote->room_seq, harmless(m.quote->sender_name),
                     harmless(text));
}
}  // namespace

std::string harmless(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool c1 =
        c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c1) ++i;
    if (c1 || c == 0x7f || (c < 0x20 && c != '\n' && c != '\t'))
      out += "\xEF\xBF\xBD";
    else if (c == '\n')
      out += "\n    ";
    else
      out += text[i];
  }
  return out;
}

std::string id_text(const client::MessageId& id) {
  const std::uint8_t index = id.index;
  return to_hex(id.submission.view()) + to_hex({&index, 1});
}

std::string message_json(const client::Message& m, const std::string& room_name) {
  nlohmann::ordered_json j;
  j["seq"] = m.seq;
  j["room_seq"] = m.room_seq;
  j["room"] = room_name;
  j["sender"] = m.sender_name;
  j["device"] = to_hex(m.id.device.view());
  j["id"] = id_text(m.id);
  j["kind"] = kind_text(m.kind);
  j["sent_at"] = rfc3339_ms(m.sent_at_ms);
  j["logged_at"] = rfc3339_ms(m.logged_at_ms);
  j["text"] = m.text;
  if (m.target) j["target"] = id_text(*m.target);
  if (m.reply_to) j["reply_to"] = id_text(*m.reply_to);
  for (const auto& mention : m.mentions) j["mentions"].push_back(mention.name);
  if (m.mentions_me) j["mentions_me"] = true;
  if (m.edited_at_ms != 0) j["edited_at"] = rfc3339_ms(m.edited_at_ms);
  if (m.deleted) j["deleted"] = true;
  if (!m.deleted_by.empty()) j["deleted_by"] = m.deleted_by;
  for (const auto& reaction : m.reactions) j["reactions"][reaction.emoji] = reaction.user_names;
  return dump(j);
}

std::string message_line(const client::Message& m, const std::string& room_name) {
  const std::string when = rfc3339_ms(m.logged_at_ms != 0 ? m.logged_at_ms : m.sent_at_ms);
  std::string what = m.kind == 1 ? "" : std::string("[") + kind_text(m.kind);
  if (m.target) what += m.quote ? fmt::format(" of #{}", m.quote->room_seq) : " of an older one";
  if (!what.empty()) what += "] ";
  std::string line =
      fmt::format("{}Z {} {}: {}{}", when.substr(0, 19), harmless(room_name),
                  harmless(m.sender_name), what, m.deleted ? "[deleted]" : harmless(m.text));
  if (m.edited_at_ms != 0) line += " (edited)";
  if (m.reply_to) line += "\n    ↳ " + quote_text(m);
  for (const auto& reaction : m.reactions)
    line += fmt::format("\n    {} {}", harmless(reaction.emoji),
                        harmless(fmt::format("{}", fmt::join(reaction.user_names, ", "))));
  return line;
}

std::string room_json(const client::Room& r) {
  nlohmann::ordered_json j;
  j["room"] = r.name;
  j["id"] = to_hex(r.id.view());
  j["topic"] = r.topic;
  j["kind"] = record::room_kind_name(r.kind);
  j["standing"] = record::standing_name(r.standing);
  j["members"] = r.member_count;
  j["archived"] = r.archived;
  j["head_room_seq"] = r.head;
  j["unread"] = r.head > r.read_up_to ? r.head - r.read_up_to : 0;
  j["unsent"] = r.unsent;
  return dump(j);
}

std::string room_line(const client::Room& r) {
  const std::string unread =
      r.head > r.read_up_to ? fmt::format(", {} unread", r.head - r.read_up_to) : "";
  return fmt::format("{}\t{} messages{}{}{}", harmless(r.name), r.head, unread,
                     r.topic.empty() ? "" : "\t", harmless(r.topic));
}

std::string account_json(const client::Account& a) {
  nlohmann::ordered_json j;
  j["user"] = a.user_name;
  j["display_name"] = a.display_name;
  j["role"] = a.role;
  j["user_id"] = to_hex(a.user_id.view());
  j["device"] = to_hex(a.device.view());
  j["server"] = a.server_name;
  j["server_fingerprint"] = a.server_fingerprint;
  return dump(j);
}

std::string account_lines(const client::Account& a) {
  return fmt::format("user         {} ({}), {}\ndevice       {}\nserver       {}\nfingerprint  {}",
                     harmless(a.user_name), harmless(a.display_name), harmless(a.role),
                     to_hex(a.device.view()), harmless(a.server_name), a.server_fingerprint);
}

std::string problem_sentence(const client::LinkStatus& s) {
  using client::LinkProblem;
  const std::string detail = s.detail.empty() ? "" : " (" + s.detail + ")";
  switch (s.problem) {
    case LinkProblem::none: return "The server did not answer in time.";
    case LinkProblem::unreachable: return "The server cannot be reached" + detail + ".";
    case LinkProblem::wrong_server:
      return "Another server answers: its key is not the one that this profile knows" + detail +
             ".";
    case LinkProblem::device_refused: return "The server refuses this device" + detail + ".";
    case LinkProblem::server_full:
      return "The server has as many connections as it may" + detail + ".";
    case LinkProblem::broadcast_blocked:
      return "Broadcasts are blocked; messages come more slowly" + detail + ".";
    case LinkProblem::server_read_only: return "The server cannot write now" + detail + ".";
    case LinkProblem::log_forked:
      return "The server's log contradicts what this device verified before; nothing is sent to "
             "it.";
    case LinkProblem::log_rolled_back:
      return "The server's log is shorter than one that it signed before; nothing is sent to it.";
    case LinkProblem::two_cards:
      return "The server has signed two different cards of one number; nothing is sent to it.";
    case LinkProblem::store_failed: return "The local store cannot be written" + detail + ".";
  }
  return "The server did not answer in time.";
}

const char* activity_name(client::Activity activity) {
  switch (activity) {
    case client::Activity::offline: return "not there";
    case client::Activity::away: return "away";
    case client::Activity::active: return "there";
  }
  return "not there";
}

std::string activity_json(const char* what, const std::string& user, const std::string& how) {
  nlohmann::ordered_json j;
  j["user"] = user;
  j[what] = how;
  return dump(j);
}

bool print_lines(std::string& lines) {
  const char* p = lines.data();
  std::size_t left = lines.size();
  while (left > 0) {
    const ssize_t n = ::write(STDOUT_FILENO, p, left);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    p += n;
    left -= static_cast<std::size_t>(n);
  }
  lines.clear();
  return true;
}

bool print_line(std::string line) {
  line += '\n';
  return print_lines(line);
}

}  // namespace tertulia::cli
