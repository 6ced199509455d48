// t-admin: owns the admin socket and those of the metrics (scrape.hpp). Several clients at once; requests are bounded, a client that does not
// read or write is let go. Commands that change something go to t-log like everything else.
#pragma once

#include <filesystem>
#include <memory>

#include "broker/flow/flow.hpp"
#include "broker/flow/named_thread.hpp"
#include "broker/flow/pulse.hpp"
#include "broker/health/health.hpp"
#include "broker/metrics/metrics.hpp"
#include "broker/worker/requests.hpp"

namespace tertulia::broker {

// Constant after construction.
struct AdminFacts {
  std::string server_name;
  std::string version;
  SignPublicKey identity;
  CurvePublicKey transport;
  std::function<std::string()> log_vkey;
  std::function<std::shared_ptr<const std::vector<KeyEntry>>()> keys;
  std::function<void()> key_planned;  // wakes whoever waits for the date
  std::string commands, broadcast;                      // the endpoints really bound
  std::function<std::vector<std::string>()> advertise;  // of the configuration as it is now
  std::string data_dir;
  std::uint64_t started_ms = 0;
  std::string webhooks_socket, webhooks_listen;  // empty: none
};

struct AdminPorts {
  const AdminFacts& facts;
  const ServerFacts& server;
  const DirectoryCell& directory;
  Queue<Append>& log;
  const Metrics& metrics;
  std::function<Vitals()> vitals;
  const Health& health;
  // Where metrics are given out; empty: nowhere.
  std::string metrics_socket, metrics_listen;
};

class AdminThread {
 public:
  // Listens, on the caller's thread; throws with a sentence if it cannot.
  AdminThread(const std::filesystem::path& socket, AdminPorts ports, Metrics& metrics,
              FatalReport fatal);
  ~AdminThread();  // closes, removes the socket's file
  Pulse pulse() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::broker
