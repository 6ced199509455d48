// ServiceManager: what a process tells its service manager (sd_notify(3)); a datagram socket of the
// test's own is the manager. One thread.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/base/file.hpp"

namespace tertulia::test {

class ServiceManager {
 public:
  explicit ServiceManager(const std::filesystem::path& path);
  // For the process that is to tell; watchdog_usec empty: nobody watches.
  std::map<std::string, std::string> env(const std::string& watchdog_usec = {}) const;
  // Lines that have come so far and begin so; each is counted once and for ever.
  std::size_t count(const std::string& beginning);
  bool hears(const std::string& beginning, std::uint64_t ms = 20'000);
  const std::vector<std::string>& lines() const { return lines_; }  // of the last count()

 private:
  void receive();
  const std::filesystem::path path_;
  UniqueFd fd_;
  std::vector<std::string> lines_;
};

}  // namespace tertulia::test
