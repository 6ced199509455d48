#include "client/engine/timeline.hpp"

#include <algorithm>

namespace tertulia::client {

void Timeline::start_at(std::uint64_t delivered) {
  delivered_ = delivered;
  head_ = std::max(head_, delivered);
  std::erase_if(parked_, [&](const auto& p) { return p.second.last <= delivered_; });
}

bool Timeline::wants(std::uint64_t first, std::uint64_t last) const {
  if (last <= delivered_) return false;
  const auto at = parked_.find(first);
  return at == parked_.end() || at->second.last < last;
}

void Timeline::give_out(Stretch& stretch, std::vector<Message>& out) {
  for (auto& message : stretch.messages)
    if (message.room_seq > delivered_) out.push_back(std::move(message));
  delivered_ = std::max(delivered_, stretch.last);
}

void Timeline::offer(Stretch stretch, std::vector<Message>& out) {
  note_head(stretch.last);
  if (stretch.last <= delivered_) return;
  if (stretch.first > delivered_ + 1) {
    if (parked_.size() < parked_max) parked_.insert_or_assign(stretch.first, std::move(stretch));
    return;
  }
  give_out(stretch, out);
  while (!parked_.empty() && parked_.begin()->first <= delivered_ + 1) {
    give_out(parked_.begin()->second, out);
    parked_.erase(parked_.begin());
  }
}

void Timeline::jump_to(std::uint64_t first) {
  if (first > delivered_ + 1) start_at(first - 1);
}

}  // namespace tertulia::client
