#include "broker/admin/scrape.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include "broker/admin/socket.hpp"
#include "broker/local/listen.hpp"

namespace tertulia::broker {

namespace {
std::string response(const char* status, const std::string& type, const std::string& body,
                     bool with_body, const char* more = "") {
  return fmt::format(
      "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n{}",
      status, type, body.size(), more, with_body ? body : std::string());
}
}  // namespace

ScrapeServer::ScrapeServer(const std::filesystem::path& socket, const std::string& listen,
                           std::function<std::string()> text)
    : socket_(socket),
      text_(std::move(text)) {
  if (!socket.empty()) listeners_.push_back(listen_admin(socket, "[metrics] socket"));
  if (!listen.empty()) listeners_.push_back(listen_loopback(listen, "[metrics] listen"));
}

ScrapeServer::~ScrapeServer() {
  if (!socket_.empty()) ::unlink(socket_.c_str());
}

void ScrapeServer::add_to(std::vector<pollfd>& polled) const {
  const bool full = clients_.size() >= clients_max || again_ms_ != 0;
  for (const auto& l : listeners_) polled.push_back({full ? -1 : l.get(), POLLIN, 0});
  for (const auto& c : clients_)
    polled.push_back({c.fd.get(), static_cast<short>(c.out.empty() ? POLLIN : POLLOUT), 0});
}

void ScrapeServer::work(const std::vector<pollfd>& polled, std::size_t first,
                        std::uint64_t now_ms) {
  if (now_ms >= again_ms_) again_ms_ = 0;
  std::size_t at = first + listeners_.size();
  for (auto c = clients_.begin(); c != clients_.end(); ++at) {
    const bool keep =
        now_ms < c->deadline_ms && (polled[at].revents == 0 || serve(*c, polled[at].revents));
    c = keep ? std::next(c) : clients_.erase(c);
  }
  for (std::size_t i = 0; i < listeners_.size(); ++i)
    if (polled[first + i].revents != 0) accept_from(listeners_[i], now_ms);
}

std::uint64_t ScrapeServer::next_deadline_ms() const {
  std::uint64_t soonest = again_ms_ != 0 ? again_ms_ : UINT64_MAX;
  for (const auto& c : clients_) soonest = std::min(soonest, c.deadline_ms);
  return soonest;
}

void ScrapeServer::accept_from(const UniqueFd& listener, std::uint64_t now_ms) {
  while (clients_.size() < clients_max) {
    UniqueFd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      // No descriptor is left: poll would say so at once again
      if (errno != EAGAIN && errno != EINTR) again_ms_ = now_ms + accept_again_ms;
      return;
    }
    clients_.push_back({std::move(fd), {}, {}, now_ms + client_ms_max});
  }
}

bool ScrapeServer::serve(Client& c, short events) {
  if ((events & (POLLERR | POLLNVAL)) != 0) return false;
  if (c.out.empty()) {
    char block[4096];
    const ssize_t n = ::recv(c.fd.get(), block, sizeof block, 0);
    if (n == 0) return false;
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    c.in.append(block, static_cast<std::size_t>(n));
    const bool whole = c.in.find("\r\n\r\n") != std::string::npos;
    if (!whole && c.in.size() <= request_bytes_max) return true;
    c.out = whole ? answer(c.in)
                  : response("431 Request Header Fields Too Large", "text/plain",
                             "The request is too long.\n", true);
  }
  const ssize_t n = ::send(c.fd.get(), c.out.data(), c.out.size(), MSG_NOSIGNAL);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  c.out.erase(0, static_cast<std::size_t>(n));
  return !c.out.empty();
}

std::string ScrapeServer::answer(const std::string& request) const {
  const std::string line = request.substr(0, request.find("\r\n"));
  const auto space = line.find(' '), second = line.find(' ', space + 1);
  const bool is_http =
      space != line.npos && second != line.npos && line.compare(second + 1, 7, "HTTP/1.") == 0;
  if (!is_http)
    return response("400 Bad Request", "text/plain", "This is no HTTP/1 request.\n", true);
  const std::string method = line.substr(0, space);
  std::string path = line.substr(space + 1, second - space - 1);
  path.resize(std::min(path.size(), path.find('?')));
  const bool head = method == "HEAD";
  if (method != "GET" && !head)
    return response("405 Method Not Allowed", "text/plain", "GET or HEAD only.\n", true,
                    "Allow: GET, HEAD\r\n");
  if (path != "/metrics")
    return response("404 Not Found", "text/plain", "Metrics are at /metrics.\n", !head);
  return response("200 OK", "text/plain; version=0.0.4; charset=utf-8", text_(), !head);
}

}  // namespace tertulia::broker
