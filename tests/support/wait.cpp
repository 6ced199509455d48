#include "tests/support/wait.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <mutex>
#include <stdexcept>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/file.hpp"

namespace tertulia::test {

namespace {

constexpr std::uint16_t kFirstPort = 18000;
constexpr std::uint16_t kLastPort = 32000;  // Linux gives out 32768 and above

// An abstract socket: its name is ours until the process ends, however it ends.
bool reserve(std::uint16_t port) {
  static std::mutex mutex;
  static std::vector<UniqueFd> reserved;  // protected by mutex
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string text = "tertulia-test-port-" + std::to_string(port);
  text.copy(name.sun_path + 1, sizeof name.sun_path - 1);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&name), length) != 0) return false;
  std::lock_guard lock(mutex);
  reserved.push_back(std::move(fd));
  return true;
}

bool can_bind(std::uint16_t port) {
  UniqueFd v4(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(v4.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  if (::bind(v4.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) return false;
  UniqueFd v6(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!v6) return true;  // a machine without IPv6
  ::setsockopt(v6.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(v6.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  sockaddr_in6 b{};
  b.sin6_family = AF_INET6;
  b.sin6_port = htons(port);
  return ::bind(v6.get(), reinterpret_cast<sockaddr*>(&b), sizeof b) == 0;
}

}  // namespace

Deadline Deadline::in_ms(std::uint64_t ms) {
  Deadline d;
  d.at_ms_ = monotonic_ms() + ms;
  return d;
}

std::uint64_t Deadline::left_ms() const {
  const std::uint64_t now = monotonic_ms();
  return at_ms_ > now ? at_ms_ - now : 0;
}

bool wait_until(const std::function<bool()>& condition, Deadline deadline) {
  for (;;) {
    if (condition()) return true;
    if (deadline.over()) return false;
    ::poll(nullptr, 0, 2);
  }
}

bool wait_until(const std::function<bool()>& condition, std::uint64_t ms) {
  return wait_until(condition, Deadline::in_ms(ms));
}

std::uint16_t free_port() {
  // Programs of one run start at different places, so that they seldom meet
  static std::uint16_t next = static_cast<std::uint16_t>(
      kFirstPort + (static_cast<unsigned>(::getpid()) * 37) % (kLastPort - kFirstPort));
  for (int tries = 0; tries < kLastPort - kFirstPort; ++tries) {
    if (++next > kLastPort) next = kFirstPort;
    if (reserve(next) && can_bind(next)) return next;
  }
  throw std::runtime_error("no free TCP port between 18000 and 32000");
}

bool accepts_connections(const std::string& ip, std::uint16_t port) {
  if (ip.find(':') != std::string::npos) {
    UniqueFd fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 a{};
    a.sin6_family = AF_INET6;
    a.sin6_port = htons(port);
    ::inet_pton(AF_INET6, ip.c_str(), &a.sin6_addr);
    return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) == 0;
  }
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  ::inet_pton(AF_INET, ip.c_str(), &a.sin_addr);
  return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) == 0;
}

}  // namespace tertulia::test
