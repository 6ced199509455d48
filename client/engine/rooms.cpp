#include "client/engine/rooms.hpp"

#include <algorithm>

namespace tertulia::client {

namespace {
std::optional<crypto::RoomKey> room_key(const std::string& bytes) {
  const auto seed = crypto::Seed::parse(as_bytes(bytes));
  return seed ? std::optional<crypto::RoomKey>(*seed) : std::nullopt;
}
void describe(const pb::RoomInfo& info, Room& room) {
  room.name = info.name();
  room.topic = info.topic();
  room.kind = static_cast<record::RoomKind>(info.kind());
  room.standing = static_cast<record::Standing>(info.standing());
  room.archived = info.archived();
  room.past_readable = (info.flags() & record::flag_past_readable) != 0;
  room.member_count = info.member_count();
  room.members.clear();
  for (const auto& member : info.members())
    if (const auto user = UserId::parse(as_bytes(member))) room.members.push_back(*user);
}
}  // namespace

std::optional<Room> Rooms::described(const pb::RoomInfo& info) {
  const auto id = RoomId::parse(as_bytes(info.room()));
  if (!id) return std::nullopt;
  Room room;
  room.id = *id;
  describe(info, room);
  return room;
}

void Rooms::load(Store& store, std::uint64_t generation, Follow follow, std::uint64_t since) {
  follow_ = follow;
  since_ = since;
  for (const auto& stored : store.rooms()) {
    auto& room = rooms_[stored.id];
    room.shown.id = stored.id;
    room.shown.name = stored.name;
    room.shown.topic = stored.topic;
    room.shown.head = stored.head;
    room.shown.read_up_to = stored.read_up_to;
    room.shown.draft = stored.draft;
    order_.push_back(stored.id);
    start(room, store, generation);
  }
}

void Rooms::start(RoomState& room, Store& store, std::uint64_t generation) {
  if (follow_ == Follow::newest_first)
    room.timeline.start_at(store.cached_head(generation, room.shown.id));
  if (follow_ == Follow::since) room.timeline.start_at(since_ > 0 ? since_ - 1 : 0);
}

void Rooms::set_key(RoomState& room, const pb::RoomKey& key) {
  if (auto current = room_key(key.key())) {
    // What was sealed a moment ago is still on its way; the server need not tell it again.
    if (room.key && room.key->id != current->id) room.previous = room.key;
    room.key = std::move(current);
  }
  if (auto previous = room_key(key.previous())) room.previous = std::move(previous);
}

void Rooms::replace(const pb::Welcome& welcome, Store& store, std::uint64_t generation) {
  for (auto& [id, room] : rooms_) room.member = false;
  order_.clear();
  for (const auto& info : welcome.rooms()) {
    const auto id = RoomId::parse(as_bytes(info.room()));
    if (!id) continue;
    const bool is_new = !rooms_.contains(*id);
    auto& room = rooms_[*id];
    room.shown.id = *id;
    if (is_new) start(room, store, generation);
    // A room that comes into being later starts at its beginning.
    if (follow_ == Follow::from_now && !welcomed_) room.timeline.start_at(info.head_room_seq());
    room.member = true;
    room.audited = false;
    describe(info, room.shown);
    // What was said before one came is not given out: it is no gap.
    if (info.readable_from() > room.timeline.delivered() + 1)
      room.timeline.start_at(info.readable_from() - 1);
    room.shown.head = info.head_room_seq();
    room.topic = Topic::parse(as_bytes(info.sub_topic()));
    room.timeline.note_head(info.head_room_seq());
    room.caught_up_at = info.head_room_seq();
    room.fetch_from_ms = 0;
    set_key(room, info.key());
    order_.push_back(*id);
    store.put_room({*id, room.shown.name, room.shown.topic, room.shown.head, room.shown.read_up_to,
                    room.shown.draft},
                   order_.size());
  }
  // Rooms that are no longer ours keep their cached messages but are not shown.
  for (const auto& [id, room] : rooms_)
    if (!room.member && !room.audited)
      store.put_room({id, room.shown.name, room.shown.topic, room.shown.head, room.shown.read_up_to,
                      room.shown.draft},
                     0);
  welcomed_ = true;
}

void Rooms::audit(const Room& shown) {
  RoomState& room = rooms_[shown.id];
  if (room.member) return;
  room.audited = true;
  room.shown = shown;
}

void Rooms::set_keys(const pb::RoomKeyList& keys) {
  for (const auto& key : keys.keys()) {
    const auto id = RoomId::parse(as_bytes(key.room()));
    RoomState* room = id ? find(*id) : nullptr;
    if (room != nullptr) set_key(*room, key);
  }
}

RoomState* Rooms::find(const RoomId& id) {
  const auto at = rooms_.find(id);
  return at == rooms_.end() ? nullptr : &at->second;
}

RoomState* Rooms::of_frame(const Topic& topic, const KeyId& key, const crypto::RoomKey*& found) {
  for (auto& [id, room] : rooms_) {
    if (!room.member || room.topic != topic) continue;
    for (const auto* candidate : {&room.key, &room.previous})
      if (*candidate && (*candidate)->id == key) {
        found = &**candidate;
        return &room;
      }
  }
  return nullptr;
}

RoomState* Rooms::of_topic(const Topic& topic) {
  for (auto& [id, room] : rooms_)
    if (room.member && room.topic == topic)
      return room.shown.kind == record::RoomKind::direct ? nullptr : &room;
  return nullptr;
}

std::vector<Topic> Rooms::topics() const {
  std::vector<Topic> out;
  for (const auto& [id, room] : rooms_)
    if (room.member && room.topic && std::find(out.begin(), out.end(), *room.topic) == out.end())
      out.push_back(*room.topic);
  return out;
}

std::vector<Room> Rooms::shown() const {
  std::vector<Room> out;
  for (const auto& id : order_) out.push_back(rooms_.at(id).shown);
  return out;
}

}  // namespace tertulia::client
