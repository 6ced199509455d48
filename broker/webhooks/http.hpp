// HTTP/1.1 between bytes and requests, by Boost.Beast's parser; no socket. RFC 9112. One thread for
// each object.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tertulia::broker {

struct HttpRequest {
  std::string method;
  std::string target;  // as it was sent: "/hook/general"
  std::string content_type, authorization, idempotency_key;
  std::string body;
  bool has_length = false;  // Content-Length
  bool keep_alive = true;
};

struct HttpAnswer {
  int status = 200;
  std::string body;  // JSON
  std::vector<std::pair<std::string, std::string>> headers{};
  bool close = false;  // whatever the request says of it
};
std::string to_bytes(const HttpAnswer& answer, bool keep_alive);

// Reads one request after the other from what has arrived.
class HttpReader {
 public:
  static constexpr std::uint32_t header_bytes_max = 8 * 1024;
  // A text of 32 KiB whose every byte stands there as an escape of JSON.
  static constexpr std::uint64_t body_bytes_max = 200 * 1024;

  enum class State { needs_more, complete, fault };
  HttpReader();
  ~HttpReader();
  HttpReader(HttpReader&&) noexcept;
  HttpReader& operator=(HttpReader&&) noexcept;

  // Takes from the front of `in` what belongs to the request that is being read.
  State read(std::string& in);
  bool has_begun() const;  // something of a request has been read
  // Once for a request: its header is whole, and its sender waits for "100 Continue".
  bool wants_continue();
  // After `complete`: the request; the next one can be read then.
  HttpRequest take();
  // After `fault`: what to answer; nothing more can be read.
  HttpAnswer fault() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::broker
