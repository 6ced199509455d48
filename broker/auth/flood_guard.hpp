// FloodGuard: ends connections that send without ever completing a message, and the oldest of those
// that say nothing at all when there are too many of them.
//
// libzmq takes the parts of a multipart message without a bound until the last one has come: high-water
// marks count whole messages, MAXMSGSIZE counts parts (pipe.cpp, pipe_t::write and check_write, 4.3.4).
// So a peer that never sends a last part would grow the broker. TCP counts what each connection has
// received; whoever received more than bytes_max since its last complete message is shut down, and the
// largest of all when together they hold more than bytes_together_max.
//
// A stranger is dropped only when the handshake's time is over; until then each of his connections
// costs a descriptor. Whoever is let in says something at once (a request, a subscription).
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
  static constexpr std::uint64_t bytes_together_max = 192ull << 20;
  // At each door; handshakes under way are among them.
  static constexpr std::size_t silent_max = 256;
  static constexpr int sweep_ms = 500;

  enum class Door : std::uint8_t { commands, broadcast };

  FloodGuard();

  // The owner of a listening socket, for each whole message; any thread. fd < 0: nothing.
  void message_came(int fd);

  // t-auth only.
  void opened(int fd, Door door);
  void closed(int fd, Door door);
  bool watches() const { return !connections_.empty(); }
  // Connections at this door that have completed a message.
  std::size_t spoken(Door door) const;
  // Both answer how many connections they ended.
  std::uint64_t sweep();
  std::uint64_t end_silent(Door door);

 private:
  static constexpr int kFdsMax = 1 << 16;  // above it a connection is not watched
  struct Connection {
    Door door = Door::commands;
    std::uint64_t number = 0;  // in order of opening
    std::uint32_t messages_at_start = 0;
    std::uint32_t messages = 0;
    std::uint64_t received_then = 0;  // when the number of messages last changed
    std::uint64_t pending = 0;        // received since
    bool ended = false;               // shut down; libzmq has not said so yet
  };
  bool has_spoken(int fd, const Connection& c) const;
  static bool end(int fd, Connection& c);
  // Constant after construction; entries: how many messages came by this descriptor.
  const std::unique_ptr<std::atomic<std::uint32_t>[]> messages_;
  std::unordered_map<int, Connection> connections_;  // t-auth
  std::uint64_t next_number_ = 0;                    // t-auth
};

}  // namespace tertulia::broker
