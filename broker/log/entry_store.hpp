// EntryStore: the statements that write and read the record itself: entries, ids of submissions,
// rooms' positions, tree nodes, checkpoints. t-log only; each method is one or a few statements
// inside the transaction that the log has begun.
#pragma once

#include <deque>
#include <unordered_map>

#include "broker/log/sqlite.hpp"
#include "common/merkle/tree.hpp"
#include "common/record/leaf.hpp"

namespace tertulia::broker {

class EntryStore {
 public:
  explicit EntryStore(Database& db);

  // data_key: the number of the one that the bodies are sealed under.
  void add_entry(std::uint64_t seq, ByteView leaf, ByteView bodies, std::uint64_t data_key);
  void add_submission(std::uint64_t device_no, const SubmissionId& id, std::uint64_t seq);
  void add_room_entry(std::uint64_t room_no, std::uint64_t first_room_seq, std::uint64_t seq);
  void add_node(std::uint64_t number, const Hash& hash);
  void add_checkpoint(std::uint64_t size, const Hash& root);
  void drop_checkpoints_below(std::uint64_t size);

  // Edits and reactions of the message with this room_seq: of a user; of everybody, under the zero id.
  std::uint64_t changes(std::uint64_t room_no, std::uint64_t room_seq, const UserId& user);
  void add_change(std::uint64_t room_no, std::uint64_t room_seq, const UserId& user);

  std::optional<std::uint64_t> find_submission(std::uint64_t device_no, const SubmissionId& id);
  std::optional<SubmissionId> newest_submission(std::uint64_t device_no);
  // Throws StorageFailure when the entry is not there or cannot be decoded.
  record::Leaf leaf(std::uint64_t seq);
  Bytes leaf_bytes(std::uint64_t seq);
  Bytes bodies(std::uint64_t seq);  // as they are stored; of an entry that is there
  std::uint64_t data_key(std::uint64_t seq);  // that they are sealed under
  Hash node(std::uint64_t number);

  std::uint64_t entries();  // one more than the largest seq
  std::uint64_t nodes();    // one more than the largest number
  // seq of the room's newest entry.
  std::optional<std::uint64_t> newest_of_room(std::uint64_t room_no);
  // The newest `count`, oldest first.
  std::vector<std::pair<std::uint64_t, Hash>> last_checkpoints(std::size_t count);

 private:
  Statement add_entry_, add_submission_, add_room_entry_, add_node_, add_checkpoint_,
      drop_checkpoints_, add_change_;
  Statement find_submission_, newest_submission_, leaf_, node_, changes_;
  Database& db_;
};

// The checkpoints that a `seen` may name, with what has to be written by the next transaction.
class RecentCheckpoints {
 public:
  explicit RecentCheckpoints(std::size_t kept) : kept_(kept) {}
  void add(std::uint64_t size, const Hash& root);
  bool knows(std::uint64_t size, const Hash& root) const;
  std::uint64_t oldest() const { return order_.empty() ? 0 : order_.front(); }

 private:
  std::size_t kept_;
  std::deque<std::uint64_t> order_;
  std::unordered_map<std::uint64_t, Hash> roots_;
};

}  // namespace tertulia::broker
