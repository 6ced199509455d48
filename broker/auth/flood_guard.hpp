// FloodGuard: ends connections that send without ever completing a message.
//
// libzmq takes the parts of a multipart message without a bound until the last one has come: high-water
// marks count whole messages, MAXMSGSIZE counts parts (pipe.cpp, pipe_t::write and check_write, 4.3.4).
// So a peer that never sends a last part would grow the broker. TCP counts what each connection has
// received; whoever received more than bytes_max since its last complete message is shut down.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <unordered_map>

namespace tertulia::broker {

class FloodGuard {
 public:
  // Above what lawfully waits in one connection: RCVHWM frames of the largest size.
  static constexpr std::uint64_t bytes_max = 48ull << 20;
  static constexpr int sweep_ms = 500;

  FloodGuard();

  // The owner of a listening socket, for each whole message; any thread. fd < 0: nothing.
  void message_came(int fd);

  // t-auth only.
  void opened(int fd);
  void closed(int fd);
  bool watches() const { return !connections_.empty(); }
  std::uint64_t sweep();  // how many connections it ended

 private:
  static constexpr int kFdsMax = 1 << 16;  // above it a connection is not watched
  struct Connection {
    std::uint32_t messages = 0;
    std::uint64_t received_then = 0;  // when the number of messages last changed
  };
  // Constant after construction; entries: how many messages came by this descriptor.
  const std::unique_ptr<std::atomic<std::uint32_t>[]> messages_;
  std::unordered_map<int, Connection> connections_;  // t-auth
};

}  // namespace tertulia::broker
