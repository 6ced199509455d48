// Rooms: the rooms of this profile as they are known: what is shown of them, their keys and topics,
// and where each one's messages stand. Network thread only.
#pragma once

#include <map>

#include "client/engine/store.hpp"
#include "client/engine/timeline.hpp"
#include "common/crypto/keys.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::client {

struct RoomState {
  Room shown;
  bool member = false;   // in the newest welcome
  bool audited = false;  // an auditor reads it without being in it: pages only, its head unknown
  std::optional<crypto::RoomKey> key;
  std::optional<crypto::RoomKey> previous;
  std::optional<Topic> topic;
  Timeline timeline;
  bool fetching = false;            // a history request for the timeline is under way
  std::uint64_t fetch_from_ms = 0;  // monotonic: not before
  std::uint64_t newest_change = 0;  // room_seq of the newest edit, delete or reaction taken in here
  std::uint64_t caught_up_at = 0;   // room_seq that counts as caught up after this welcome
};

class Rooms {
 public:
  void load(Store& store, std::uint64_t generation, Follow follow, std::uint64_t since);
  // The list of a welcome: replaces who is a member of what.
  void replace(const pb::Welcome& welcome, Store& store, std::uint64_t generation);
  void set_keys(const pb::RoomKeyList& keys);
  static void set_key(RoomState& room, const pb::RoomKey& key);
  // An auditor may read this room, which is not among his own.
  void audit(const Room& room);
  static std::optional<Room> described(const pb::RoomInfo& info);  // nullopt: no room id

  RoomState* find(const RoomId& id);
  // The room whose frame this may be: that has the topic and the key; nullptr: key unknown.
  RoomState* of_frame(const Topic& topic, const KeyId& key, const crypto::RoomKey*& found);
  // The room that this topic belongs to; nullptr: none, or an inbox, which direct rooms share, known
  // or not yet.
  RoomState* of_topic(const Topic& topic);
  std::vector<Topic> topics() const;
  std::vector<Room> shown() const;  // members' rooms, in the order to show
  std::map<RoomId, RoomState>& all() { return rooms_; }

 private:
  void start(RoomState& room, Store& store, std::uint64_t generation);

  std::map<RoomId, RoomState> rooms_;
  std::vector<RoomId> order_;
  Follow follow_ = Follow::newest_first;
  std::uint64_t since_ = 1;
  bool welcomed_ = false;
};

}  // namespace tertulia::client
