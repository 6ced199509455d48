// The broker's configuration: config/tertuliad.toml as plain values.
//
// Any thread; no state. What the administrator wrote wrongly comes back as a list of every mistake,
// each with its place and what was probably meant; a file that cannot be read is a std::system_error
// with the path in what().
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"

namespace tertulia {

// The values here are the defaults; keys.cpp has the ranges and what they are for.
struct BrokerConfig {
  std::string server_name = "tertulia";

  std::string listen_commands = "tcp://*:5570";
  std::string listen_broadcast = "tcp://*:5571";
  std::vector<std::string> listen_advertise;  // empty: the broker chooses

  std::string data_dir = "/var/lib/tertulia";
  std::string admin_socket = "/run/tertulia/admin.sock";
  std::string broadcast_link = "curve";
  bool discovery_avahi = true;
  bool log_console_bodies = false;

  std::string metrics_socket = "/run/tertulia/metrics.sock";  // empty: none
  std::string metrics_listen;                                 // empty: none

  std::string webhooks_socket;  // empty: none
  std::string webhooks_listen;  // empty: none

  std::uint64_t health_disk_free_mib_min = 1024;
  std::uint64_t health_disk_hours_min = 48;
  std::uint64_t health_commit_ms_max = 250;
  std::uint64_t health_refused_per_minute_max = 60;
  std::uint64_t health_clock_jump_s = 30;
  // Rates: in a second, and how many at once before; 0 in a second: no limit.
  std::uint64_t device_messages_per_s = 200, device_messages_burst = 2'000;
  std::uint64_t user_messages_per_s = 400, user_messages_burst = 4'000;
  std::uint64_t bot_messages_per_s = 50, bot_messages_burst = 500;
  std::uint64_t device_bytes_per_s = 1 << 20, device_bytes_burst = 16 << 20;
  std::uint64_t device_requests_per_s = 100, device_requests_burst = 1'000;
  std::uint64_t enrolments_per_minute = 10;
  std::uint64_t rooms_per_user_max = 500;
  std::uint64_t room_members_max = 5'000;
  std::uint64_t devices_per_user_max = 20;
  std::uint64_t invites_open_max = 10'000;
  std::uint64_t webhooks_max = 100;
  std::uint64_t changes_per_message_max = 10'000;
  std::uint64_t user_changes_per_message_max = 500;
  bool people_presence = true;
  bool people_typing = true;

  std::uint64_t max_connections = 1000;
  std::uint64_t connections_per_device_max = 16;
  std::uint64_t connections_per_invite_max = 64;
  std::uint64_t workers = 0;  // 0: one per core, at most kWorkersMax
  std::uint64_t readers = 1;
  std::uint64_t io_threads = 2;
  std::uint64_t frame_bytes_max = 524288;
  std::uint64_t queue_frames_max = 16384;
  std::uint64_t queue_bytes_max = 67108864;
  std::uint64_t handshake_s = 10;
  std::uint64_t idle_ping_s = 5;

  static constexpr std::uint64_t kWorkersMax = 64;

  bool operator==(const BrokerConfig&) const = default;
};

struct ConfigError {
  std::string file;
  std::uint32_t line = 0;    // from 1; 0: it is about the file as a whole
  std::uint32_t column = 0;  // from 1
  std::string message;       // a sentence in English, without the place

  bool operator==(const ConfigError&) const = default;
};

// "file:line:column: message", as compilers say it, so that an editor can go there.
std::string to_string(const ConfigError& error);

// Where a value was written.
struct ConfigOrigin {
  std::string file;          // or "command line"
  std::uint32_t line = 0;    // from 1; 0: not in a file
  std::uint32_t column = 0;  // of the value, from 1

  bool operator==(const ConfigOrigin&) const = default;
};

std::string to_string(const ConfigOrigin& origin);  // "file:line:column"

template <class Config>
struct Loaded {
  Config config;
  std::map<std::string, ConfigOrigin> origins;  // by "section.name"; not here: the default
  std::vector<ConfigError> warnings;  // in the order of the files; for people, at each load
  std::vector<std::string> files;     // that were read, in their order
};

using LoadedConfig = Loaded<BrokerConfig>;
using ConfigResult = Result<BrokerConfig, std::vector<ConfigError>>;
using LoadResult = Result<LoadedConfig, std::vector<ConfigError>>;

// filename is only what the errors name. Errors are in the order of the file.
ConfigResult parse_config(std::string_view text, const std::string& filename);

inline constexpr std::size_t kConfigFileBytesMax = 1 << 20;
inline constexpr std::size_t kDropInsMax = 64;

// Reads path, then conf.d/*.toml beside it in the order of their names; what is read later wins, key
// by key. Every mistake of every file comes back, also a drop-in that cannot be read; only that path
// itself cannot be read is a std::system_error. Names that begin with a dot or do not end in .toml
// are not read; one that ends in .conf brings a warning.
LoadResult load_config(const std::filesystem::path& path);

}  // namespace tertulia
