// Outbox: what was written and is not acked. Groups messages into submissions when they are queued,
// keeps them in the store under their ids, sends them in order within a window, and sends them again,
// same ids and salts, until the broker's answer is there.
//
// Originals share submissions; a change has one of its own, because what the broker refuses of a
// submission (a target that may not be changed) it refuses with all that is in it.
//
// Order within a room: when one submission has to be sent again (stale key, stale view, busy), the
// room waits until all that is under way is answered and then goes on from the first unacked one.
// Network thread only; no socket of its own: the session sends what next_to_send() gives.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <unordered_map>

#include "client/engine/store.hpp"
#include "common/record/submission.hpp"

namespace tertulia::client {

class Outbox {
 public:
  static constexpr std::size_t window = 64;       // submissions under way
  static constexpr std::size_t room_window = 48;  // of one room, so that others get through
  static constexpr std::size_t rows_in_memory_max = 16'384;

  struct Draft {
    std::uint64_t local_id = 0;
    RoomId room;
    std::string text;
    std::uint8_t kind = 1;
    std::optional<MessageId> target;
    std::optional<MessageId> reply_to;
    std::vector<UserId> mentions;
  };
  // pb::Body of a draft, at most body_bytes_max if it is to be sent.
  static Bytes body_of(const Draft& draft);
  struct Submission {
    enum class State { waiting, under_way };
    SubmissionId id;
    RoomId room;
    std::vector<OutboxRow> rows;
    State state = State::waiting;
    bool tried = false;           // it may be in the log
    std::uint64_t sent_ms = 0;    // monotonic
    std::uint64_t seen_size = 0;  // of the checkpoint that it was last signed with
  };

  // process: whose rows are sent. quiet: nothing is sent nor adopted.
  Outbox(Store& store, Profile& profile, std::uint64_t process, bool quiet);

  // Stores the drafts as submissions of up to 64 per room; the rows as stored are returned, in
  // order. Throws StoreError: then nothing of them is kept.
  std::vector<OutboxRow> queue(const std::vector<Draft>& drafts, std::uint64_t now_wall_ms);
  // Gives a failed row a new submission; if it may be in the log, the same one again, with all that
  // is left of it. The rows that are to be sent; empty: there is no such failed row.
  std::vector<OutboxRow> retry(std::uint64_t local_id, std::uint64_t now_wall_ms);
  // Removes a row that is surely not in the log; its room, or nullopt if that is not sure.
  std::optional<RoomId> discard(std::uint64_t local_id);

  // After a rollback: what the store has is what there is to send. The rows that are in memory.
  std::vector<OutboxRow> reload();

  // Takes rows of dead processes when there is nothing else to send; what was adopted.
  std::vector<OutboxRow> adopt();

  // The next submission to send, marked as under way; nullptr: nothing can be sent now. `allowed`
  // tells which rooms can be sent to. The caller seals and sends at once.
  template <class Allowed>
  Submission* next_to_send(std::uint64_t now_ms, const Allowed& allowed) {
    if (under_way_.size() >= window || quiet_) return nullptr;
    for (auto& [room, queue] : rooms_) {
      if (queue.held || now_ms < queue.not_before_ms || queue.waiting == 0 ||
          queue.under_way >= room_window || !allowed(room))
        continue;
      for (auto& s : queue.submissions)
        if (s.state == Submission::State::waiting) return start(queue, s, now_ms);
    }
    return nullptr;
  }

  // Answers. The rows that are thereby done (acked or failed); empty: an answer to nothing of ours.
  std::vector<OutboxRow> acked(const SubmissionId& id);
  // perhaps_logged: the answer does not say that it is not in the log.
  std::vector<OutboxRow> failed(const SubmissionId& id, const std::string& reason,
                                bool perhaps_logged);
  // An own submission was seen in the log: rows of it that had failed, which are there after all.
  std::vector<OutboxRow> seen(const RoomId& room, const SubmissionId& id);
  // To be sent again, the room not before `pause_ms` from now.
  void again(const SubmissionId& id, std::uint64_t now_ms, std::uint64_t pause_ms);
  void go_on(std::uint64_t now_ms);  // ends all pauses: what they waited for has come
  // The connection is gone: all that was under way will be sent again.
  void connection_lost();
  // All of a room that will never be sent (no longer a member).
  std::vector<OutboxRow> fail_room(const RoomId& room, const std::string& reason);

  const Submission* under_way(const SubmissionId& id) const;
  std::vector<RoomId> rooms() const;
  bool empty() const { return rows_ == 0 && !more_in_store_; }
  std::uint64_t oldest_under_way_ms() const;                   // monotonic; UINT64_MAX: none
  std::uint64_t next_deadline_ms(std::uint64_t now_ms) const;  // end of the next pause

 private:
  struct RoomQueue {
    std::deque<Submission> submissions;
    std::size_t waiting = 0;
    std::size_t under_way = 0;
    bool held = false;  // until nothing is under way
    std::uint64_t not_before_ms = 0;
  };
  Submission* start(RoomQueue& queue, Submission& s, std::uint64_t now_ms);
  RoomQueue& append(OutboxRow row);
  std::vector<OutboxRow> rows_of(const RoomId& room, const SubmissionId& id);  // in the store
  std::vector<OutboxRow> retry_same(const OutboxRow& row);
  void load_more();
  std::vector<OutboxRow> all() const;
  std::vector<OutboxRow> take(const SubmissionId& id);
  void answered(RoomQueue& queue);
  Submission* find(const SubmissionId& id);

  Store& store_;
  Profile& profile_;
  const std::uint64_t process_;
  const bool quiet_;
  std::map<RoomId, RoomQueue> rooms_;
  std::unordered_map<SubmissionId, RoomId> under_way_;
  std::set<SubmissionId> perhaps_logged_;  // failed, and perhaps in the log; hardly ever any
  std::size_t rows_ = 0;        // in memory
  bool more_in_store_ = false;  // rows after last_loaded_ that are not in memory
  SubmissionId last_loaded_;
};

}  // namespace tertulia::client
