#include "client/engine/presence.hpp"

#include <algorithm>

namespace tertulia::client {

namespace {
constexpr std::uint64_t kMarkMs = 500;        // marks that follow each other fast are told once
constexpr std::uint64_t kTypingTellMs = 3'000;
constexpr std::uint64_t kTypingHoldMs = 6'000;  // docs/protocol.md, "Notices"
constexpr std::string_view kSharePresence = "share_presence", kShareTyping = "share_typing";

bool is_shared(Store& store, std::string_view fact) { return store.fact_text(fact) != "no"; }
}  // namespace

void Presence::load(Store& store, const UserId& me) {
  me_ = me;
  share_presence_ = is_shared(store, kSharePresence);
  share_typing_ = is_shared(store, kShareTyping);
}

void Presence::set_activity(Activity activity, std::uint64_t now_ms) {
  if (std::exchange(activity_, activity) != activity && share_presence_) tell_at_ms_ = now_ms;
}

void Presence::typing(const RoomId& room, std::uint64_t now_ms) {
  if (!share_typing_) return;
  const auto told = typing_told_.find(room);
  if (told != typing_told_.end() && now_ms < told->second + kTypingTellMs) return;
  typing_told_[room] = now_ms;
  typing_in_ = room;
  tell_at_ms_ = now_ms;
}

void Presence::share(std::optional<bool> presence, std::optional<bool> typing, Store& store,
                     std::uint64_t now_ms) {
  const auto set = [&](std::optional<bool> wanted, bool& is, std::string_view fact) {
    if (!wanted) return;
    is = *wanted;
    store.set_fact(fact, is ? std::string_view("yes") : std::string_view("no"));
  };
  set(presence, share_presence_, kSharePresence);
  set(typing, share_typing_, kShareTyping);
  if (presence) tell_at_ms_ = now_ms;
  if (!share_typing_) typing_in_.reset();
}

void Presence::has_read(const RoomId& room, std::uint64_t now_ms) {
  marks_.insert(room);
  tell_at_ms_ = std::min(tell_at_ms_, now_ms + kMarkMs);
}

void Presence::begin_ping(pb::Ping& ping) {
  tell_at_ms_ = UINT64_MAX;
  ping.set_activity(share_presence_ ? static_cast<std::uint32_t>(activity_) : 0);
  ping.set_presence_version(version_);
  if (typing_in_) ping.set_typing(std::string(as_text(typing_in_->view())));
  typing_in_.reset();
}

void Presence::on_pong(const pb::Pong& pong, bool of_marks, std::uint64_t now_ms,
                       std::vector<Event>& events) {
  if (of_marks) {
    marks_under_way_.clear();
    if (marks_.empty())
      events.push_back(ReadMarksTold{});
    else
      tell_at_ms_ = now_ms;
  }
  const bool first = !std::exchange(known_, true);
  PresenceChanged changed;
  std::map<UserId, Activity> now;
  if (version_ != 0) now = others_;
  for (const auto& person : pong.presence()) {
    const auto user = UserId::parse(as_bytes(person.user_id()));
    if (!user || person.activity() > static_cast<std::uint32_t>(Activity::active)) continue;
    now[*user] = static_cast<Activity>(person.activity());
  }
  version_ = pong.presence_version();
  std::erase_if(now, [](const auto& item) { return item.second == Activity::offline; });
  for (const auto& [user, activity] : now)
    if (activity_of(user) != activity) changed.people.emplace_back(user, activity);
  for (const auto& [user, activity] : others_)
    if (!now.contains(user)) changed.people.emplace_back(user, Activity::offline);
  others_ = std::move(now);
  if (first || !changed.people.empty()) events.push_back(std::move(changed));
}

void Presence::on_typing(const RoomId& room, const UserId& user, std::uint64_t now_ms) {
  if (user == me_) return;
  const auto [at, is_new] = writing_[room].insert_or_assign(user, now_ms + kTypingHoldMs);
  if (is_new) writing_changed_.insert(room);
}

void Presence::said(const RoomId& room, const UserId& user) {
  const auto at = writing_.find(room);
  if (at != writing_.end() && at->second.erase(user) > 0) writing_changed_.insert(room);
}

void Presence::expire(std::uint64_t now_ms) {
  for (auto& [room, users] : writing_)
    if (std::erase_if(users, [&](const auto& item) { return now_ms >= item.second; }) > 0)
      writing_changed_.insert(room);
  std::erase_if(writing_, [](const auto& item) { return item.second.empty(); });
}

// Who is there is asked whole on the next connection; until then what was last known is shown. Marks
// that were not told show as a difference in the next welcome.
void Presence::went_down() {
  version_ = 0;
  marks_.clear();
  marks_under_way_.clear();
  typing_in_.reset();
  tell_at_ms_ = UINT64_MAX;
  for (const auto& [room, users] : writing_) writing_changed_.insert(room);
  writing_.clear();
}

std::uint64_t Presence::next_deadline_ms(bool open) const {
  std::uint64_t next = open ? UINT64_MAX : tell_at_ms_;
  if (!writing_changed_.empty()) return 0;
  for (const auto& [room, users] : writing_)
    for (const auto& [user, until] : users) next = std::min(next, until);
  return next;
}

Activity Presence::activity_of(const UserId& user) const {
  const auto at = others_.find(user);
  return at == others_.end() ? Activity::offline : at->second;
}

}  // namespace tertulia::client
