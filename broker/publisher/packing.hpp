// Packing: what was committed, in order, into as few frames as its limits allow. Pure; any thread.
#pragma once

#include <functional>

#include "broker/flow/flow.hpp"

namespace tertulia::broker {

// What one broadcast frame will hold: entries of one room, sealed under one key.
struct Pack {
  RoomId room;
  std::vector<Topic> topics;  // the room's, or the inboxes of a direct room that are heard
  std::shared_ptr<const RoomKeys> keys;
  std::uint16_t count = 0;
  std::uint64_t first_room_seq = 0;
  std::uint64_t next_room_seq = 0;  // of the entry that would follow
  Bytes entries;  // as append_entry() writes them
};

// A frame's plain content, so that with topic, header, nonce and tag it stays within
// wire::down_frame_bytes_max.
std::size_t pack_bytes_max();

// `heard` says whether anybody subscribes to a topic; for what nobody hears no pack is made.
// Packs of one room come in the order of its entries, and what a pack holds has no gap: commits may
// be missing from the batch.
std::vector<Pack> pack(const std::vector<Committed>& batch,
                       const std::function<bool(const Topic&)>& heard);

}  // namespace tertulia::broker
