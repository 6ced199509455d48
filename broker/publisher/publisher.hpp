// t-publisher: owns XPUB. Takes all commits that have arrived, packs each room's entries into frames,
// seals each frame once and gives it to all subscribers. Hears subscriptions: one that is not exactly
// a topic of a live user of that connection's key ends the connection. (What was subscribed before is
// ciphertext: the room's key decides who reads.)
#pragma once

#include <memory>

#include "broker/auth/context.hpp"
#include "broker/auth/flood_guard.hpp"
#include "broker/flow/flow.hpp"
#include "broker/flow/named_thread.hpp"
#include "broker/metrics/metrics.hpp"
#include "common/crypto/keys.hpp"

namespace tertulia::broker {

class Console;
struct ConnectionCaps;

struct PublisherOptions {
  std::string endpoint;
  ServerId server;
  KeyId frame_key;
  int handshake_ms = 10'000;
};

class Publisher {
 public:
  // Binds, on the caller's thread: throws std::runtime_error with a sentence if it cannot.
  Publisher(Context& context, const crypto::CurveKey& transport, const PublisherOptions& options,
            const DirectoryCell& directory, Queue<Committed>& queue, FloodGuard& guard,
            const ConnectionCaps& caps, Metrics& metrics);
  ~Publisher();  // stop()s

  void start(FatalReport fatal);
  // What prints from now on, or nullptr; it must outlive the publisher. Any thread.
  void show_on(Console* console);
  // The directory has changed: whoever is no longer in it is put out. Any thread.
  void end_strangers();
  void stop();  // publishes what is queued, closes the socket, ends the thread
  const std::string& endpoint() const;
  std::string port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::broker
