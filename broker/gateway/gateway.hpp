// t-gateway: owns ROUTER. Takes all frames that have arrived, hands each to the worker of its device
// (so that a device's order holds), and sends the answers of everybody. Identity is the User-Id that
// ZAP set, read here from the body frame; routing ids and claimed names count for nothing.
// *Invariant: the gateway never parses a message; it reads the 18 bytes in front.*
#pragma once

#include <memory>
#include <vector>

#include "broker/auth/context.hpp"
#include "broker/auth/flood_guard.hpp"
#include "broker/flow/inbound.hpp"
#include "broker/flow/named_thread.hpp"
#include "broker/links/link_table.hpp"
#include "broker/metrics/metrics.hpp"
#include "common/crypto/keys.hpp"

namespace tertulia::broker {

struct GatewayOptions {
  std::string endpoint;
  std::uint64_t frame_bytes_max = 512 * 1024;
  int handshake_ms = 10'000;
};
struct ConnectionCaps;

class Gateway {
 public:
  // Binds, on the caller's thread: throws std::runtime_error with a sentence if it cannot.
  Gateway(Context& context, const crypto::CurveKey& transport, const GatewayOptions& options,
          const DirectoryCell& directory, LinkTable& links, Queue<Outgoing>& outgoing,
          std::vector<Queue<Inbound>*> workers, FloodGuard& guard, const ConnectionCaps& caps,
          Metrics& metrics);
  ~Gateway();  // stop()s

  void start(FatalReport fatal);
  // The directory has changed: whoever is no longer in it is put out. Any thread.
  void end_strangers();
  // Any thread: takes no further frames; answers still go out.
  void stop_receiving();
  // Sends what is queued, closes the socket, ends the thread.
  void stop();
  const std::string& endpoint() const;  // the real one, a wildcard port resolved

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::broker
