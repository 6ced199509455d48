#include "broker/auth/live_peers.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "common/base/clock.hpp"

namespace tertulia::broker {

std::optional<std::array<std::uint8_t, 18>> LivePeers::name_of(int fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return std::nullopt;
  std::array<std::uint8_t, 18> out{};
  if (peer.ss_family == AF_INET6) {
    const auto& a = reinterpret_cast<const sockaddr_in6&>(peer);
    std::memcpy(out.data(), &a.sin6_addr, 16);
    std::memcpy(out.data() + 16, &a.sin6_port, 2);
  } else if (peer.ss_family == AF_INET) {
    const auto& a = reinterpret_cast<const sockaddr_in&>(peer);
    out[10] = out[11] = 0xff;
    std::memcpy(out.data() + 12, &a.sin_addr, 4);
    std::memcpy(out.data() + 16, &a.sin_port, 2);
  } else {
    return std::nullopt;
  }
  return out;
}

std::uint64_t LivePeers::saw(const CurvePublicKey& key, zmq::message_t& body, ByteView routing) {
  const int fd = zmq_msg_get(body.handle(), ZMQ_SRCFD);
  if (fd < 0) return 0;
  const auto is_routing = [&](const RoutingId& id) {
    return std::equal(routing.begin(), routing.end(), id.view().begin(), id.view().end());
  };
  if (last_ && last_->fd == fd && last_->key == key && is_routing(last_->routing)) return 0;
  const auto name = name_of(fd);
  if (!name) return 0;
  Last& last = last_.emplace(Last{key, fd, {}});
  last.routing.length = static_cast<std::uint8_t>(routing.size());
  std::copy(routing.begin(), routing.end(), last.routing.bytes.begin());
  auto& peers = peers_[key];
  const auto known =
      std::find_if(peers.begin(), peers.end(), [&](const Peer& p) { return p.fd == fd; });
  if (known != peers.end()) {
    if (known->name == *name && is_routing(known->routing)) return 0;
    peers.erase(known);  // another connection's by now
  }
  const std::uint64_t ended = make_room(key, peers);
  Peer p;
  p.fd = fd;
  p.name = *name;
  p.routing = last.routing;
  peers.push_back(p);
  return ended;
}

// Those that are gone first: one program that stays is older than many that came and went.
std::uint64_t LivePeers::make_room(const CurvePublicKey& key, std::vector<Peer>& peers) {
  const auto directory = directory_.load();
  const std::uint64_t most = directory->device_of(key) != nullptr   ? caps_.device.load()
                             : directory->invite_of(key) != nullptr ? caps_.invite.load()
                                                                    : link_connections_max;
  if (peers.size() < most) return 0;
  std::erase_if(peers, [](const Peer& p) { return !is_there(p); });
  std::uint64_t ended = 0;
  while (peers.size() >= most) {
    if (::shutdown(peers.front().fd, SHUT_RDWR) == 0) ++ended;
    peers.erase(peers.begin());
  }
  return ended;
}

std::vector<RoutingId> LivePeers::routings(const CurvePublicKey& key) const {
  std::vector<RoutingId> out;
  if (const auto found = peers_.find(key); found != peers_.end())
    for (const Peer& p : found->second) out.push_back(p.routing);
  return out;
}

std::uint64_t LivePeers::end_strangers() {
  const auto directory = directory_.load();
  std::uint64_t ended = 0;
  std::erase_if(peers_, [&](const auto& item) {
    const auto& [key, peers] = item;
    if (directory->device_of(key) != nullptr || directory->invite_of(key) != nullptr ||
        (links_ != nullptr && links_->find(key, monotonic_ms())))
      return false;
    for (const Peer& p : peers)
      if (is_there(p) && ::shutdown(p.fd, SHUT_RDWR) == 0) ++ended;
    return true;
  });
  return ended;
}

}  // namespace tertulia::broker
