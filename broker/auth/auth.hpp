// t-auth: the ZAP handler (ZeroMQ RFC 27). Decides by the directory alone which CURVE keys may finish
// a handshake: live devices, and the keys of invites that this server knows (used, expired and revoked
// ones too: they may ask `enrol` and nothing else, so that the answer can say what is wrong), and the
// keys of links that a device has open, or had a moment ago.
//
// Also counts connections of both sockets, by their monitors; above the limit a handshake is refused with
// status 500, which is not for good as 400 is: the client says that the server is full, and tries again.
// From the same events it keeps a FloodGuard's list of connections, and sweeps it.
// Starts before a socket binds. User-Id for everybody who comes in: lower-case hex of the CURVE key.
#pragma once

#include <memory>

#include "broker/auth/context.hpp"
#include "broker/directory/directory.hpp"
#include "broker/flow/named_thread.hpp"
#include "broker/flow/pulse.hpp"
#include "broker/links/link_table.hpp"
#include "broker/metrics/metrics.hpp"

namespace tertulia::broker {

class FloodGuard;

class AuthThread {
 public:
  AuthThread(Context& context, const DirectoryCell& directory, const LinkTable& links,
             FloodGuard& guard, Metrics& metrics, std::uint64_t max_connections, FatalReport fatal);
  ~AuthThread();  // stops; both listening sockets are closed by then
  Pulse pulse() const;
  void set_max_connections(std::uint64_t maximum);  // any thread; those who are in stay

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::broker
