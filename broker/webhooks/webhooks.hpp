// t-webhooks: listens on a unix socket, on a port of this machine's own address, or on both, and
// makes messages of what is posted (hook.hpp). Exists only where the configuration says so.
//
// At connections_max the oldest connection that waits for its peer is ended for the newest: whoever
// says his request slowly, or none, keeps nobody out. A request has ten seconds to come whole, and a
// connection half a minute between two. An answer is sent when t-log has fsynced the message.
#pragma once

#include <filesystem>
#include <memory>

#include "broker/flow/named_thread.hpp"
#include "broker/flow/pulse.hpp"
#include "broker/webhooks/hook.hpp"

namespace tertulia::broker {

class Webhooks {
 public:
  static constexpr std::size_t connections_max = 64;

  // Either place may be empty. Throws with a sentence when it cannot listen.
  Webhooks(const std::filesystem::path& socket, const std::string& listen, WebhookPorts ports,
           FatalReport fatal);
  ~Webhooks();  // stop()s, removes the socket's file
  // Takes no further requests; answers still go out. Any thread.
  void stop_receiving();
  // Sends the answers that t-log has given, closes, ends the thread.
  void stop();
  Pulse pulse() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::broker
