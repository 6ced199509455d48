// Presence: what this device tells of its user (what he does, where he is writing, how far he has
// read) and what it hears of others. All of it travels in pings, pongs and notices; nothing of it is
// in the log. What is shared is a setting of the profile. Network thread only; no sockets.
#pragma once

#include <map>
#include <set>

#include "client/engine/store.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::client {

class Presence {
 public:
  void load(Store& store, const UserId& me);

  // ---- commands ----
  void set_activity(Activity activity, std::uint64_t now_ms);
  void typing(const RoomId& room, std::uint64_t now_ms);
  void share(std::optional<bool> presence, std::optional<bool> typing, Store& store,
             std::uint64_t now_ms);
  void has_read(const RoomId& room, std::uint64_t now_ms);  // further than the server knows
  void ask_now(std::uint64_t now_ms) { tell_at_ms_ = now_ms; }

  // ---- the connection ----
  // A ping should go out now, for what has to be told.
  bool has_news(std::uint64_t now_ms) const { return now_ms >= tell_at_ms_; }
  // read_up_to: of a room. True: the ping carries marks, and its pong is to be given as such.
  template <class ReadUpTo>
  bool fill(pb::Ping& ping, const ReadUpTo& read_up_to);
  void on_pong(const pb::Pong& pong, bool of_marks, std::uint64_t now_ms,
               std::vector<Event>& events);
  void on_typing(const RoomId& room, const UserId& user, std::uint64_t now_ms);
  void said(const RoomId& room, const UserId& user);  // he has sent what he was writing
  void went_down();

  // Tells of those who write no more, or began to. name(user): nullptr when unknown.
  template <class Name>
  void tell(std::uint64_t now_ms, const Name& name, std::vector<Event>& events);
  // open: a ping is under way, so that news wait for its pong.
  std::uint64_t next_deadline_ms(bool open) const;

  bool known() const { return known_; }  // a pong has said who is there, or that it is not told
  Activity activity_of(const UserId& user) const;

 private:
  static constexpr int kMarksMax = 64;
  void begin_ping(pb::Ping& ping);
  void expire(std::uint64_t now_ms);

  UserId me_;
  bool share_presence_ = true;
  bool share_typing_ = true;
  Activity activity_ = Activity::offline;
  std::optional<RoomId> typing_in_;                // to be told
  std::map<RoomId, std::uint64_t> typing_told_;    // monotonic, when last
  std::set<RoomId> marks_;                         // to be told
  std::set<RoomId> marks_under_way_;
  std::uint64_t tell_at_ms_ = UINT64_MAX;

  bool known_ = false;
  std::uint64_t version_ = 0;  // of this connection; 0: the next pong has all
  std::map<UserId, Activity> others_;
  std::map<RoomId, std::map<UserId, std::uint64_t>> writing_;  // until, monotonic
  std::set<RoomId> writing_changed_;
};

template <class ReadUpTo>
bool Presence::fill(pb::Ping& ping, const ReadUpTo& read_up_to) {
  begin_ping(ping);
  if (marks_.empty() || !marks_under_way_.empty()) return false;
  while (!marks_.empty() && ping.read_size() < kMarksMax) {
    const RoomId room = *marks_.begin();
    marks_.erase(marks_.begin());
    marks_under_way_.insert(room);
    auto& mark = *ping.add_read();
    mark.set_room(std::string(as_text(room.view())));
    mark.set_room_seq(read_up_to(room));
  }
  return true;
}

template <class Name>
void Presence::tell(std::uint64_t now_ms, const Name& name, std::vector<Event>& events) {
  expire(now_ms);
  for (const RoomId& room : std::exchange(writing_changed_, {})) {
    TypingChanged changed{room, {}};
    if (const auto at = writing_.find(room); at != writing_.end())
      for (const auto& [user, until] : at->second)
        if (const std::string* known = name(user)) changed.users.push_back(*known);
    events.push_back(std::move(changed));
  }
}

}  // namespace tertulia::client
