#include "tests/support/http_client.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

#include "tests/support/wait.hpp"

namespace tertulia::test {

namespace {
constexpr std::uint64_t kConnectMs = 20'000;

UniqueFd connected(int family, const sockaddr* address, socklen_t size) {
  UniqueFd fd;
  const auto connects = [&] {
    fd = UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(fd.get(), address, size) == 0;
  };
  if (!wait_until(connects, kConnectMs)) throw_errno("connect");
  return fd;
}
}  // namespace

HttpClient::HttpClient(const std::filesystem::path& socket) {
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  std::memcpy(a.sun_path, socket.c_str(), socket.native().size());
  fd_ = connected(AF_UNIX, reinterpret_cast<const sockaddr*>(&a), sizeof a);
}

HttpClient::HttpClient(std::uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  fd_ = connected(AF_INET, reinterpret_cast<const sockaddr*>(&a), sizeof a);
}

bool HttpClient::send(const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t n = ::send(fd_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n < 0) return false;
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

void HttpClient::close_sending() { ::shutdown(fd_.get(), SHUT_WR); }

bool HttpClient::read_more(std::uint64_t ms) {
  pollfd p{fd_.get(), POLLIN, 0};
  if (::poll(&p, 1, static_cast<int>(ms)) <= 0) return false;
  char block[65536];
  const ssize_t n = ::recv(fd_.get(), block, sizeof block, 0);
  if (n <= 0) return false;
  in_.append(block, static_cast<std::size_t>(n));
  return true;
}

std::optional<HttpReply> HttpClient::receive(std::uint64_t ms) {
  const Deadline deadline = Deadline::in_ms(ms);
  std::size_t end = 0;
  while ((end = in_.find("\r\n\r\n")) == in_.npos)
    if (!read_more(deadline.left_ms())) return std::nullopt;
  HttpReply reply;
  std::size_t at = in_.find("\r\n");
  reply.status = std::stoi(in_.substr(9, 3));
  while (at < end) {
    const std::size_t next = in_.find("\r\n", at + 2);
    const std::string line = in_.substr(at + 2, next - at - 2);
    const std::size_t colon = line.find(':');
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(), ::tolower);
    reply.headers[name] = line.substr(std::min(line.size(), colon + 2));
    at = next;
  }
  const std::size_t length =
      reply.headers.contains("content-length") ? std::stoul(reply.headers["content-length"]) : 0;
  while (in_.size() < end + 4 + length)
    if (!read_more(deadline.left_ms())) return std::nullopt;
  reply.body = in_.substr(end + 4, length);
  in_.erase(0, end + 4 + length);
  return reply;
}

bool HttpClient::is_closed(std::uint64_t ms) {
  const Deadline deadline = Deadline::in_ms(ms);
  while (read_more(deadline.left_ms())) in_.clear();
  return !deadline.over();
}

}  // namespace tertulia::test
