// What the command line says, and the exit codes. Any thread; plain values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace tertulia::cli {

inline constexpr int exit_done = 0;
inline constexpr int exit_refused = 1;      // with the reason on stderr
inline constexpr int exit_usage = 2;        // usage or configuration
inline constexpr int exit_unreachable = 3;  // not within --timeout
inline constexpr int exit_partly = 4;       // the rest stays in the outbox

enum class Command { enrol, whoami, rooms, send, listen, history };

struct Arguments {
  Command command = Command::whoami;
  std::filesystem::path profile;
  std::uint32_t timeout_s = 60;
  std::string server;
  bool json = false;
  std::string invite;
  std::string display_name;
  std::string room;
  std::string text;                // "-": standard input
  std::vector<std::string> rooms;  // listen; empty: all
  std::uint64_t count = 0;         // listen; 0: no end
  std::optional<std::uint64_t> since;
  std::uint32_t limit = 100;
};

struct Parsed {
  Arguments arguments;
  std::optional<int> exit_code;  // set: everything has been said (help, version, wrong usage)
};
Parsed parse(int argc, char** argv);

}  // namespace tertulia::cli
