// HttpClient: one connection to a server of this machine, with every byte in the test's hand. One
// thread; every wait has a deadline.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "common/base/file.hpp"

namespace tertulia::test {

struct HttpReply {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

class HttpClient {
 public:
  explicit HttpClient(const std::filesystem::path& socket);
  explicit HttpClient(std::uint16_t port);  // of 127.0.0.1

  bool send(const std::string& bytes);  // false: the other side has closed
  void close_sending();                 // its half of the connection
  // nullopt: closed, or nothing whole by the deadline.
  std::optional<HttpReply> receive(std::uint64_t ms = 20'000);
  bool is_closed(std::uint64_t ms = 20'000);  // by the other side; what comes before is dropped

 private:
  bool read_more(std::uint64_t ms);
  UniqueFd fd_;
  std::string in_;
};

}  // namespace tertulia::test
