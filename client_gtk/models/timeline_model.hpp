// The messages of one room that a timeline holds: a window onto the room, messages of the log first
// in order of room_seq, then own unsent ones in the order they were written. Every message is there
// once, whichever event told of it first. Edits, deletes and reactions are no rows: they show on the
// message that they change. No GTK here: each change is answered by the steps that
// bring a list of rows from the old state to the new one. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "client/engine/engine.hpp"

namespace tertulia::gtk {

struct TimelineStep {
  enum class Kind { insert, remove, update } kind;
  std::size_t index;  // in the list as it is when the steps before it are done
  bool operator==(const TimelineStep&) const = default;
};

class TimelineModel {
 public:
  // Forgets everything; `page` is the newest page of the room (oldest first).
  void reset(std::vector<client::Message> page);
  // Puts an older page in front; what is not older than the first row is dropped.
  // Returns how many rows came.
  std::size_t prepend(std::vector<client::Message> page);
  // A message that arrived or changed.
  std::vector<TimelineStep> upsert(client::Message message);
  // How a message stands now that an edit or the like has come; nothing if it is not here.
  std::vector<TimelineStep> change(client::Message message);
  std::vector<TimelineStep> discard(std::uint64_t local_id);
  // Drops rows at the end that is out of sight. Without its newest rows the window is detached:
  // nothing new is added until append() reaches the newest again. Unsent rows go with them, and come
  // again then. Returns how many rows went.
  std::size_t drop_back(std::size_t count);
  void drop_front(std::size_t count);
  // Adds a newer page of a detached window: all rows up to room_seq `looked`, of which the last may be
  // no rows but changes; newest_room_seq: the room's head as far as is known.
  std::size_t append(std::vector<client::Message> page, std::uint64_t looked,
                     std::uint64_t newest_room_seq);

  std::size_t size() const { return messages_.size(); }
  bool empty() const { return messages_.empty(); }
  bool detached() const { return detached_; }
  const client::Message& at(std::size_t index) const { return messages_[index]; }
  std::uint64_t first_room_seq() const;  // 0: no message of the log here
  std::uint64_t last_room_seq() const;

 private:
  std::size_t place_of(const client::Message& message) const;
  std::size_t find_seq(std::uint64_t room_seq) const;    // size() if absent
  std::size_t find_local(std::uint64_t local_id) const;  // size() if absent

  std::deque<client::Message> messages_;
  std::deque<client::Message> hidden_;  // unsent ones, while the window is detached
  bool detached_ = false;
};

}  // namespace tertulia::gtk
