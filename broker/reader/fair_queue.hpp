// FairQueue: reads wait by the key that asked, and each key gets one answer in turn, so that who asks
// for everything at once waits for himself. One thread (t-reader-N).
#pragma once

#include <deque>
#include <optional>
#include <unordered_map>

#include "broker/flow/flow.hpp"

namespace tertulia::broker {

class FairQueue {
 public:
  // The engine has at most a few reads under way.
  static constexpr std::size_t waiting_per_key_max = 64;

  // False: this key has too many waiting; the request is untouched.
  [[nodiscard]] bool add(ReadRequest&& request) {
    auto& waiting = waiting_[request.asker.key];
    if (waiting.size() >= waiting_per_key_max) return false;
    if (waiting.empty()) turns_.push_back(request.asker.key);
    waiting.push_back(std::move(request));
    return true;
  }

  std::optional<ReadRequest> next() {
    if (turns_.empty()) return std::nullopt;
    const CurvePublicKey key = turns_.front();
    turns_.pop_front();
    const auto found = waiting_.find(key);
    ReadRequest out = std::move(found->second.front());
    found->second.pop_front();
    if (found->second.empty())
      waiting_.erase(found);
    else
      turns_.push_back(key);
    return out;
  }

  bool empty() const { return turns_.empty(); }

 private:
  std::deque<CurvePublicKey> turns_;  // each key that waits, once
  std::unordered_map<CurvePublicKey, std::deque<ReadRequest>> waiting_;
};

}  // namespace tertulia::broker
