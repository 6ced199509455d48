// OrderHold: after a submission was refused for now (BUSY, a stale key or view, a full disk), those
// that the same connection had already sent behind it for the same room are refused too, until the
// first comes again; else they would overtake it, and the room would show one author's messages in
// another order than he wrote them.
//
// It is known by its request_id: a client's rise with its submissions. What is above all that was held
// so far was under way, however late it comes; what was held and comes again shows that the client
// sends again without the first, which he has given up: then nothing is held any more. Time only ends
// what nobody asks for again. One thread: everyone who refuses has his own, and a frame passes them all.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/flow/reply.hpp"

namespace tertulia::broker {

class OrderHold {
 public:
  static constexpr std::uint64_t longest_ms = 30'000;  // after the time that the refusal asked for
  static constexpr std::size_t rooms_max = 64;         // of one connection; the oldest hold gives way

  bool empty() const { return connections_.empty(); }

  // pause_ms: what the refusal tells the client to wait.
  void refused(const Asker& asker, const RoomId& room, std::uint64_t now_ms, std::uint64_t pause_ms) {
    if (connections_.size() >= sweep_at_) sweep(now_ms);
    auto& holds = connections_[asker.routing];
    const auto at = find(holds, room);
    if (at != holds.end()) {
      if (asker.request < at->first) at->first = asker.request;
      at->pause_ends_ms = std::max(at->pause_ends_ms, now_ms + pause_ms);
      return;
    }
    if (holds.size() == rooms_max)
      holds.erase(std::min_element(holds.begin(), holds.end(), [](const Hold& a, const Hold& b) {
        return a.pause_ends_ms < b.pause_ends_ms;
      }));
    holds.push_back({room, asker.request, asker.request, now_ms + pause_ms});
  }

  // How long this submission is to wait behind another; 0: it may pass, and a hold that it ends is over.
  std::uint32_t wait_ms(const Asker& asker, const RoomId& room, std::uint64_t now_ms) {
    const auto connection = connections_.find(asker.routing);
    if (connection == connections_.end()) return 0;
    auto& holds = connection->second;
    const auto at = find(holds, room);
    // One that was sent before the refused one stands behind nothing, and ends nothing
    if (at == holds.end() || asker.request < at->first) return 0;
    if (at->last < asker.request && now_ms < at->pause_ends_ms + longest_ms) {
      at->last = asker.request;
      const std::uint64_t left = at->pause_ends_ms > now_ms ? at->pause_ends_ms - now_ms : 0;
      return std::max(busy_retry_ms, static_cast<std::uint32_t>(left));
    }
    holds.erase(at);
    if (holds.empty()) connections_.erase(connection);
    return 0;
  }

 private:
  struct Hold {
    RoomId room;
    RequestId first;                  // the lowest that was refused
    RequestId last;                   // the highest that was held behind it
    std::uint64_t pause_ends_ms = 0;  // monotonic
  };
  using Holds = std::vector<Hold>;
  struct RoutingHash {
    std::size_t operator()(const RoutingId& id) const {
      return std::hash<std::string_view>{}(as_text(id.view()));
    }
  };
  struct SameRouting {
    bool operator()(const RoutingId& a, const RoutingId& b) const {
      return as_text(a.view()) == as_text(b.view());
    }
  };

  static Holds::iterator find(Holds& holds, const RoomId& room) {
    return std::find_if(holds.begin(), holds.end(), [&](const Hold& h) { return h.room == room; });
  }
  // Connections that ended with a hold leave it behind.
  void sweep(std::uint64_t now_ms) {
    for (auto& [routing, holds] : connections_)
      std::erase_if(holds, [&](const Hold& h) { return now_ms >= h.pause_ends_ms + longest_ms; });
    std::erase_if(connections_, [](const auto& item) { return item.second.empty(); });
    sweep_at_ = std::max(kSweepAt, 2 * connections_.size());
  }

  static constexpr std::size_t kSweepAt = 1024;
  std::size_t sweep_at_ = kSweepAt;
  std::unordered_map<RoutingId, Holds, RoutingHash, SameRouting> connections_;
};

}  // namespace tertulia::broker
