// Runs a shell command with bytes on its standard input and gives back its standard output; standard
// error is ours. One at a time; waits for its end.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace tertulia::cli {

struct CommandRun {
  std::string output;
  bool output_cut = false;  // there was more than output_bytes_max
  int exit_code = 0;        // 128 + signal when a signal ended it
  bool timed_out = false;   // it and what it had started were killed
  bool stopped = false;     // the same, because stop_fd became readable
};

// environment: added to ours. timeout_ms: from the start; 0: none. Throws std::system_error when no
// process can be made.
CommandRun run_command(const std::string& command, const std::string& input,
                       const std::map<std::string, std::string>& environment,
                       std::uint64_t timeout_ms, std::size_t output_bytes_max, int stop_fd);

}  // namespace tertulia::cli
