#include <sys/statvfs.h>

#include <algorithm>
#include <cassert>

#include "broker/log/log_impl.hpp"
#include "common/base/log.hpp"
#include "common/base/uuid7.hpp"

namespace tertulia::broker {

using record::Act;
using record::Kind;
using record::Tag;

namespace {
// A clock that steps back by less is waited out: entries get the last time again.
constexpr std::uint64_t kClockStepMs = 60'000;
constexpr std::uint64_t kSpaceToResumeBytes = 1 << 20;
}  // namespace

void Log::Impl::begin() {
  if (transaction) return;
  begin_statement->run();
  transaction = Saved{frontier, last_ms, checkpoint_rows};
  if (unwritten) {
    store->add_checkpoint(unwritten->first, unwritten->second);
    // In bulk: one range of rows each 4,096 commits.
    if (++checkpoint_rows >= 2 * checkpoints_remembered) {
      store->drop_checkpoints_below(recent.oldest());
      checkpoint_rows = checkpoints_remembered;
    }
  }
  const std::uint64_t old_ms = last_ms;
  last_ms = entry_ms();
  if (last_ms >= old_ms) return;
  Act act;
  act.set_number(Tag::old_ms, old_ms).set_number(Tag::new_ms, last_ms);
  append_act(Kind::clock_stepped, act, {});
}

std::uint64_t Log::Impl::entry_ms() const {
  const bool stepped_back = batch_ms < last_ms && last_ms - batch_ms > kClockStepMs;
  return stepped_back ? batch_ms : std::max(batch_ms, last_ms);
}

std::uint64_t Log::Impl::add(ByteView leaf, const std::vector<record::Body>& bodies) {
  assert(transaction);
  const std::uint64_t seq = frontier.size();
  data_keys->seal_bodies(seq, bodies, sealed);
  store->add_entry(seq, leaf, sealed);
  frontier.append(merkle::leaf_hash(leaf),
                  [&](std::uint64_t number, const Hash& hash) { store->add_node(number, hash); });
  return seq;
}

std::uint64_t Log::Impl::append_act(Kind kind, const Act& act, const pb::ActNames& names) {
  begin();
  const Bytes act_bytes = record::encode(act);
  assert(record::decode_act(kind, act_bytes));
  pb::Body words;
  *words.mutable_names() = names;
  std::vector<record::Body> bodies(1);
  randombytes_buf(bodies[0].salt.data(), bodies[0].salt.size());
  const std::string text = words.SerializeAsString();
  bodies[0].bytes.assign(text.begin(), text.end());

  record::Submission s;
  s.server = keys.id;
  last_act_id = next_uuid7(last_act_id, last_ms);
  s.id = last_act_id;
  record::MessageHeader header;
  header.kind = kind;
  header.sent_at_ms = last_ms;
  header.act_hash = crypto::sha256(act_bytes);
  header.commitment = record::commitment(bodies[0].salt, bodies[0].bytes);
  s.messages.push_back(header);
  const std::uint64_t seq = frontier.size();
  const Bytes leaf =
      record::encode_leaf(seq, 0, last_ms, record::encode(s), act_bytes, Signature{});
  add(leaf, bodies);
  derived->apply(seq, kind, act, names);
  return seq;
}

void Log::Impl::commit() {
  assert(transaction);
  commit_statement->run();
  transaction.reset();
  unwritten.reset();
  // The heads are there before the checkpoint: a client asks next time for what came after the
  // checkpoint that it was told, so an entry may be told twice but never not at all.
  derived->publish(cell);
  sign_head();
}

void Log::Impl::sign_head() {
  const std::uint64_t size = frontier.size();
  const Hash root = frontier.root();
  recent.add(size, root);
  unwritten = {size, root};
  auto note =
      std::make_shared<const std::string>(merkle::sign_checkpoint({origin, size, root}, keys.log));
  committed_size.store(size, std::memory_order_release);
  std::lock_guard lock(mutex);
  checkpoint_note = std::move(note);
}

void Log::Impl::rollback() {
  // SQLite itself rolls back after some errors.
  if (sqlite3_get_autocommit(db->raw()) == 0) db->run("ROLLBACK");
  if (!transaction) return;
  frontier = transaction->frontier;
  last_ms = transaction->last_ms;
  checkpoint_rows = transaction->checkpoint_rows;
  transaction.reset();
  derived->rollback();
}

std::string Log::Impl::newest_checkpoint() const {
  std::lock_guard lock(mutex);
  return *checkpoint_note;
}
void Log::Impl::set_reason(std::string text) {
  std::lock_guard lock(mutex);
  reason = std::move(text);
}
std::string Log::Impl::get_reason() const {
  std::lock_guard lock(mutex);
  return reason;
}

void Log::Impl::checkpoint_wal(int mode) {
  int in_wal = 0, done = 0;
  const int code = sqlite3_wal_checkpoint_v2(db->raw(), nullptr, mode, &in_wal, &done);
  if (code == SQLITE_BUSY) return;  // a reader is in the way; the next idle moment tries again
  if (code != SQLITE_OK)
    throw_storage_error(db->raw(), "the WAL cannot be carried into the database");
  wal_frames = in_wal > done && done >= 0 ? static_cast<std::uint64_t>(in_wal - done) : 0;
}

// Space by the file system's word, and proven by a write.
bool Log::Impl::has_space_again() {
  struct statvfs fs {};
  if (::statvfs(options.database.c_str(), &fs) != 0 ||
      fs.f_bavail * fs.f_frsize < kSpaceToResumeBytes)
    return false;
  if (!unwritten) unwritten = {frontier.size(), frontier.root()};
  try {
    batch_ms = options.now_ms();
    begin();
    commit();
    return true;
  } catch (const DiskFull&) {
    rollback();
    return false;
  }
}

}  // namespace tertulia::broker
