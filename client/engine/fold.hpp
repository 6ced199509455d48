// fold: what edits, deletes and reactions make of a message (docs/protocol.md, "What changes make of
// a message"). The result depends on what is known, not on the order in which it came: changes count
// in order of room_seq. A pure function; any thread.
#pragma once

#include "client/engine/store.hpp"

namespace tertulia::client {

struct Folded {
  struct Reacted {
    std::string emoji;
    std::vector<UserId> users;  // in the order in which they reacted
  };
  std::string text;
  std::vector<UserId> mentions;
  std::uint64_t edited_at_ms = 0;  // 0: as it was written
  bool deleted = false;
  UserId deleted_by;
  std::vector<Reacted> reactions;  // in the order of the first that stands of each
};

// changes: of this original, in any order. Those that are not shown, and edits by another user than
// the original's, are as if they were not there; who may delete, the broker has decided.
Folded fold(const CachedMessage& original, std::vector<CachedMessage> changes);

}  // namespace tertulia::client
