#include "broker/presence/presence.hpp"

#include <algorithm>
#include <utility>

namespace tertulia::broker {

namespace {
constexpr std::uint64_t kSweepMs = 1'000;
// Written times may be that much older than the true ones after a crash.
constexpr std::uint64_t kSeenStepMs = 5 * 60'000;
constexpr std::uint64_t kTypingPauseMs = 2'000;
constexpr std::uint64_t kTypingSweepMs = 60'000;
}  // namespace

void Presence::load(const Kept& kept) {
  const std::lock_guard lock(mutex_);
  for (const auto& mark : kept.marks) marks_[mark.user][mark.room] = {mark.room_seq, false};
  for (const auto& seen : kept.seen) seen_[seen.device] = {seen.at_ms, seen.at_ms};
}

bool Presence::mark_read(const UserId& user, const RoomId& room, std::uint64_t room_seq) {
  const std::lock_guard lock(mutex_);
  Mark& mark = marks_[user][room];
  if (room_seq <= mark.room_seq) return false;
  mark.room_seq = room_seq;
  if (!std::exchange(mark.unwritten, true)) unwritten_marks_.push_back({user, room, 0});
  return true;
}

std::uint64_t Presence::read_up_to(const UserId& user, const RoomId& room) const {
  const std::lock_guard lock(mutex_);
  const auto of_user = marks_.find(user);
  if (of_user == marks_.end()) return 0;
  const auto at = of_user->second.find(room);
  return at == of_user->second.end() ? 0 : at->second.room_seq;
}

void Presence::saw(const DeviceId& device, std::uint64_t wall_ms) {
  const std::lock_guard lock(mutex_);
  seen_[device].at_ms = wall_ms;
}

std::uint64_t Presence::last_seen(const DeviceId& device) const {
  const std::lock_guard lock(mutex_);
  const auto at = seen_.find(device);
  return at == seen_.end() ? 0 : at->second.at_ms;
}

void Presence::tell(const UserId& user, const DeviceId& device, Activity activity,
                    std::uint64_t now_ms, std::uint64_t lives_ms) {
  const std::lock_guard lock(mutex_);
  if (activity == Activity::offline) {
    if (told_.erase(device) == 0) return;
  } else {
    Told& told = told_[device];
    const bool same = told.activity == activity && told.user == user;
    told = {user, activity, now_ms + lives_ms};
    if (same) return;
  }
  look_again(user);
}

// A user does what the busiest of his devices says.
void Presence::look_again(const UserId& user) {
  Activity now = Activity::offline;
  for (const auto& [device, told] : told_)
    if (told.user == user) now = std::max(now, told.activity);
  Person& person = people_[user];
  if (person.version != 0 && person.activity == now) return;
  if (person.version != 0) changes_.erase(person.version);
  person = {now, ++version_};
  changes_[version_] = user;
}

void Presence::sweep(std::uint64_t now_ms) {
  if (now_ms < swept_ms_ + kSweepMs) return;
  swept_ms_ = now_ms;
  std::vector<UserId> gone;
  std::erase_if(told_, [&](const auto& item) {
    const bool over = now_ms >= item.second.until_ms;
    if (over) gone.push_back(item.second.user);
    return over;
  });
  for (const UserId& user : gone) look_again(user);
}

Presence::Changes Presence::since(std::uint64_t version, std::uint64_t now_ms) {
  const std::lock_guard lock(mutex_);
  sweep(now_ms);
  Changes out{version_, {}};
  if (version == version_) return out;
  const bool all = version < first_version_ || version > version_;
  for (auto at = changes_.upper_bound(all ? 0 : version); at != changes_.end(); ++at) {
    const Activity activity = people_.at(at->second).activity;
    if (!all || activity != Activity::offline) out.people.emplace_back(at->second, activity);
  }
  return out;
}

bool Presence::types(const UserId& user, const RoomId& room, std::uint64_t now_ms) {
  const std::lock_guard lock(mutex_);
  if (now_ms >= typing_swept_ms_ + kTypingSweepMs) {
    typing_swept_ms_ = now_ms;
    for (auto& [who, rooms] : typing_)
      std::erase_if(rooms, [&](const auto& r) { return now_ms >= r.second + kTypingPauseMs; });
    std::erase_if(typing_, [](const auto& item) { return item.second.empty(); });
  }
  auto [at, is_new] = typing_[user].try_emplace(room, now_ms);
  if (!is_new && now_ms < at->second + kTypingPauseMs) return false;
  at->second = now_ms;
  return true;
}

Presence::Kept Presence::take_unwritten(bool all) {
  const std::lock_guard lock(mutex_);
  Kept out;
  for (ReadMark& mark : unwritten_marks_) {
    Mark& now = marks_[mark.user][mark.room];
    now.unwritten = false;
    mark.room_seq = now.room_seq;
  }
  out.marks = std::exchange(unwritten_marks_, {});
  for (auto& [device, seen] : seen_)
    if (seen.at_ms > seen.written_ms + (all ? 0 : kSeenStepMs)) {
      out.seen.push_back({device, seen.at_ms});
      seen.written_ms = seen.at_ms;
    }
  return out;
}

void Presence::put_back(const Kept& kept) {
  const std::lock_guard lock(mutex_);
  for (const ReadMark& mark : kept.marks)
    if (!std::exchange(marks_[mark.user][mark.room].unwritten, true))
      unwritten_marks_.push_back(mark);
  for (const LastSeen& seen : kept.seen) seen_[seen.device].written_ms = 0;
}

}  // namespace tertulia::broker
