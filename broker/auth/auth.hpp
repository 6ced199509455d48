// t-auth: the ZAP handler (ZeroMQ RFC 27). Decides by the directory alone which CURVE keys may finish
// a handshake: live devices, and the keys of invites that this server knows (used, expired and revoked
// ones too: they may ask `enrol` and nothing else, so that the answer can say what is wrong).
//
// Also counts connections of both sockets, by their monitors; above the limit a handshake is put off
// (status 300: the client tries again) and not refused for good (400).
// From the same events it keeps a FloodGuard's list of connections, and sweeps it.
// Starts before a socket binds. User-Id for everybody who comes in: lower-case hex of the CURVE key.
#pragma once

#include <memory>

#include "broker/auth/context.hpp"
#include "broker/directory/directory.hpp"
#include "broker/flow/named_thread.hpp"
#include "broker/metrics/metrics.hpp"

namespace tertulia::broker {

class FloodGuard;

class AuthThread {
 public:
  AuthThread(Context& context, const DirectoryCell& directory, FloodGuard& guard, Metrics& metrics,
             std::uint64_t max_connections, FatalReport fatal);
  ~AuthThread();  // stops; both listening sockets are closed by then

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::broker
