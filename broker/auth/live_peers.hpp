// LivePeers: which connections of one listening socket belong to which key, so that a notice finds
// them and so that whoever loses his right is put out at once. The thread that owns the socket only.
//
// libzmq has no call that ends a connection: the descriptor is kept, with the peer's address and port,
// and shut down only while it still has that peer (it may be another connection's by then).
//
// A key has so many connections here; when a further one says something the oldest is ended, not the
// newest refused: a laptop that roams leaves half-open ones behind, and is not to wait until TCP
// has given them up. Connections that have said nothing are FloodGuard's.
#pragma once

#include <atomic>
#include <unordered_map>
#include <vector>
#include <zmq.hpp>

#include "broker/flow/flow.hpp"
#include "broker/links/link_table.hpp"

namespace tertulia::broker {

// Of one key at one door, [limits] connections_per_…_max. Main stores, the sockets' owners load.
struct ConnectionCaps {
  std::atomic<std::uint64_t> device{16};  // several programs may share a profile
  std::atomic<std::uint64_t> invite{64};  // a class may share an invite
};

class LivePeers {
 public:
  // links null: its socket is not for them.
  LivePeers(const DirectoryCell& directory, const ConnectionCaps& caps,
            const LinkTable* links = nullptr)
      : directory_(directory),
        caps_(caps),
        links_(links) {}

  // To be called before the first message of each turn.
  void new_turn() { last_.reset(); }
  // A message came: body is a frame of it that carries the descriptor. routing: of ROUTER's.
  // Answers how many older connections of this key it ended.
  std::uint64_t saw(const CurvePublicKey& key, zmq::message_t& body, ByteView routing = {});
  // Where frames for this key go, the newest connection last.
  std::vector<RoutingId> routings(const CurvePublicKey& key) const;
  // Ends the connections of keys that are neither a live device's nor an invite's nor a link's; answers how
  // many.
  std::uint64_t end_strangers();

 private:
  struct Peer {
    int fd = -1;
    RoutingId routing;
    std::array<std::uint8_t, 18> name{};  // IPv6 or mapped address, port
  };
  static std::optional<std::array<std::uint8_t, 18>> name_of(int fd);
  static bool is_there(const Peer& p) { return name_of(p.fd) == p.name; }
  std::uint64_t make_room(const CurvePublicKey& key, std::vector<Peer>& peers);

  const DirectoryCell& directory_;
  const ConnectionCaps& caps_;
  const LinkTable* const links_;
  std::unordered_map<CurvePublicKey, std::vector<Peer>> peers_;
  // Of the last message in this turn: the next ones by the same connection ask the kernel nothing. No
  // longer than a turn: a peer gives itself any routing id, and may come again under the same one by
  // the same descriptor.
  struct Last {
    CurvePublicKey key;
    int fd;
    RoutingId routing;
  };
  std::optional<Last> last_;
};

}  // namespace tertulia::broker
