#include "client_gtk/models/timeline_model.hpp"

#include <algorithm>
#include <cassert>

namespace tertulia::gtk {
namespace {

// Messages of the log before unsent ones; then by position, or by the order of writing.
bool comes_before(const client::Message& a, const client::Message& b) {
  if ((a.room_seq == 0) != (b.room_seq == 0)) return a.room_seq != 0;
  return a.room_seq != 0 ? a.room_seq < b.room_seq : a.local_id < b.local_id;
}

}  // namespace

std::size_t TimelineModel::place_of(const client::Message& message) const {
  const auto at = std::upper_bound(messages_.begin(), messages_.end(), message, comes_before);
  return static_cast<std::size_t>(at - messages_.begin());
}

std::size_t TimelineModel::find_seq(std::uint64_t room_seq) const {
  if (room_seq == 0) return size();
  client::Message key;
  key.room_seq = room_seq;
  const auto at = std::lower_bound(messages_.begin(), messages_.end(), key, comes_before);
  if (at == messages_.end() || at->room_seq != room_seq) return size();
  return static_cast<std::size_t>(at - messages_.begin());
}

std::size_t TimelineModel::find_local(std::uint64_t local_id) const {
  if (local_id == 0) return size();
  const auto at = std::find_if(messages_.rbegin(), messages_.rend(),
                               [&](const auto& m) { return m.local_id == local_id; });
  return at == messages_.rend() ? size() : static_cast<std::size_t>(messages_.rend() - at) - 1;
}

std::uint64_t TimelineModel::first_room_seq() const {
  return messages_.empty() ? 0 : messages_.front().room_seq;
}

std::uint64_t TimelineModel::last_room_seq() const {
  const auto at = std::find_if(messages_.rbegin(), messages_.rend(),
                               [](const auto& m) { return m.room_seq != 0; });
  return at == messages_.rend() ? 0 : at->room_seq;
}

void TimelineModel::reset(std::vector<client::Message> page) {
  messages_.clear();
  hidden_.clear();
  detached_ = false;
  for (auto& message : page) upsert(std::move(message));
}

std::size_t TimelineModel::prepend(std::vector<client::Message> page) {
  std::erase_if(page, [&](const auto& m) {
    return m.room_seq == 0 || client::is_change(m.kind) ||
           (first_room_seq() != 0 && m.room_seq >= first_room_seq());
  });
  std::stable_sort(page.begin(), page.end(), comes_before);
  messages_.insert(messages_.begin(), std::make_move_iterator(page.begin()),
                   std::make_move_iterator(page.end()));
  return page.size();
}

std::size_t TimelineModel::append(std::vector<client::Message> page, std::uint64_t looked,
                                  std::uint64_t newest_room_seq) {
  std::erase_if(page, [&](const auto& m) {
    return m.room_seq == 0 || client::is_change(m.kind) || m.room_seq <= last_room_seq();
  });
  std::stable_sort(page.begin(), page.end(), comes_before);
  messages_.insert(messages_.end(), std::make_move_iterator(page.begin()),
                   std::make_move_iterator(page.end()));
  detached_ = std::max(looked, last_room_seq()) < newest_room_seq;
  if (detached_) return page.size();
  const std::size_t added = page.size() + hidden_.size();
  messages_.insert(messages_.end(), std::make_move_iterator(hidden_.begin()),
                   std::make_move_iterator(hidden_.end()));
  hidden_.clear();
  return added;
}

std::vector<TimelineStep> TimelineModel::upsert(client::Message message) {
  using Kind = TimelineStep::Kind;
  std::vector<TimelineStep> steps;
  if (client::is_change(message.kind)) return steps;
  if (detached_ && message.local_id != 0)
    for (auto at = hidden_.begin(); at != hidden_.end(); ++at)
      if (at->local_id == message.local_id) {
        // Sent meanwhile: it comes with its page
        if (message.room_seq != 0)
          hidden_.erase(at);
        else
          *at = std::move(message);
        return steps;
      }
  const std::size_t by_local = find_local(message.local_id);
  const std::size_t by_seq = find_seq(message.room_seq);
  const bool in_log = by_seq != size();  // as a row of its own

  if (by_local != size()) {
    client::Message& known = messages_[by_local];
    if (known.room_seq != 0 && message.room_seq == 0) return steps;  // an older state, told late
    if (known.room_seq == message.room_seq) {
      known = std::move(message);
      return {{Kind::update, by_local}};
    }
    // the unsent message now has its place in the log
    messages_.erase(messages_.begin() + static_cast<std::ptrdiff_t>(by_local));
    const std::size_t place = place_of(message);
    if (in_log) {
      steps.push_back({Kind::remove, by_local});
      messages_[by_seq] = std::move(message);
      steps.push_back({Kind::update, by_seq});
      return steps;
    }
    messages_.insert(messages_.begin() + static_cast<std::ptrdiff_t>(place), std::move(message));
    if (place == by_local) return {{Kind::update, place}};
    return {{Kind::remove, by_local}, {Kind::insert, place}};
  }
  if (in_log) {
    // the broadcast of an own message knows less than the outbox did
    const std::uint64_t local_id = messages_[by_seq].local_id;
    messages_[by_seq] = std::move(message);
    if (messages_[by_seq].local_id == 0) messages_[by_seq].local_id = local_id;
    return {{Kind::update, by_seq}};
  }
  if (detached_) return steps;
  const std::size_t place = place_of(message);
  messages_.insert(messages_.begin() + static_cast<std::ptrdiff_t>(place), std::move(message));
  return {{Kind::insert, place}};
}

std::vector<TimelineStep> TimelineModel::change(client::Message message) {
  if (find_seq(message.room_seq) == size()) return {};
  return upsert(std::move(message));
}

std::vector<TimelineStep> TimelineModel::discard(std::uint64_t local_id) {
  std::erase_if(hidden_, [&](const auto& m) { return m.local_id == local_id; });
  const std::size_t index = find_local(local_id);
  if (index == size()) return {};
  messages_.erase(messages_.begin() + static_cast<std::ptrdiff_t>(index));
  return {{TimelineStep::Kind::remove, index}};
}

std::size_t TimelineModel::drop_back(std::size_t count) {
  assert(count <= size());
  std::size_t kept = size() - count;
  while (kept > 0 && messages_[kept - 1].room_seq == 0) --kept;
  const std::size_t dropped = size() - kept;
  std::copy_if(std::make_move_iterator(messages_.begin() + static_cast<std::ptrdiff_t>(kept)),
               std::make_move_iterator(messages_.end()), std::back_inserter(hidden_),
               [](const client::Message& m) { return m.room_seq == 0; });
  messages_.resize(kept);
  detached_ = true;
  return dropped;
}

void TimelineModel::drop_front(std::size_t count) {
  assert(count <= size());
  messages_.erase(messages_.begin(), messages_.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace tertulia::gtk
