// The broker's configuration: config/tertuliad.toml as plain values.
//
// Any thread; no state. What the administrator wrote wrongly comes back as a list of every mistake
// in the file, each with its place and what was probably meant; a file that cannot be read is a
// std::system_error with the path in what().
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"

namespace tertulia {

// The values here are the defaults; keys.cpp has the ranges and config/tertuliad.toml the reasons.
struct BrokerConfig {
  std::string server_name = "tertulia";

  std::string listen_commands = "tcp://*:5570";
  std::string listen_broadcast = "tcp://*:5571";
  std::vector<std::string> listen_advertise;  // empty: the broker chooses

  std::string data_dir = "/var/lib/tertulia";
  std::string admin_socket = "/run/tertulia/admin.sock";
  std::string broadcast_link = "curve";
  bool log_console_bodies = false;

  std::uint64_t max_connections = 1000;
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
  std::uint32_t line = 0;    // from 1
  std::uint32_t column = 0;  // from 1
  std::string message;       // a sentence in English, without the place

  bool operator==(const ConfigError&) const = default;
};

// "file:line:column: message", as compilers say it, so that an editor can go there.
std::string to_string(const ConfigError& error);

using ConfigResult = Result<BrokerConfig, std::vector<ConfigError>>;

// filename is only what the errors name. Errors are in the order of the file.
ConfigResult parse_config(std::string_view text, const std::string& filename);

// Reads at most 1 MiB.
ConfigResult load_config(const std::filesystem::path& path);

}  // namespace tertulia
