// Process: a child program whose output goes to files, so that it never waits for its reader and
// what it said is there after a kill. It dies with the test, however that ends. One thread.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/file.hpp"
#include "tests/support/wait.hpp"

namespace tertulia::test {

class Process {
 public:
  struct Options {
    std::vector<std::string> argv;                // argv[0]: the program's path
    std::map<std::string, std::string> env = {};  // beside the test's own
    std::filesystem::path output;                 // OUTPUT.out and OUTPUT.err, appended to
    bool input = false;                           // true: a pipe to stdin, else /dev/null
    std::filesystem::path directory = {};         // to start in; empty: the test's
  };
  Process() = default;
  explicit Process(const Options& options);
  ~Process();  // kill -9, reaped
  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;

  pid_t pid() const { return pid_; }
  bool running();

  // Waits for the pipe when it is full; false: the child reads no more.
  bool write(const std::string& text);
  void close_input() { input_.reset(); }

  void signal(int number);
  // Exit code, or 128 + signal; nullopt: still running at the deadline.
  std::optional<int> wait(Deadline deadline);
  std::optional<int> wait(std::uint64_t ms) { return wait(Deadline::in_ms(ms)); }
  // SIGTERM, then wait.
  std::optional<int> terminate(std::uint64_t ms);
  void kill9();

  // All of this process's output up to now.
  std::string out() const;
  std::string err() const;
  // Next whole line of stdout that was not given out yet; nullopt: none came by the deadline or
  // before the end of the process.
  std::optional<std::string> line(Deadline deadline);

  // CPU seconds used, and resident memory in KiB, as /proc says.
  double cpu_s() const;
  std::size_t rss_kib() const;
  std::size_t open_files() const;

 private:
  std::string text_since(const std::filesystem::path& file, std::uintmax_t from) const;
  pid_t pid_ = -1;
  std::optional<int> status_;
  UniqueFd input_;
  std::filesystem::path out_path_, err_path_;
  std::uintmax_t out_from_ = 0, err_from_ = 0, line_from_ = 0;
};

// What a program that ran to its end did.
struct Ran {
  int code = -1;  // -1: it had to be killed at the deadline
  std::string out;
  std::string err;
};
// output: see Process::Options.
Ran run(const std::vector<std::string>& argv, const std::filesystem::path& output,
        std::uint64_t deadline_ms = 30'000, const std::string& input = {},
        const std::map<std::string, std::string>& env = {});

std::vector<std::string> lines_of(const std::string& text);

}  // namespace tertulia::test
