// Finder: asks avahi-daemon, where there is one, at which addresses of the local network a server
// announces itself whose key this profile has pinned. What it answers is a guess by anybody: it is
// dialled like every other address, and the key decides.
//
// A search is one run of avahi-browse(1), so that a client that never searches carries nothing of it:
// Avahi's library would bring D-Bus into every process. Without that program nothing is found.
// Network thread only; never waits.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/engine/sockets.hpp"
#include "common/base/file.hpp"

namespace tertulia::client {

// The addresses ("tcp://192.0.2.7:5570") of that server in what `avahi-browse --parsable --resolve`
// printed, each once; what is not of its form is left out.
std::vector<std::string> addresses_in(std::string_view printed, const ServerId& server);

class Finder {
 public:
  explicit Finder(const ServerId& server) : server_(server) {}
  ~Finder() { end(); }
  Finder(const Finder&) = delete;
  Finder& operator=(const Finder&) = delete;

  void start(std::uint64_t now_ms);  // a search that is under way goes on
  void add_to(std::vector<zmq::pollitem_t>& items) const;
  std::uint64_t next_deadline_ms() const { return output_ ? end_ms_ : UINT64_MAX; }
  // What was found, once, when the search has ended.
  std::optional<std::vector<std::string>> work(std::uint64_t now_ms);

 private:
  void end();

  const ServerId server_;
  UniqueFd output_;  // open while a search is under way
  pid_t program_ = -1;
  std::uint64_t end_ms_ = 0;
  std::string printed_;
};

}  // namespace tertulia::client
