// Child: a program that the demo started, and what it prints. One thread.
//
// A child leads its own process group, so that Ctrl-C reaches the demo alone and the demo decides
// the order in which things end; it gets SIGTERM when the demo dies in whatever way. Its stdout
// comes here line by line, its stderr goes to a file.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/file.hpp"

namespace tertulia::demo {

class Child {
 public:
  // argv[0] is the program's path, name what messages call it. Throws when there is no such program.
  Child(std::string name, const std::vector<std::string>& argv,
        const std::filesystem::path& errors);
  ~Child();  // SIGTERM if it still runs, SIGKILL if that does not help
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Readable when it has ended, and when it has printed something or closed its stdout.
  int exit_fd() const { return exit_fd_.get(); }
  int output_fd() const { return output_fd_.get(); }

  // Whole lines that it has printed since the last call; never waits.
  std::vector<std::string> take_lines();

  // 0 to 255, or 128 + the signal that killed it; nothing: it still runs at the deadline.
  // deadline_ms is of monotonic_ms(); 0 only looks. Throws Interrupted.
  std::optional<int> wait(std::uint64_t deadline_ms = 0);
  void terminate();  // SIGTERM, if it still runs
  // SIGTERM, then at the deadline SIGKILL; what it ended with.
  int end(std::uint64_t deadline_ms);

  const std::string& name() const { return name_; }
  std::string errors() const;  // what it wrote to stderr

 private:
  void read_output();
  bool reap();

  const std::string name_;
  const std::filesystem::path errors_;
  pid_t pid_ = -1;
  UniqueFd exit_fd_;    // pidfd_open(2)
  UniqueFd output_fd_;  // empty after its end
  std::string partial_;
  std::vector<std::string> lines_;
  std::optional<int> code_;
};

// What a program that ran to its end did.
struct Ran {
  int code = 0;
  std::vector<std::string> lines;
  std::string errors;
};

// Throws when it does not end by the deadline.
Ran run(const std::string& name, const std::vector<std::string>& argv,
        const std::filesystem::path& errors, std::uint64_t deadline_ms);

}  // namespace tertulia::demo
