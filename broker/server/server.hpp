// Server: the broker, its threads wired together. Made, run and destroyed on the main thread.
//
// Start: signals blocked → data directory and keys → log (recovery) → t-auth → sockets bound → t-log,
// readers, workers, publisher, gateway, admin → READY. Anything that is wrong is an exception with a
// sentence, and nothing is left behind.
// Stop: the gateway takes no more → workers and readers work off → t-log commits and closes →
// publisher and gateway send what is left → sockets closed.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "broker/server/config_source.hpp"

namespace tertulia::broker {

struct ServerOptions {
  BrokerConfig config;           // as `source` said at the start
  ConfigSource source;           // to be read again at a reload
  bool only_initialise = false;  // initialise() rather than serve
};

// Makes what is missing of data directory, keys and record, prints the fingerprint of the server's
// identity on stdout, and leaves what is there as it is. Throws like Server's constructor. The
// exit code. For packages: nothing listens yet, and keys are there before the first start.
int initialise(const ServerOptions& options);

// Serves until SIGTERM or SIGINT; the exit code. A socket has one CURVE key for its life: for another
// one the whole server is made anew, in the same process. Clients are back within seconds, as after
// every restart, and send again what was not acked.
int serve(ServerOptions options);

class Server {
 public:
  explicit Server(const ServerOptions& options);
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Serves until SIGTERM or SIGINT; the exit code. When a thread cannot go on (a disk that fails),
  // says why and ends the process at once: after a failed fsync nothing more may be answered.
  // nullopt: stopped as by SIGTERM, because another transport key is due; to be made anew.
  std::optional<int> run();
  ServerOptions options() const;  // with what reloads have changed

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::broker
