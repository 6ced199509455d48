#include "common/config/keys.hpp"

#include <fmt/format.h>

#include <array>

#include "common/config/checks.hpp"

namespace tertulia::config {

namespace {

constexpr std::size_t kAdvertiseMax = 16;
constexpr std::uint64_t kRateMax = 1'000'000;

std::optional<std::string> check_link(std::string_view v) {
  if (v == "curve") return std::nullopt;
  if (v == "sealed") return "must be \"curve\": the sealed link is not in this version";
  return "must be \"curve\"";
}

using C = BrokerConfig;

constexpr std::array kKeys{
    Key{"server", "name", TextKey{&C::server_name, check_name}, "what this deployment is called",
        Applies::at_restart,
        "It stands in every invite, in every signed checkpoint and in the window of every "
        "client: choose it before the first start. 1 to 63 letters, digits, dots and dashes."},
    Key{"listen", "commands", TextKey{&C::listen_commands, check_listen},
        "where clients connect: the command port, the one that invites name", Applies::at_restart,
        "* is every address of this machine, IPv4 and IPv6. The server lets nobody in whose "
        "key it does not know."},
    Key{"listen", "broadcast", TextKey{&C::listen_broadcast, check_listen},
        "where messages are published; clients learn it when they connect", Applies::at_restart,
        "Where it cannot be reached, messages come over the command port, up to 5 s later."},
    Key{"listen", "advertise", ListKey{&C::listen_advertise, kAdvertiseMax, check_advertise},
        "addresses of the command port under which clients reach it, the best first",
        Applies::at_reload,
        "They stand in invites and in the server's card, for example "
        "[\"tcp://chat.example.org:5570\", \"tcp://192.0.2.7:5570\"]; clients try all of "
        "them. Empty: the addresses of this machine's network cards."},
    Key{"data", "dir", TextKey{&C::data_dir, check_directory},
        "where the record and the server's keys are", Applies::at_restart,
        "On a local disk: network file systems are refused, since they do not keep the "
        "promise that what is acknowledged is on disk. Mode 0700."},
    Key{"admin", "socket", TextKey{&C::admin_socket, check_socket},
        "where tertuliactl talks to the broker", Applies::at_restart,
        "Whoever may write to this socket is an administrator."},
    Key{"broadcast", "link", TextKey{&C::broadcast_link, check_link},
        "how messages are encrypted on their way from the broker to the clients",
        Applies::at_restart, "\"curve\": once for each connection (CURVE of ZeroMQ)."},
    Key{"discovery", "avahi", BoolKey{&C::discovery_avahi},
        "let avahi-daemon, where it runs, announce the server on the local network",
        Applies::at_restart,
        "A client that has lost the server finds it again by that, at whatever address: by the key "
        "that it knows, so that nothing new is trusted. What is announced is the server's id and "
        "its port, no name. Without avahi-daemon nothing happens."},
    Key{"log", "console_bodies", BoolKey{&C::log_console_bodies},
        "print what is said, one line per message, on standard output", Applies::at_reload,
        "For demonstrations: with systemd that is the journal, and everybody who may read the "
        "journal reads every room."},
    Key{"metrics", "socket", TextKey{&C::metrics_socket, check_socket_or_none},
        "unix socket that answers HTTP with metrics for Prometheus", Applies::at_restart,
        "Whoever may use tertuliactl may read it; `tertuliactl metrics` prints the same. Empty: "
        "none. Where this key is not given: metrics.sock in the folder of [admin] socket."},
    Key{"metrics", "listen", TextKey{&C::metrics_listen, check_loopback_or_none},
        "address of this machine that answers the same, such as \"127.0.0.1:9570\"",
        Applies::at_restart,
        "Prometheus reads no unix sockets. Every user of this machine can read the metrics there; "
        "they tell how much is said, not what. Empty: none."},
    Key{"webhooks", "socket", TextKey{&C::webhooks_socket, check_socket_or_none},
        "unix socket that takes messages over HTTP, such as \"/run/tertulia/hooks.sock\"",
        Applies::at_restart,
        "Programs of this machine post to it with a token that `tertuliactl webhook create` made, "
        "and a bot says it in its room. Everybody who reaches the folder may connect; the token "
        "decides. Empty: none."},
    Key{"webhooks", "listen", TextKey{&C::webhooks_listen, check_loopback_or_none},
        "address of this machine that takes the same, such as \"127.0.0.1:9571\"",
        Applies::at_restart,
        "For programs that know no unix sockets, and for a proxy that adds TLS. Empty: none."},
    Key{"health", "disk_free_mib_min", NumberKey{&C::health_disk_free_mib_min, 0, 1u << 30},
        "MiB that must be free on the disk of the record; below it there is a warning",
        Applies::at_reload},
    Key{"health", "disk_hours_min", NumberKey{&C::health_disk_hours_min, 0, 8760},
        "hours until the disk is full, as it fills now, below which there is a warning",
        Applies::at_reload},
    Key{"health", "commit_ms_max", NumberKey{&C::health_commit_ms_max, 1, 60000},
        "milliseconds that commits may take on average before there is a warning",
        Applies::at_reload, "Each sender waits for one commit with its fsync."},
    Key{"health", "refused_per_minute_max",
        NumberKey{&C::health_refused_per_minute_max, 0, 1000000},
        "handshakes that may be refused in a minute before there is a warning", Applies::at_reload},
    Key{"health", "clock_jump_s", NumberKey{&C::health_clock_jump_s, 1, 86400},
        "seconds that the clock may jump before there is a warning", Applies::at_reload},
    Key{"people", "presence", BoolKey{&C::people_presence},
        "tell people who of the others is there", Applies::at_reload,
        "Each client decides whether it says so of its own user. It is kept nowhere."},
    Key{"people", "typing", BoolKey{&C::people_typing},
        "tell the members of a room of at most 50 who is writing in it", Applies::at_reload,
        "Each client decides whether it says so of its own user. It is kept nowhere."},
    Key{"limits", "max_connections", NumberKey{&C::max_connections, 1, 100000},
        "clients that may be connected at once", Applies::at_reload,
        "Each takes two sockets and about 80 KiB. The broker does not start when the limit of "
        "open files (systemd: LimitNOFILE) is too low for it."},
    Key{"limits", "connections_per_device_max",
        NumberKey{&C::connections_per_device_max, 1, 1024},
        "connections of one device to each of the two ports; a further one ends the oldest",
        Applies::at_reload,
        "Programs that share a profile are one device. A client whose connection is ended connects "
        "again and loses nothing."},
    Key{"limits", "connections_per_invite_max",
        NumberKey{&C::connections_per_invite_max, 1, 1024},
        "the same of one invite, which many people may share", Applies::at_reload},
    Key{"limits", "device_messages_per_s", NumberKey{&C::device_messages_per_s, 0, kRateMax},
        "messages that a device may send in a second, after its burst", Applies::at_reload,
        "Above any rate the answer is `busy` with the time to wait; the client waits and goes on, "
        "and "
        "nothing is lost. 0 here, as in the other rates: no limit."},
    Key{"limits", "device_messages_burst", NumberKey{&C::device_messages_burst, 1, kRateMax},
        "messages that a device may send at once before that", Applies::at_reload},
    Key{"limits", "user_messages_per_s", NumberKey{&C::user_messages_per_s, 0, kRateMax},
        "messages in a second of all devices of a user together", Applies::at_reload},
    Key{"limits", "user_messages_burst", NumberKey{&C::user_messages_burst, 1, kRateMax},
        "messages at once of all devices of a user together", Applies::at_reload},
    Key{"limits", "bot_messages_per_s", NumberKey{&C::bot_messages_per_s, 0, kRateMax},
        "messages in a second of a user with the role bot, in place of the user's rate",
        Applies::at_reload},
    Key{"limits", "bot_messages_burst", NumberKey{&C::bot_messages_burst, 1, kRateMax},
        "messages at once of a user with the role bot", Applies::at_reload},
    Key{"limits", "device_bytes_per_s", NumberKey{&C::device_bytes_per_s, 0, kNoMax},
        "bytes of submissions that a device may send in a second, after its burst",
        Applies::at_reload},
    Key{"limits", "device_bytes_burst", NumberKey{&C::device_bytes_burst, 1, kNoMax},
        "bytes of submissions that a device may send at once before that", Applies::at_reload},
    Key{"limits", "device_requests_per_s", NumberKey{&C::device_requests_per_s, 0, kRateMax},
        "other requests of a device (history, pings, acts) in a second, after its burst",
        Applies::at_reload},
    Key{"limits", "device_requests_burst", NumberKey{&C::device_requests_burst, 1, kRateMax},
        "other requests of a device at once before that", Applies::at_reload},
    Key{"limits", "enrolments_per_minute", NumberKey{&C::enrolments_per_minute, 0, kRateMax},
        "how often in a minute one invite may be tried; a class link, so often for each whom it is for", Applies::at_reload},
    Key{"limits", "rooms_per_user_max", NumberKey{&C::rooms_per_user_max, 1, 100000},
        "rooms that a user may be in"},
    Key{"limits", "room_members_max", NumberKey{&C::room_members_max, 2, 100000},
        "members that a room may have; newcomers join the default rooms that have a place left"},
    Key{"limits", "devices_per_user_max", NumberKey{&C::devices_per_user_max, 1, 1000},
        "live devices that a user may have"},
    Key{"limits", "invites_open_max", NumberKey{&C::invites_open_max, 1, 1000000},
        "invites that may be open at once"},
    Key{"limits", "webhooks_max", NumberKey{&C::webhooks_max, 0, 10000},
        "webhooks that there may be"},
    Key{"limits", "changes_per_message_max", NumberKey{&C::changes_per_message_max, 1, 10000},
        "edits and reactions that one message may have; a delete is always taken",
        Applies::at_restart, "Clients read no more than 10,000 of one message."},
    Key{"limits", "user_changes_per_message_max",
        NumberKey{&C::user_changes_per_message_max, 1, 10000},
        "of these, how many may be of one user"},
    Key{"limits", "workers", NumberKey{&C::workers, 0, C::kWorkersMax},
        "threads that open and check messages; 0 is one per core"},
    Key{"limits", "readers", NumberKey{&C::readers, 1, 16},
        "threads that read history for clients"},
    Key{"limits", "io_threads", NumberKey{&C::io_threads, 1, 16},
        "threads that move bytes between network and broker", Applies::at_restart,
        "With two, the command port and the broadcast port have one each."},
    Key{"limits", "frame_bytes_max", NumberKey{&C::frame_bytes_max, 65536, 1048576},
        "largest frame, in bytes, that is accepted or sent", Applies::at_restart,
        "A submission of 64 messages must fit into one."},
    Key{"limits", "queue_frames_max", NumberKey{&C::queue_frames_max, 64, 1000000},
        "frames that may wait between two threads before clients are told `busy, retry later`"},
    Key{"limits", "queue_bytes_max", NumberKey{&C::queue_bytes_max, 1048576, kNoMax},
        "bytes that may wait between two threads before clients are told `busy, retry later`"},
    Key{"limits", "handshake_s", NumberKey{&C::handshake_s, 1, 600},
        "seconds that a new connection has to prove its key"},
    Key{"limits", "idle_ping_s", NumberKey{&C::idle_ping_s, 1, 600},
        "seconds after which a client that is at rest asks whether it has missed something",
        Applies::at_reload},
};

// Names that a released version had and this one has under another name.
constexpr std::array<FormerName, 0> kFormer{};

std::vector<Contradiction> contradictions(const BrokerConfig& c) {
  std::vector<Contradiction> out;
  if (!c.webhooks_listen.empty() && c.webhooks_listen == c.metrics_listen)
    out.push_back({{"webhooks.listen", "metrics.listen"},
                   fmt::format("webhooks.listen and metrics.listen must differ; both are \"{}\"",
                               c.webhooks_listen)});
  for (const auto& [other, key] : {std::pair(c.metrics_socket, "metrics.socket"),
                                   std::pair(c.admin_socket, "admin.socket")})
    if (!c.webhooks_socket.empty() && c.webhooks_socket == other)
      out.push_back({{"webhooks.socket", key},
                     fmt::format("webhooks.socket and {} must differ; both are \"{}\"", key,
                                 c.webhooks_socket)});
  if (c.listen_broadcast == c.listen_commands)
    out.push_back({{"listen.broadcast", "listen.commands"},
                   fmt::format("listen.broadcast and listen.commands must differ; both are \"{}\"",
                               c.listen_commands)});
  return out;
}

constexpr Table<BrokerConfig> kTable{kKeys, kFormer, contradictions};

}  // namespace

const Table<BrokerConfig>& table() { return kTable; }

std::span<const Key> keys() { return kKeys; }

std::vector<const Key*> differing(const BrokerConfig& a, const BrokerConfig& b) {
  std::vector<const Key*> out;
  for (const Key& key : kKeys)
    if (!same_value(key, a, b)) out.push_back(&key);
  return out;
}

}  // namespace tertulia::config
