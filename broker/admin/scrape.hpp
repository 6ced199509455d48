// Metrics over HTTP/1.1: GET or HEAD of /metrics, one answer a connection. A part of t-admin, whose
// poll covers its sockets; nothing here waits. A client that is slow, or says too much, is let go;
// at clients_max the next one waits in the kernel's backlog.
#pragma once

#include <poll.h>

#include <filesystem>
#include <functional>
#include <list>
#include <string>
#include <vector>

#include "common/base/file.hpp"

namespace tertulia::broker {

class ScrapeServer {
 public:
  static constexpr std::size_t clients_max = 8;
  static constexpr std::size_t request_bytes_max = 8 * 1024;
  static constexpr std::uint64_t client_ms_max = 5'000;
  static constexpr std::uint64_t accept_again_ms = 1'000;

  // text: what /metrics is, made anew for each answer. Either place may be empty. Throws with a
  // sentence when it cannot listen. listen: "127.0.0.1:9570".
  ScrapeServer(const std::filesystem::path& socket, const std::string& listen,
               std::function<std::string()> text);
  ~ScrapeServer();  // closes, removes the socket's file

  // Adds what is to be polled; then the same many results, from `first` on.
  void add_to(std::vector<pollfd>& polled) const;
  void work(const std::vector<pollfd>& polled, std::size_t first, std::uint64_t now_ms);
  // When a client's time is over; UINT64_MAX: there is none.
  std::uint64_t next_deadline_ms() const;

 private:
  struct Client {
    UniqueFd fd;
    std::string in, out;
    std::uint64_t deadline_ms = 0;
  };
  bool serve(Client& c, short events);  // false: let it go
  std::string answer(const std::string& request) const;
  void accept_from(const UniqueFd& listener, std::uint64_t now_ms);

  const std::filesystem::path socket_;
  const std::function<std::string()> text_;
  std::vector<UniqueFd> listeners_;
  std::list<Client> clients_;
  std::uint64_t again_ms_ = 0;  // no descriptor was left: accept again then; 0: now
};

}  // namespace tertulia::broker
