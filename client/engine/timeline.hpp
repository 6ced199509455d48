// Timeline: puts one room's messages in order. They come from broadcasts and from pages that were
// fetched, overlapping, with gaps; they leave in order of room_seq, each once.
// A plain state machine without clock or socket; one thread.
#pragma once

#include <map>

#include "client/engine/engine.hpp"

namespace tertulia::client {

// The messages of one entry, verified. Some may be missing (not to be shown); their room_seq counts.
struct Stretch {
  std::uint64_t first = 0;  // room_seq
  std::uint64_t last = 0;
  std::vector<Message> messages;  // in order
};

class Timeline {
 public:
  static constexpr std::size_t parked_max = 256;

  // Everything up to `delivered` counts as given out.
  void start_at(std::uint64_t delivered);
  std::uint64_t delivered() const { return delivered_; }
  std::uint64_t head() const { return head_; }
  std::uint64_t missing() const { return head_ - delivered_; }

  // The room has messages up to `head`.
  void note_head(std::uint64_t head) { head_ = std::max(head_, head); }
  // False: all of it was given out or is parked: not worth verifying.
  bool wants(std::uint64_t first, std::uint64_t last) const;
  // Appends to out what can be given out now. What comes after a gap is parked; when too much is
  // parked already it is dropped: note_head has it, so it will be fetched.
  void offer(Stretch stretch, std::vector<Message>& out);
  // Gives up what is missing below `first`: the user loads it page by page when he scrolls there.
  void jump_to(std::uint64_t first);

 private:
  void give_out(Stretch& stretch, std::vector<Message>& out);

  std::uint64_t delivered_ = 0;
  std::uint64_t head_ = 0;
  std::map<std::uint64_t, Stretch> parked_;  // by first
};

}  // namespace tertulia::client
