#include "client/engine/store.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "client/engine/store_statements.hpp"
#include "common/base/uuid7.hpp"

namespace tertulia::client {

namespace {
constexpr const char* kFacts =
    "CREATE TABLE IF NOT EXISTS facts(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID";

// Step n brings schema n to n + 1; a new store takes them all. What a step did is never changed.
constexpr const char* kSteps[] = {
    R"sql(
CREATE TABLE IF NOT EXISTS rooms(room BLOB PRIMARY KEY, name TEXT NOT NULL, topic TEXT NOT NULL,
  head INTEGER NOT NULL, read_up_to INTEGER NOT NULL, draft TEXT NOT NULL, position INTEGER NOT NULL
  ) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS people(user BLOB PRIMARY KEY, name TEXT NOT NULL,
  display_name TEXT NOT NULL, role TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS devices(device BLOB PRIMARY KEY, user BLOB NOT NULL, sign BLOB NOT NULL,
  curve BLOB NOT NULL, enrolled_seq INTEGER NOT NULL, revoked_seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages(generation INTEGER, room BLOB, room_seq INTEGER,
  seq INTEGER NOT NULL, device BLOB NOT NULL, submission BLOB NOT NULL, idx INTEGER NOT NULL,
  sender BLOB NOT NULL, kind INTEGER NOT NULL, sent_at INTEGER NOT NULL, logged_at INTEGER NOT NULL,
  text TEXT NOT NULL, shown INTEGER NOT NULL, PRIMARY KEY(generation, room, room_seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox(submission BLOB, idx INTEGER, process INTEGER NOT NULL,
  local_id INTEGER NOT NULL UNIQUE, room BLOB NOT NULL, kind INTEGER NOT NULL,
  created_ms INTEGER NOT NULL, salt BLOB NOT NULL, body BLOB NOT NULL, failed INTEGER NOT NULL,
  failure TEXT NOT NULL, PRIMARY KEY(submission, idx)) WITHOUT ROWID;
)sql",
    // Changes were cached without what they change: they come again with their page.
    R"sql(
ALTER TABLE messages ADD COLUMN target BLOB;
ALTER TABLE messages ADD COLUMN reply_to BLOB;
ALTER TABLE messages ADD COLUMN mentions BLOB NOT NULL DEFAULT x'';
ALTER TABLE outbox ADD COLUMN target BLOB;
DELETE FROM messages WHERE kind IN (2, 3, 4);
CREATE INDEX messages_by_id ON messages(submission, idx);
CREATE INDEX changes_by_target ON messages(target, room_seq) WHERE target IS NOT NULL;
)sql",
    // The newest of ten thousand reactions, or the one edit among them, is found at once.
    R"sql(
DROP INDEX changes_by_target;
CREATE INDEX changes_by_target ON messages(target, kind, room_seq) WHERE target IS NOT NULL;
)sql"};
constexpr std::uint64_t kSchemaVersion = std::size(kSteps);

// In outbox.failed: 0 not, 1 refused for good and in no log, 2 perhaps in the log.
constexpr std::uint64_t kPerhapsLogged = 2;
std::uint64_t failed_number(bool failed, bool perhaps_logged) {
  return failed ? (perhaps_logged ? kPerhapsLogged : 1) : 0;
}
}  // namespace

Store::Store(Profile& profile)
    : profile_(profile),
      db_(profile.store_path()),
      s_(std::make_unique<Statements>(db_)) {
  // Made by SQLite under the process's umask.
  if (::chmod(profile.store_path().c_str(), 0600) != 0)
    throw_errno("cannot make " + profile.store_path().string() + " private");
  profile_.lock_store();
  try {
    db_.exec(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0;"
        "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-4096; PRAGMA secure_delete=FAST;");
    db_.exec(kFacts);
  } catch (const StoreError&) {
    profile_.unlock_store();
    throw;
  }
  profile_.unlock_store();
  // Instead of SQLite's own hook, which would checkpoint by itself.
  sqlite3_wal_hook(
      db_.raw(),
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Store*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  if (fact_number("schema") != kSchemaVersion) migrate();
}

void Store::migrate() {
  begin();  // first, so that no other process of this profile does the same
  try {
    const std::uint64_t version = fact_number("schema");
    if (version > kSchemaVersion)
      throw StoreError(profile_.store_path().string() + " was written by a newer Tertulia");
    for (std::uint64_t step = version; step < kSchemaVersion; ++step) db_.exec(kSteps[step]);
    set_number("schema", kSchemaVersion);
  } catch (const StoreError&) {
    rollback();
    throw;
  }
  commit();
}

Store::~Store() {
  // The last connection that closes moves the WAL into the database: a checkpoint like any other.
  s_.reset();
  try {
    profile_.lock_store();
    if (writing_) sqlite3_exec(db_.raw(), "ROLLBACK", nullptr, nullptr, nullptr);
    sqlite3_wal_checkpoint_v2(db_.raw(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    sqlite3_db_config(db_.raw(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    profile_.unlock_store();
  } catch (const std::exception& e) {
    log::error("closing the store: {}", e.what());
  }
}

void Store::begin() {
  if (writing_) return;
  profile_.lock_store();
  try {
    db_.exec("BEGIN IMMEDIATE");
  } catch (const StoreError&) {
    profile_.unlock_store();
    throw;
  }
  writing_ = true;
}

void Store::commit() {
  if (!writing_) return;
  try {
    db_.exec("COMMIT");
  } catch (const StoreError&) {
    rollback();
    throw;
  }
  writing_ = false;
  unsynced_ = written_ = true;
  profile_.unlock_store();
}

void Store::rollback() {
  if (!writing_) return;
  // SQLite has rolled back by itself after some errors; then there is nothing left to do.
  if (sqlite3_get_autocommit(db_.raw()) == 0)
    sqlite3_exec(db_.raw(), "ROLLBACK", nullptr, nullptr, nullptr);
  writing_ = false;
  profile_.unlock_store();
}

void Store::sync() {
  if (!unsynced_ || writing_) return;
  profile_.lock_store();
  const int rc = sqlite3_wal_checkpoint_v2(
      db_.raw(), nullptr, wal_has_wiped_ ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
      nullptr, nullptr);
  profile_.unlock_store();
  if (rc == SQLITE_OK) wal_has_wiped_ = false;
  // Busy: another process reads; the WAL was synced nevertheless.
  if (rc != SQLITE_OK && rc != SQLITE_BUSY) db_.fail("checkpoint");
  unsynced_ = false;
  wal_pages_ = 0;
}

std::optional<Bytes> Store::fact(std::string_view name) {
  auto& s = s_->get_fact.with(name);
  if (!s.step()) return std::nullopt;
  const ByteView value = s.blob(0);
  Bytes out(value.begin(), value.end());
  s.reset();
  return out;
}
std::string Store::fact_text(std::string_view name) {
  const auto value = fact(name);
  return value ? std::string(as_text(*value)) : std::string();
}
std::uint64_t Store::fact_number(std::string_view name) {
  const std::string text = fact_text(name);
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}
void Store::set_fact(std::string_view name, ByteView value) {
  begin();
  s_->set_fact.with(name, value).run();
}

std::uint64_t Store::next_process() {
  begin();  // read under the lock, so that no two processes are given one number
  const std::uint64_t next = fact_number("process") + 1;
  set_number("process", next);
  return next;
}

SubmissionId Store::next_submission_id(std::uint64_t unix_ms) {
  begin();
  SubmissionId last;
  if (const auto stored = fact("last_submission"))
    last = SubmissionId::parse(*stored).value_or(SubmissionId{});
  const SubmissionId next = next_uuid7(last, unix_ms);
  set_fact("last_submission", next.view());
  return next;
}

std::vector<StoredRoom> Store::rooms() {
  std::vector<StoredRoom> out;
  auto& s = s_->get_rooms.with();
  while (s.step())
    out.push_back({s.id<RoomId>(0), s.text(1), s.text(2), s.number(3), s.number(4), s.text(5)});
  return out;
}
void Store::put_room(const StoredRoom& r, std::uint64_t position) {
  begin();
  s_->put_room.with(r.id, r.name, r.topic, r.head, r.read_up_to, r.draft, position).run();
}
void Store::set_draft(const RoomId& room, std::string_view text) {
  begin();
  s_->set_draft.with(room, text).run();
}
void Store::set_read(const RoomId& room, std::uint64_t room_seq) {
  begin();
  s_->set_read.with(room, room_seq).run();
}

std::vector<StoredPerson> Store::people() {
  std::vector<StoredPerson> out;
  auto& s = s_->get_people.with();
  while (s.step()) out.push_back({s.id<UserId>(0), s.text(1), s.text(2), s.text(3)});
  return out;
}
std::vector<StoredDevice> Store::devices() {
  std::vector<StoredDevice> out;
  auto& s = s_->get_devices.with();
  while (s.step())
    out.push_back({s.id<DeviceId>(0), s.id<UserId>(1), s.id<SignPublicKey>(2),
                   s.id<CurvePublicKey>(3), s.number(4), s.number(5)});
  return out;
}
void Store::put(const StoredPerson& p) {
  begin();
  s_->put_person.with(p.id, p.name, p.display_name, p.role).run();
}
void Store::put(const StoredDevice& d) {
  begin();
  s_->put_device.with(d.id, d.user, d.sign, d.curve, d.enrolled_seq, d.revoked_seq).run();
}

void Store::put(std::uint64_t process, const OutboxRow& r) {
  begin();
  s_->put_outbox
      .with(r.submission, std::uint64_t{r.index}, process, r.local_id, r.room,
            std::uint64_t{r.kind}, r.created_ms, r.salt, r.body,
            failed_number(r.failed, r.perhaps_logged), r.failure,
            blob_of(r.target))
      .run();
}

OutboxRow Store::read_row(const Statement& s) const {
  OutboxRow r;
  r.submission = s.id<SubmissionId>(0);
  r.index = static_cast<std::uint8_t>(s.number(1));
  r.local_id = s.number(2);
  r.room = s.id<RoomId>(3);
  r.kind = static_cast<std::uint8_t>(s.number(4));
  r.created_ms = s.number(5);
  r.salt = s.id<Salt>(6);
  const ByteView body = s.blob(7);
  r.body.assign(body.begin(), body.end());
  r.failed = s.number(8) != 0;
  r.perhaps_logged = s.number(8) == kPerhapsLogged;
  r.failure = s.text(9);
  r.target = message_id(s.blob(10));
  return r;
}

std::vector<OutboxRow> Store::unsent(std::uint64_t process, const SubmissionId& after,
                                     std::uint32_t limit) {
  std::vector<OutboxRow> out;
  auto& s = s_->unsent.with(process, after, std::uint64_t{limit});
  while (s.step()) out.push_back(read_row(s));
  return out;
}
std::vector<OutboxRow> Store::outbox_of(const RoomId& room) {
  std::vector<OutboxRow> out;
  auto& s = s_->outbox_of.with(room);
  while (s.step()) out.push_back(read_row(s));
  return out;
}
std::optional<OutboxRow> Store::outbox_row(std::uint64_t local_id) {
  auto& s = s_->outbox_row.with(local_id);
  if (!s.step()) return std::nullopt;
  auto row = read_row(s);
  s.reset();
  return row;
}
std::vector<SubmissionId> Store::perhaps_logged() {
  std::vector<SubmissionId> out;
  auto& s = s_->perhaps_logged.with();
  while (s.step()) out.push_back(s.id<SubmissionId>(0));
  return out;
}
void Store::remove_submission(const SubmissionId& id) {
  begin();
  s_->remove_submission.with(id).run();
}
void Store::remove_row(std::uint64_t local_id) {
  begin();
  s_->remove_row.with(local_id).run();
}
void Store::set_index(std::uint64_t local_id, std::uint8_t index) {
  begin();
  s_->set_index.with(std::uint64_t{index}, local_id).run();
}
void Store::set_failed(const SubmissionId& id, std::string_view reason, bool perhaps_logged) {
  begin();
  s_->set_failed.with(failed_number(true, perhaps_logged), reason, id).run();
}
std::map<RoomId, std::uint64_t> Store::unsent_counts() {
  std::map<RoomId, std::uint64_t> out;
  auto& s = s_->unsent_counts.with();
  while (s.step()) out[s.id<RoomId>(0)] = s.number(1);
  return out;
}
std::vector<std::uint64_t> Store::outbox_processes() {
  std::vector<std::uint64_t> out;
  auto& s = s_->outbox_processes.with();
  while (s.step()) out.push_back(s.number(0));
  return out;
}
void Store::adopt(std::uint64_t from, std::uint64_t to) {
  begin();
  s_->adopt.with(to, from).run();
}

}  // namespace tertulia::client
