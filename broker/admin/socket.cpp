#include "broker/admin/socket.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <system_error>

#include "broker/local/listen.hpp"
#include "common/base/clock.hpp"

namespace tertulia::broker {

namespace {
constexpr mode_t kSocketMode = 0660;

UniqueFd connect_to(const std::filesystem::path& path) {
  const sockaddr_un a = unix_address(path);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) throw_errno("socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0)
    throw_errno(path.string());
  return fd;
}
}  // namespace

UniqueFd listen_admin(const std::filesystem::path& path, const std::string& key) {
  return listen_unix(path, kSocketMode, key);
}

AdminPeer peer_of(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    throw_errno("SO_PEERCRED");
  AdminPeer peer{credentials.uid, std::to_string(credentials.uid)};
  char buffer[4096];
  passwd entry{}, *found = nullptr;
  if (::getpwuid_r(credentials.uid, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr)
    peer.user = entry.pw_name;
  return peer;
}

std::string ask_admin(const std::filesystem::path& path, const std::string& request,
                      int timeout_ms) {
  const UniqueFd fd = connect_to(path);
  const std::string line = request + "\n";
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t n = ::send(fd.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno(path.string());
    sent += static_cast<std::size_t>(n);
  }
  std::string answer;
  const std::uint64_t deadline = monotonic_ms() + static_cast<std::uint64_t>(timeout_ms);
  for (;;) {
    const std::uint64_t now = monotonic_ms();
    pollfd p{fd.get(), POLLIN, 0};
    const int ready = now >= deadline ? 0 : ::poll(&p, 1, static_cast<int>(deadline - now));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) throw_errno("poll");
    if (ready == 0) throw std::system_error(ETIMEDOUT, std::generic_category(), path.string());
    char block[4096];
    const ssize_t n = ::recv(fd.get(), block, sizeof block, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno(path.string());
    if (n == 0) throw std::system_error(ECONNRESET, std::generic_category(), path.string());
    answer.append(block, static_cast<std::size_t>(n));
    if (answer.ends_with('\n')) return answer.substr(0, answer.size() - 1);
  }
}

}  // namespace tertulia::broker
