#include "common/config/keys.hpp"

#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace tertulia::config {

namespace {

constexpr std::uint64_t kPortMax = 65535;
constexpr std::size_t kHostBytesMax = 255;
constexpr std::size_t kAdvertiseMax = 16;
constexpr std::size_t kSocketPathBytesMax = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::uint64_t kNoMax = std::numeric_limits<std::int64_t>::max();  // TOML's largest

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool has_only(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_alnum(c) || more.find(c) != more.npos; });
}

// The name stands in signed checkpoints as the key name of C2SP signed-note, which allows neither
// spaces nor plus signs; letters, digits, dots and dashes are also safe in file and host names.
std::optional<std::string> check_name(std::string_view v) {
  if (v.empty() || v.size() > 63 || !is_alnum(v[0]) || !has_only(v, ".-"))
    return "must be 1 to 63 letters, digits, dots and dashes, and start with a letter or digit";
  return std::nullopt;
}

std::optional<std::string> check_endpoint(std::string_view v, bool any_host) {
  const std::string form = fmt::format("must look like \"tcp://{}:5570\" (an IPv6 address in [ ])",
                                       any_host ? "*" : "chat.example.org");
  constexpr std::string_view kScheme = "tcp://";
  if (!v.starts_with(kScheme)) return form;
  v.remove_prefix(kScheme.size());
  const auto colon = v.rfind(':');
  if (colon == v.npos) return form;
  const std::string_view host = v.substr(0, colon), port = v.substr(colon + 1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || end != port.data() + port.size() || number < 1 || number > kPortMax)
    return fmt::format("must end in a port from 1 to {}", kPortMax);
  if (host == "*") {
    if (any_host) return std::nullopt;
    return "must name an address that clients can reach; * says nothing to them";
  }
  if (host.empty() || host.size() > kHostBytesMax) return form;
  if (host.front() == '[') {
    const std::string_view inner = host.substr(1, host.size() - 2);
    if (host.back() != ']' || inner.find(':') == inner.npos || !has_only(inner, ":.%")) return form;
    return std::nullopt;
  }
  return has_only(host, ".-_") ? std::nullopt : std::optional(form);
}

std::optional<std::string> check_listen(std::string_view v) { return check_endpoint(v, true); }
std::optional<std::string> check_advertise(std::string_view v) { return check_endpoint(v, false); }

std::optional<std::string> check_directory(std::string_view v) {
  if (!v.starts_with('/') || v.find('\0') != v.npos)
    return "must be an absolute path, such as \"/var/lib/tertulia\"";
  return std::nullopt;
}

std::optional<std::string> check_socket(std::string_view v) {
  if (auto wrong = check_directory(v)) return "must be an absolute path";
  if (v.size() > kSocketPathBytesMax)
    return fmt::format("must be at most {} bytes long, as unix(7) has it", kSocketPathBytesMax);
  return std::nullopt;
}

std::optional<std::string> check_link(std::string_view v) {
  if (v == "curve") return std::nullopt;
  if (v == "sealed") return "must be \"curve\": the sealed link is not in this version";
  return "must be \"curve\"";
}

using C = BrokerConfig;

constexpr std::array kKeys{
    Key{"server", "name", TextKey{&C::server_name, check_name},
        "name of the deployment: in invites, in signed checkpoints, in clients"},
    Key{"listen", "commands", TextKey{&C::listen_commands, check_listen},
        "address of the command port, the one that invites name"},
    Key{"listen", "broadcast", TextKey{&C::listen_broadcast, check_listen},
        "address of the port on which messages are published"},
    Key{"listen", "advertise", ListKey{&C::listen_advertise, kAdvertiseMax, check_advertise},
        "addresses of the command port that invites and the server's card name"},
    Key{"data", "dir", TextKey{&C::data_dir, check_directory},
        "directory of the log and the server's keys, on a local disk"},
    Key{"admin", "socket", TextKey{&C::admin_socket, check_socket},
        "unix socket on which tertuliactl talks to the broker"},
    Key{"broadcast", "link", TextKey{&C::broadcast_link, check_link},
        "how the broadcast link is encrypted"},
    Key{"log", "console_bodies", BoolKey{&C::log_console_bodies},
        "print the text of every message on standard output"},
    Key{"limits", "max_connections", NumberKey{&C::max_connections, 1, 100000},
        "clients that may be connected at once"},
    Key{"limits", "workers", NumberKey{&C::workers, 0, C::kWorkersMax},
        "threads that open and check messages; 0: one per core"},
    Key{"limits", "readers", NumberKey{&C::readers, 1, 16},
        "threads that read history for clients"},
    Key{"limits", "io_threads", NumberKey{&C::io_threads, 1, 16},
        "threads of ZeroMQ that move bytes between network and broker"},
    Key{"limits", "frame_bytes_max", NumberKey{&C::frame_bytes_max, 65536, 1048576},
        "largest frame that is accepted or sent"},
    Key{"limits", "queue_frames_max", NumberKey{&C::queue_frames_max, 64, 1000000},
        "frames that may wait between two threads"},
    Key{"limits", "queue_bytes_max", NumberKey{&C::queue_bytes_max, 1048576, kNoMax},
        "bytes that may wait between two threads"},
    Key{"limits", "handshake_s", NumberKey{&C::handshake_s, 1, 600},
        "seconds that a new connection has for its handshake"},
    Key{"limits", "idle_ping_s", NumberKey{&C::idle_ping_s, 1, 600},
        "seconds between the pings of a client that is at rest"},
};

// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

// How far `written` may be from `name` and still be meant as it; the smaller, the nearer.
std::optional<std::size_t> nearness(std::string_view written, std::string_view name) {
  constexpr std::size_t kWrittenMax = 64;
  if (written.size() > kWrittenMax) return std::nullopt;
  const std::size_t distance = edit_distance(written, name);
  if (distance <= std::max<std::size_t>(1, name.size() / 3)) return distance;
  // "workers_max" for "workers", "connections" for "max_connections"
  if (written.size() >= 4 &&
      (written.starts_with(name) || name.starts_with(written) || name.ends_with(written)))
    return kWrittenMax;
  return std::nullopt;
}

}  // namespace

std::span<const Key> keys() { return kKeys; }

const Key* find_key(std::string_view section, std::string_view name) {
  for (const Key& key : kKeys)
    if (key.section == section && key.name == name) return &key;
  return nullptr;
}

bool is_section(std::string_view name) {
  return std::any_of(kKeys.begin(), kKeys.end(), [&](const Key& k) { return k.section == name; });
}

std::string suggest_section(std::string_view written) {
  std::optional<std::size_t> best;
  std::string_view meant;
  for (const Key& key : kKeys)
    if (const auto near = nearness(written, key.section); near && (!best || *near < *best))
      best = near, meant = key.section;
  return best ? fmt::format("; did you mean [{}]?", meant) : "";
}

std::string suggest_key(std::string_view section, std::string_view written) {
  std::optional<std::size_t> best;
  const Key* meant = nullptr;
  for (const Key& key : kKeys) {
    auto near = nearness(written, key.name);
    if (!near) continue;
    // A key of the same section is meant rather than an equally near one of another.
    *near = *near * 2 + (key.section != section ? 1 : 0);
    if (!best || *near < *best) best = near, meant = &key;
  }
  if (meant == nullptr) return "";
  if (meant->section == section) return fmt::format("; did you mean {}?", meant->name);
  return fmt::format("; did you mean {} in [{}]?", meant->name, meant->section);
}

}  // namespace tertulia::config
