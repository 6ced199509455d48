#include "broker/publisher/packing.hpp"

#include "common/wire/frame.hpp"

namespace tertulia::broker {

namespace {
constexpr std::uint16_t kEntriesMax = 0xffff;

std::vector<Topic> topics_of(const Directory& directory, const Room& room,
                             const std::function<bool(const Topic&)>& heard) {
  std::vector<Topic> out;
  if (room.kind != record::RoomKind::direct) {
    if (heard(room.topic)) out.push_back(room.topic);
    return out;
  }
  for (const auto& [user, membership] : room.members)
    if (const User* member = directory.user(user); member != nullptr && heard(member->inbox))
      out.push_back(member->inbox);
  return out;
}
}

std::size_t pack_bytes_max() {
  return wire::down_frame_bytes_max - Topic::size_bytes - wire::down_header_bytes -
         crypto::nonce_bytes - crypto::tag_bytes;
}

std::vector<Pack> pack(const std::vector<Committed>& batch,
                       const std::function<bool(const Topic&)>& heard) {
  std::vector<Pack> out;
  std::unordered_map<RoomId, std::size_t> open;  // room → its newest pack
  Bytes entry;
  for (const auto& commit : batch) {
    for (const auto& e : commit.entries) {
      const Room* const room = commit.directory->room(e.room);
      if (room == nullptr || !room->keys) continue;
      entry.clear();
      record::append_entry(entry, e.leaf, e.bodies);
      const auto found = open.find(e.room);
      const bool fits = found != open.end() && out[found->second].count < kEntriesMax &&
                        out[found->second].next_room_seq == e.first_room_seq &&
                        out[found->second].keys->current.id == room->keys->current.id &&
                        out[found->second].entries.size() + entry.size() <= pack_bytes_max();
      if (!fits) {
        std::vector<Topic> topics = topics_of(*commit.directory, *room, heard);
        if (topics.empty()) {
          open.erase(e.room);
          continue;
        }
        open[e.room] = out.size();
        Pack p;
        p.room = e.room;
        p.topics = std::move(topics);
        p.keys = room->keys;
        p.first_room_seq = e.first_room_seq;
        out.push_back(std::move(p));
      }
      Pack& p = out[open[e.room]];
      ++p.count;
      p.next_room_seq = e.first_room_seq + e.bodies.size();
      p.entries.insert(p.entries.end(), entry.begin(), entry.end());
    }
  }
  return out;
}

}  // namespace tertulia::broker
