#include "broker/auth/flood_guard.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

namespace tertulia::broker {

namespace {
// What TCP has received on this connection; 0: it is none any more.
std::uint64_t bytes_received(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
      size < offsetof(tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received)
    return 0;
  return info.tcpi_bytes_received;
}
}  // namespace

FloodGuard::FloodGuard() : messages_(std::make_unique<std::atomic<std::uint32_t>[]>(kFdsMax)) {}

void FloodGuard::message_came(int fd) {
  if (fd >= 0 && fd < kFdsMax) messages_[fd].fetch_add(1, std::memory_order_relaxed);
}

void FloodGuard::opened(int fd) {
  if (fd >= 0 && fd < kFdsMax)
    connections_[fd] = {messages_[fd].load(std::memory_order_relaxed), 0};
}

void FloodGuard::closed(int fd) { connections_.erase(fd); }

std::uint64_t FloodGuard::sweep() {
  std::uint64_t ended = 0;
  for (auto& [fd, c] : connections_) {
    const std::uint32_t messages = messages_[fd].load(std::memory_order_relaxed);
    const std::uint64_t received = bytes_received(fd);
    if (messages != c.messages || received < c.received_then) {
      c = {messages, received};
    } else if (received - c.received_then > bytes_max) {
      // The descriptor is libzmq's: shutdown(), never close(). Should it have become another
      // connection's meanwhile, that one received as much.
      if (::shutdown(fd, SHUT_RDWR) == 0) ++ended;
      c.received_then = received;
    }
  }
  return ended;
}

}  // namespace tertulia::broker
