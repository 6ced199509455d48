#include "broker/auth/flood_guard.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <vector>

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

void FloodGuard::opened(int fd, Door door) {
  if (fd < 0 || fd >= kFdsMax) return;
  Connection c;
  c.door = door;
  c.number = next_number_++;
  c.messages = c.messages_at_start = messages_[fd].load(std::memory_order_relaxed);
  connections_[fd] = c;
}

// A descriptor that the other door has opened meanwhile is no longer the one that was closed.
void FloodGuard::closed(int fd, Door door) {
  const auto found = connections_.find(fd);
  if (found != connections_.end() && found->second.door == door) connections_.erase(found);
}

bool FloodGuard::has_spoken(int fd, const Connection& c) const {
  return messages_[fd].load(std::memory_order_relaxed) != c.messages_at_start;
}

// The descriptor is libzmq's: shutdown(), never close(). Should it have become another connection's
// meanwhile, that one looked the same.
bool FloodGuard::end(int fd, Connection& c) {
  c.ended = true;
  return ::shutdown(fd, SHUT_RDWR) == 0;
}

std::size_t FloodGuard::spoken(Door door) const {
  return static_cast<std::size_t>(
      std::count_if(connections_.begin(), connections_.end(), [&](const auto& item) {
        return item.second.door == door && has_spoken(item.first, item.second);
      }));
}

std::uint64_t FloodGuard::end_silent(Door door) {
  std::vector<std::pair<std::uint64_t, int>> silent;
  for (const auto& [fd, c] : connections_)
    if (c.door == door && !c.ended && !has_spoken(fd, c)) silent.emplace_back(c.number, fd);
  if (silent.size() <= silent_max) return 0;
  // The oldest: a handshake takes milliseconds, so an honest one is among the newest.
  const auto last = silent.begin() + static_cast<std::ptrdiff_t>(silent.size() - silent_max);
  std::nth_element(silent.begin(), last, silent.end());
  std::uint64_t ended = 0;
  for (auto it = silent.begin(); it != last; ++it)
    if (end(it->second, connections_.at(it->second))) ++ended;
  return ended;
}

std::uint64_t FloodGuard::sweep() {
  std::uint64_t ended = 0, together = 0;
  std::vector<std::pair<std::uint64_t, int>> pending;
  for (auto& [fd, c] : connections_) {
    const std::uint32_t messages = messages_[fd].load(std::memory_order_relaxed);
    const std::uint64_t received = bytes_received(fd);
    if (messages != c.messages || received < c.received_then) {
      c.messages = messages;
      c.received_then = received;
    }
    c.pending = received - c.received_then;
    if (c.ended || c.pending == 0) continue;
    if (c.pending > bytes_max) {
      if (end(fd, c)) ++ended;
      continue;
    }
    together += c.pending;
    pending.emplace_back(c.pending, fd);
  }
  std::sort(pending.begin(), pending.end());
  for (; together > bytes_together_max && !pending.empty(); pending.pop_back()) {
    together -= pending.back().first;
    if (end(pending.back().second, connections_.at(pending.back().second))) ++ended;
  }
  return ended;
}

}  // namespace tertulia::broker
