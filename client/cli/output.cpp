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

std::string message_json(const client::Message& m, const std::string& room_name) {
  nlohmann::ordered_json j;
  j["seq"] = m.seq;
  j["room_seq"] = m.room_seq;
  j["room"] = room_name;
  j["sender"] = m.sender_name;
  j["device"] = to_hex(m.id.device.view());
  const std::uint8_t index = m.id.index;
  j["id"] = to_hex(m.id.submission.view()) + to_hex({&index, 1});
  j["kind"] = kind_text(m.kind);
  j["sent_at"] = rfc3339_ms(m.sent_at_ms);
  j["logged_at"] = rfc3339_ms(m.logged_at_ms);
  j["text"] = m.text;
  return dump(j);
}

std::string message_line(const client::Message& m, const std::string& room_name) {
  const std::string when = rfc3339_ms(m.logged_at_ms != 0 ? m.logged_at_ms : m.sent_at_ms);
  const std::string what = m.kind == 1 ? "" : std::string("[") + kind_text(m.kind) + "] ";
  return fmt::format("{} {} {}: {}{}", when.substr(11, 8), harmless(room_name),
                     harmless(m.sender_name), what, harmless(m.text));
}

std::string room_json(const client::Room& r) {
  nlohmann::ordered_json j;
  j["room"] = r.name;
  j["id"] = to_hex(r.id.view());
  j["topic"] = r.topic;
  j["head_room_seq"] = r.head;
  j["unsent"] = r.unsent;
  return dump(j);
}

std::string room_line(const client::Room& r) {
  return fmt::format("{}\t{} messages{}{}", harmless(r.name), r.head, r.topic.empty() ? "" : "\t",
                     harmless(r.topic));
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
    case LinkProblem::broadcast_blocked:
      return "Broadcasts are blocked; messages come more slowly" + detail + ".";
    case LinkProblem::server_read_only: return "The server cannot write now" + detail + ".";
    case LinkProblem::log_forked:
      return "The server's log contradicts what this device verified before; nothing is sent to "
             "it.";
    case LinkProblem::log_rolled_back:
      return "The server's log is shorter than one that it signed before; nothing is sent to it.";
    case LinkProblem::store_failed: return "The local store cannot be written" + detail + ".";
  }
  return "The server did not answer in time.";
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
