#include "broker/log/entry_store.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "broker/log/log.hpp"

namespace tertulia::broker {

EntryStore::EntryStore(Database& db)
    : add_entry_(db.prepare("INSERT INTO entries(seq, leaf, bodies, data_key) VALUES(?, ?, ?, ?)")),
      add_submission_(db.prepare("INSERT INTO submissions(device_no, id, seq) VALUES(?, ?, ?)")),
      add_room_entry_(
          db.prepare("INSERT INTO room_entries(room_no, first_room_seq, seq) VALUES(?, ?, ?)")),
      add_node_(db.prepare("INSERT INTO nodes(number, hash) VALUES(?, ?)")),
      add_checkpoint_(db.prepare("INSERT OR REPLACE INTO checkpoints(size, root) VALUES(?, ?)")),
      drop_checkpoints_(db.prepare("DELETE FROM checkpoints WHERE size < ?")),
      add_change_(
          db.prepare("INSERT INTO changes(room_no, room_seq, user_id, count) VALUES(?, ?, ?, 1) "
                     "ON CONFLICT DO UPDATE SET count=count+1")),
      find_submission_(db.prepare("SELECT seq FROM submissions WHERE device_no=? AND id=?")),
      newest_submission_(
          db.prepare("SELECT id FROM submissions WHERE device_no=? ORDER BY id DESC LIMIT 1")),
      leaf_(db.prepare("SELECT leaf FROM entries WHERE seq=?")),
      node_(db.prepare("SELECT hash FROM nodes WHERE number=?")),
      changes_(
          db.prepare("SELECT count FROM changes WHERE room_no=? AND room_seq=? AND user_id=?")),
      db_(db) {}

void EntryStore::add_entry(std::uint64_t seq, ByteView leaf, ByteView bodies,
                           std::uint64_t data_key) {
  add_entry_.bind(1, seq).bind(2, leaf).bind(3, bodies).bind(4, data_key).run();
}
void EntryStore::add_submission(std::uint64_t device_no, const SubmissionId& id,
                                std::uint64_t seq) {
  add_submission_.bind(1, device_no).bind(2, id).bind(3, seq).run();
}
void EntryStore::add_room_entry(std::uint64_t room_no, std::uint64_t first_room_seq,
                                std::uint64_t seq) {
  add_room_entry_.bind(1, room_no).bind(2, first_room_seq).bind(3, seq).run();
}
void EntryStore::add_node(std::uint64_t number, const Hash& hash) {
  add_node_.bind(1, number).bind(2, hash).run();
}
void EntryStore::add_checkpoint(std::uint64_t size, const Hash& root) {
  add_checkpoint_.bind(1, size).bind(2, root).run();
}
void EntryStore::drop_checkpoints_below(std::uint64_t size) {
  drop_checkpoints_.bind(1, size).run();
}

std::uint64_t EntryStore::changes(std::uint64_t room_no, std::uint64_t room_seq,
                                  const UserId& user) {
  const ResetAtEnd guard(changes_);
  return changes_.bind(1, room_no).bind(2, room_seq).bind(3, user).next() ? changes_.number(0) : 0;
}
void EntryStore::add_change(std::uint64_t room_no, std::uint64_t room_seq, const UserId& user) {
  for (const UserId& of : {user, UserId{}})
    add_change_.bind(1, room_no).bind(2, room_seq).bind(3, of).run();
}

std::optional<std::uint64_t> EntryStore::find_submission(std::uint64_t device_no,
                                                         const SubmissionId& id) {
  const ResetAtEnd guard(find_submission_);
  if (!find_submission_.bind(1, device_no).bind(2, id).next()) return std::nullopt;
  return find_submission_.number(0);
}

std::optional<SubmissionId> EntryStore::newest_submission(std::uint64_t device_no) {
  const ResetAtEnd guard(newest_submission_);
  if (!newest_submission_.bind(1, device_no).next()) return std::nullopt;
  return newest_submission_.id<SubmissionId>(0);
}

Bytes EntryStore::leaf_bytes(std::uint64_t seq) {
  const ResetAtEnd guard(leaf_);
  if (!leaf_.bind(1, seq).next())
    throw StorageFailure(fmt::format("the record is not whole: entry {} is missing", seq));
  const ByteView bytes = leaf_.blob(0);
  return Bytes(bytes.begin(), bytes.end());
}

std::uint64_t EntryStore::data_key(std::uint64_t seq) {
  Statement s = db_.prepare("SELECT data_key FROM entries WHERE seq=?");
  if (!s.bind(1, seq).next())
    throw StorageFailure(fmt::format("the record is not whole: entry {} is missing", seq));
  return s.number(0);
}

Bytes EntryStore::bodies(std::uint64_t seq) {
  Statement s = db_.prepare("SELECT bodies FROM entries WHERE seq=?");
  if (!s.bind(1, seq).next())
    throw StorageFailure(fmt::format("the record is not whole: entry {} is missing", seq));
  const ByteView bytes = s.blob(0);
  return Bytes(bytes.begin(), bytes.end());
}

record::Leaf EntryStore::leaf(std::uint64_t seq) {
  auto decoded = record::decode_leaf(leaf_bytes(seq));
  if (!decoded)
    throw StorageFailure(fmt::format("the record is damaged: entry {} cannot be decoded", seq));
  if (decoded->seq != seq)
    throw StorageFailure(
        fmt::format("the record is damaged: entry {} says that it is entry {}", seq, decoded->seq));
  return std::move(*decoded);
}

Hash EntryStore::node(std::uint64_t number) {
  const ResetAtEnd guard(node_);
  if (!node_.bind(1, number).next())
    throw StorageFailure(fmt::format("the record is not whole: tree node {} is missing", number));
  return node_.id<Hash>(0);
}

std::uint64_t EntryStore::entries() {
  Statement s = db_.prepare("SELECT ifnull(max(seq) + 1, 0) FROM entries");
  s.next();
  return s.number(0);
}
std::uint64_t EntryStore::nodes() {
  Statement s = db_.prepare("SELECT ifnull(max(number) + 1, 0) FROM nodes");
  s.next();
  return s.number(0);
}

std::optional<std::uint64_t> EntryStore::newest_of_room(std::uint64_t room_no) {
  Statement s = db_.prepare(
      "SELECT seq FROM room_entries WHERE room_no=? ORDER BY first_room_seq DESC LIMIT 1");
  if (!s.bind(1, room_no).next()) return std::nullopt;
  return s.number(0);
}

std::vector<std::pair<std::uint64_t, Hash>> EntryStore::last_checkpoints(std::size_t count) {
  std::vector<std::pair<std::uint64_t, Hash>> out;
  Statement s = db_.prepare("SELECT size, root FROM checkpoints ORDER BY size DESC LIMIT ?");
  s.bind(1, static_cast<std::uint64_t>(count));
  while (s.next()) out.emplace_back(s.number(0), s.id<Hash>(1));
  std::reverse(out.begin(), out.end());
  return out;
}

void RecentCheckpoints::add(std::uint64_t size, const Hash& root) {
  if (!roots_.emplace(size, root).second) return;
  order_.push_back(size);
  if (order_.size() <= kept_) return;
  roots_.erase(order_.front());
  order_.pop_front();
}

bool RecentCheckpoints::knows(std::uint64_t size, const Hash& root) const {
  const auto it = roots_.find(size);
  return it != roots_.end() && it->second == root;
}

}  // namespace tertulia::broker
