// What the configuration says while the broker serves, and its renewal (SIGHUP). reload() on the
// main thread; the rest on any.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "broker/server/config_source.hpp"

namespace tertulia::broker {

class LiveConfig {
 public:
  explicit LiveConfig(const BrokerConfig& config) : now_(config) {}

  std::vector<std::string> advertise() const;
  std::uint64_t max_connections() const;
  BrokerConfig now() const;

  // Reads the whole configuration again. Without a mistake, and when this process may have the files
  // that it asks for: `apply` gets what is in force and what shall be, and keys that need a restart
  // are named in one warning and stay as they are. With one: everything stays, and each mistake is
  // said. Empty, or what is wrong, for the service's status.
  std::string reload(
      const ConfigSource& source,
      const std::function<void(const BrokerConfig& before, const BrokerConfig& next)>& apply);

 private:
  std::string keep(const std::vector<std::string>& mistakes) const;

  mutable std::mutex mutex_;
  BrokerConfig now_;  // written under the mutex, on the main thread
};

}  // namespace tertulia::broker
