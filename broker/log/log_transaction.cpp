#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "broker/events/events.hpp"
#include "broker/flow/reply.hpp"
#include "broker/log/log_impl.hpp"
#include "common/base/clock.hpp"
#include "common/base/file.hpp"
#include "common/base/log.hpp"
#include "common/base/uuid7.hpp"

namespace tertulia::broker {

using record::Act;
using record::Kind;
using record::Tag;

namespace {
// A clock that steps back by less is waited out: entries get the last time again.
constexpr std::uint64_t kClockStepMs = 60'000;
// It stops at the last byte. Four times what the WAL may hold before it is carried over: so it does
// not stop again in the next moment.
constexpr std::uint64_t kSpaceToResumeBytes = 16 << 20;
}  // namespace

void Log::Impl::begin() {
  if (transaction) return;
  if (stopped) throw DiskFull("the log is read-only until the disk has space");
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
  derived->set_time(last_ms);
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
  sealing->seal_bodies(seq, bodies, sealed);
  store->add_entry(seq, leaf, sealed, data_key);
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
  tell_of(seq, kind, act, names);
  return seq;
}

void Log::Impl::append_act_of(const RanBy& ran, Kind kind, Act act, pb::ActNames names) {
  if (ran) {
    act.set_number(Tag::unix_uid, ran->unix_uid);
    names.set_unix_user(ran->unix_user);
  }
  append_act(kind, act, names);
}

void Log::Impl::tell_of(std::uint64_t seq, Kind kind, const Act& act, const pb::ActNames& names,
                        const std::string& signer) {
  Told told;
  told.fields = {{"act", record::kind_name(kind)}, {"seq", std::to_string(seq)}};
  told.line = fmt::format("entry {}: {}", seq, record::kind_name(kind));
  const std::pair<Tag, const char*> ids[] = {{Tag::user_id, "user"},
                                             {Tag::device, "device"},
                                             {Tag::room, "room"},
                                             {Tag::invite_id, "invite"}};
  for (const auto& [tag, name] : ids)
    if (act.has(tag)) told.fields.push_back({name, to_hex(act.fields().at(tag))});
  if (act.has(Tag::user_id))
    if (const User* user = derived->now().user(act.id<UserId>(Tag::user_id)); user != nullptr)
      told.line += fmt::format(" for {}", user->name);
  if (!names.unix_user().empty()) {
    told.fields.push_back({"unix_user", names.unix_user()});
    told.line += fmt::format(" by {}", names.unix_user());
  }
  if (!signer.empty()) {
    told.fields.push_back({"signer", signer});
    told.line += fmt::format(" by {}", signer);
  }
  to_tell.push_back(std::move(told));
}

void Log::Impl::commit() {
  assert(transaction);
  const std::uint64_t before_us = monotonic_us();
  commit_statement->run();
  if (options.metrics != nullptr) {
    options.metrics->commit_time.observe_us(monotonic_us() - before_us);
    options.metrics->add(Count::commits);
    options.metrics->add(Count::entries_committed, frontier.size() - transaction->frontier.size());
    options.metrics->last_commit_ms = batch_ms;
  }
  // The time of the last entry, and of no transaction that brought none: what the clock stepped back
  // from is written, and compared with that entry.
  if (frontier.size() == transaction->frontier.size()) last_ms = transaction->last_ms;
  transaction.reset();
  unwritten.reset();
  // The record names the keys that sign from here on, so files may follow it.
  saved_keys.reset();
  for (const auto& follow : std::exchange(when_committed, {})) follow();
  const Derived::ToTell changed = derived->to_tell();
  if (!changed.empty()) derived->stamp(frontier.size());
  // The heads are there before the checkpoint: a client asks next time for what came after the
  // checkpoint that it was told, so an entry may be told twice but never not at all.
  derived->publish(cell);
  if (!changed.empty()) note_changes(changed);
  sign_head();
  if (new_card) note_card();
  for (const Told& t : to_tell) log::write(events::act_recorded, t.fields, t.line);
  to_tell.clear();
}

// To everybody who is connected: keys and addresses that it names are known before they count.
void Log::Impl::note_card() {
  pb::Reply reply;
  reply.mutable_notice()->set_card(new_card->note);
  set_card(std::move(*new_card));
  new_card.reset();
  show_keys();
  notice(reply, derived->now().keys_of([](const UserId&) { return true; }));
}

void Log::Impl::notice(const pb::Reply& reply, std::vector<CurvePublicKey> to) {
  if (to.empty()) return;
  Outgoing out = reply_frame(Asker{}, reply);
  out.to = std::make_shared<const std::vector<CurvePublicKey>>(std::move(to));
  notices.push_back(std::move(out));
}

// Keys are delivered before the frames that need them: nobody has to ask. Who is told that his list
// of rooms has changed asks for it, each at a moment of his own.
void Log::Impl::note_changes(const Derived::ToTell& changed) {
  const Directory& directory = derived->now();
  for (const RoomId& id : changed.keys) {
    const Room* room = directory.room(id);
    if (room == nullptr) continue;
    pb::Reply reply;
    fill_room_key(*room, *reply.mutable_notice()->add_keys());
    notice(reply, directory.keys_of([&](const UserId& u) { return room->members.contains(u); }));
  }
  if (changed.rooms.empty()) return;
  pb::Reply reply;
  reply.mutable_notice()->set_rooms_version(frontier.size());
  notice(reply, directory.keys_of([&](const UserId& u) { return changed.rooms.contains(u); }));
}

void Log::Impl::sign_head() {
  const std::uint64_t size = frontier.size();
  const Hash root = frontier.root();
  recent.add(size, root);
  unwritten = {size, root};
  if (log_before && last_ms >= log_before->until_ms) {
    end_log_key_before();
    show_keys();
  }
  std::string text = merkle::sign_checkpoint({origin, size, root}, keys.log);
  if (log_before) merkle::add_signature(text, origin, log_before->key);
  auto note = std::make_shared<const std::string>(std::move(text));
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
  if (saved_keys) {
    keys = std::move(saved_keys->keys);
    planned = std::move(saved_keys->planned);
    log_before = std::move(saved_keys->log_before);
    stored_keys = std::move(saved_keys->stored_keys);
    data_key = saved_keys->data_key;
    reseal = saved_keys->reseal;
    saved_keys.reset();
    use_stored_keys();
  }
  when_committed.clear();
  new_card.reset();
  transaction.reset();
  to_tell.clear();
  audited.reads.clear();  // what it had noted may not be in the record
  derived->rollback();
}

std::string Log::Impl::newest_checkpoint() const {
  std::lock_guard lock(mutex);
  return *checkpoint_note;
}

void Log::Impl::stop_writing() {
  if (std::exchange(stopped, true)) return;
  log::event(events::disk_full, {}, "the disk is full: the log is read-only until there is space");
  std::lock_guard lock(mutex);
  reason = disk_full_text;
}

bool Log::Impl::try_to_resume() {
  if (!has_space_again()) return false;
  {
    std::lock_guard lock(mutex);
    reason.clear();
  }
  log::event(events::disk_has_space, {}, "the disk has space again: the log is written");
  return true;
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

// Space by the file system's word, and within a quota, of which it does not tell.
bool Log::Impl::holds_space() const {
  if (options.free_bytes(options.database) < kSpaceToResumeBytes) return false;
  const auto directory = options.database.parent_path();
  const UniqueFd probe(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  // A file system without such files: the writes that follow are the proof
  if (!probe) return errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL;
  return ::posix_fallocate(probe.get(), 0, static_cast<off_t>(kSpaceToResumeBytes)) == 0;
}

// Proven by what had failed: the WAL fits into the database, and a commit into the WAL.
bool Log::Impl::has_space_again() {
  if (!holds_space()) return false;
  if (!unwritten) unwritten = {frontier.size(), frontier.root()};
  stopped = false;
  try {
    checkpoint_wal(SQLITE_CHECKPOINT_PASSIVE);
    batch_ms = options.now_ms();
    begin();
    renew_card_in_transaction();  // addresses that could not be written meanwhile
    commit();
    return true;
  } catch (const DiskFull&) {
    rollback();
    stopped = true;
    return false;
  }
}

}  // namespace tertulia::broker
