// BusyHold: after a submission was refused for lack of room, those that the same key had already sent
// behind it are refused too, until the first may have come again; else they would overtake it, and a
// room would show one author's messages in another order than he wrote them. One thread.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "common/base/bytes.hpp"

namespace tertulia::broker {

class BusyHold {
 public:
  bool empty() const { return until_ms_.empty(); }

  // pause_ms: what the refusal tells the client to wait. A frame that was under way when he was told
  // arrives within it; what he sends again arrives after it.
  void refused(const CurvePublicKey& key, std::uint64_t now_ms, std::uint64_t pause_ms) {
    if (until_ms_.size() >= kKeysBeforeSweep)
      std::erase_if(until_ms_, [&](const auto& item) { return item.second <= now_ms; });
    until_ms_.emplace(key, now_ms + pause_ms);
  }

  // A hold is not prolonged by what it refuses: what comes again finds it over.
  bool holds(const CurvePublicKey& key, std::uint64_t now_ms) { return wait_ms(key, now_ms) > 0; }
  // How long it holds yet; 0: it does not.
  std::uint32_t wait_ms(const CurvePublicKey& key, std::uint64_t now_ms) {
    const auto found = until_ms_.find(key);
    if (found == until_ms_.end()) return 0;
    if (now_ms < found->second) return static_cast<std::uint32_t>(found->second - now_ms);
    until_ms_.erase(found);
    return 0;
  }

 private:
  static constexpr std::size_t kKeysBeforeSweep = 1024;
  std::unordered_map<CurvePublicKey, std::uint64_t> until_ms_;  // monotonic
};

}  // namespace tertulia::broker
