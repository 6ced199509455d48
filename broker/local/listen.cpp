#include "broker/local/listen.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace tertulia::broker {

namespace {
constexpr int kBacklog = 16;

// Somebody answers on this socket's file.
bool is_live(const std::filesystem::path& path, const sockaddr_un& a) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) throw_errno("socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0) return true;
  if (errno == ECONNREFUSED || errno == ENOENT) return false;
  throw_errno(path.string());
}
}  // namespace

sockaddr_un unix_address(const std::filesystem::path& path) {
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof a.sun_path)
    throw std::runtime_error(fmt::format("The path of a socket is longer than {} bytes: {}",
                                         sizeof a.sun_path - 1, path.string()));
  std::memcpy(a.sun_path, path.c_str(), path.native().size());
  return a;
}

UniqueFd listen_unix(const std::filesystem::path& path, mode_t mode, const std::string& key) {
  const sockaddr_un a = unix_address(path);
  struct stat st {};
  if (::lstat(path.c_str(), &st) == 0) {
    if (!S_ISSOCK(st.st_mode))
      throw std::runtime_error(fmt::format(
          "{} is there and is no socket; remove it, or name another {}.", path.string(), key));
    if (is_live(path, a))
      throw std::runtime_error(fmt::format("Another broker answers on {}.", path.string()));
    if (::unlink(path.c_str()) != 0) throw_errno(path.string());
  }
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw_errno("socket");
  // The mode before it listens: between bind and chmod nobody can connect.
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0)
    throw_errno(fmt::format("Cannot make the socket {} ({})", path.string(), key));
  if (::chmod(path.c_str(), mode) != 0) throw_errno(path.string());
  if (::listen(fd.get(), kBacklog) != 0) throw_errno(path.string());
  return fd;
}

UniqueFd listen_loopback(const std::string& address, const std::string& key) {
  const auto colon = address.rfind(':');
  const auto port = static_cast<std::uint16_t>(std::stoul(address.substr(colon + 1)));
  const bool v6 = address.front() == '[';
  UniqueFd fd(::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw_errno("socket");
  const int yes = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in a4{};
  a4.sin_family = AF_INET;
  a4.sin_port = htons(port);
  a4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 a6{};
  a6.sin6_family = AF_INET6;
  a6.sin6_port = htons(port);
  a6.sin6_addr = in6addr_loopback;
  const int bound = v6 ? ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&a6), sizeof a6)
                       : ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&a4), sizeof a4);
  if (bound != 0 || ::listen(fd.get(), kBacklog) != 0)
    throw_errno(fmt::format("Cannot listen on {} ({})", address, key));
  return fd;
}

}  // namespace tertulia::broker
