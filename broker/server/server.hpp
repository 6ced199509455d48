// Server: the broker, its threads wired together. Made, run and destroyed on the main thread.
//
// Start: signals blocked → data directory and keys → log (recovery) → t-auth → sockets bound → t-log,
// readers, workers, publisher, gateway, admin → READY. Anything that is wrong is an exception with a
// sentence, and nothing is left behind.
// Stop: the gateway takes no more → workers and readers work off → t-log commits and closes →
// publisher and gateway send what is left → sockets closed.
#pragma once

#include <memory>
#include <string>

#include "common/config/config.hpp"

namespace tertulia::broker {

struct ServerOptions {
  BrokerConfig config;
  bool console = false;  // print what is said
};

class Server {
 public:
  explicit Server(const ServerOptions& options);
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Serves until SIGTERM or SIGINT; the exit code. When a thread cannot go on (a disk that fails),
  // says why and ends the process at once: after a failed fsync nothing more may be answered.
  int run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::broker
