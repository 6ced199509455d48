// How much a connection may be given that it has not read yet. Pages are large, and a peer that asks
// and does not read would have up to 1,024 of them waiting in ROUTER's queue: 217 MiB, measured.
// Owned by one thread.
#pragma once

#include <string>
#include <unordered_map>

#include "broker/flow/flow.hpp"

namespace tertulia::broker {

inline constexpr std::size_t unread_bytes_max = 2 * 1024 * 1024;

class Allowance {
 public:
  // False: what it was given lately is still unread; nothing further now.
  bool may_have_more(const Asker& asker, std::uint64_t now_ms);
  void given(const Asker& asker, std::size_t bytes);

 private:
  struct Peer {
    std::size_t bytes = 0;  // since the last time that all was seen to have left
    std::uint64_t looked_ms = 0;
  };
  std::unordered_map<std::string, Peer> peers_;  // by routing id
};

}  // namespace tertulia::broker
