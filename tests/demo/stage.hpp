// Stage: what both forms of the demo stand on. A temporary directory, a broker on free loopback
// ports, two enrolled profiles; removed again at the end, also after an exception. One thread.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/demo/child.hpp"

namespace tertulia::demo {

// The demo's failure, as one sentence for the user; main ends with exit code 1.
struct DemoFailed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void say(const std::string& line);  // one line to stdout, at once

// True when `holds` was true before the deadline (of monotonic_ms()); looks every 10 ms. Throws
// Interrupted.
bool wait_until(std::uint64_t deadline_ms, const std::function<bool()>& holds);

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class Stage {
 public:
  static constexpr std::array<const char*, 2> kNames{"ana", "beto"};

  Stage();  // returns when the broker answers and both profiles are enrolled

  Child& broker() { return *broker_; }
  std::uint16_t broadcast_port() const { return broadcast_port_; }
  std::filesystem::path file(const std::string& name) const { return directory_.path() / name; }

  // Command lines, ready to run.
  std::vector<std::string> cli(const std::string& user, std::vector<std::string> arguments) const;
  std::vector<std::string> ctl(std::vector<std::string> arguments) const;
  std::vector<std::string> window(const std::string& user) const;

  // Ends the broker and throws if it does not end as it should.
  void end_broker();

  // Throws with what the broker wrote to stderr, if it has ended.
  void require_broker();

 private:
  void start_broker();
  void enrol(const std::string& user);

  const std::filesystem::path programs_;  // the build tree
  const TemporaryDirectory directory_;
  std::uint16_t command_port_ = 0, broadcast_port_ = 0;
  std::unique_ptr<Child> broker_;  // ends before its directory goes
};

}  // namespace tertulia::demo
