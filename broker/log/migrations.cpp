#include "broker/log/migrations.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "broker/events/events.hpp"
#include "broker/log/log.hpp"
#include "broker/log/schema.hpp"
#include "common/base/clock.hpp"
#include "common/base/file.hpp"
#include "common/record/act.hpp"
#include "common/record/leaf.hpp"

namespace tertulia::broker {

namespace {

namespace fs = std::filesystem;

constexpr const char* kPartial = ".partial";
constexpr int kCopyPages = 4096;       // in one step
constexpr int kSqliteSteps = 100'000;  // of its virtual machine, between two looks at the clock

void add_history(Database& db) {
  db.run(
      "CREATE TABLE history(number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, "
      "program TEXT NOT NULL, schema INTEGER NOT NULL)");
}

// The acts of the record, in its order: few beside the messages.
template <class F>
void for_each_act(Database& db, F&& told) {
  Statement acts = db.prepare(
      "SELECT seq, leaf FROM entries WHERE seq NOT IN (SELECT seq FROM room_entries) ORDER BY seq");
  while (acts.next()) {
    const std::uint64_t seq = acts.number(0);
    const auto leaf = record::decode_leaf(acts.blob(1));
    if (!leaf || !leaf->submission.is_act())
      throw StorageFailure(fmt::format("entry {} of the log is no act and in no room", seq));
    const record::Kind kind = leaf->submission.messages[0].kind;
    const auto act = record::decode_act(kind, leaf->act);
    if (!act) throw StorageFailure(fmt::format("entry {} of the log is no act", seq));
    told(seq, kind, *act);
  }
}

// Before there were standings every member was a member. When he came is in the record: the newest
// number of the room before that entry.
void add_standings(Database& db) {
  db.run("ALTER TABLE members ADD COLUMN standing INTEGER NOT NULL DEFAULT 1");
  db.run("ALTER TABLE members ADD COLUMN joined_at INTEGER NOT NULL DEFAULT 0");
  Statement newest = db.prepare(
      "SELECT e.first_room_seq, n.leaf FROM room_entries e JOIN entries n ON n.seq=e.seq JOIN "
      "rooms r ON r.room_no=e.room_no WHERE r.room_id=? AND e.seq<? "
      "ORDER BY e.first_room_seq DESC LIMIT 1");
  Statement came = db.prepare(
      "UPDATE members SET joined_at=? WHERE user_id=? AND "
      "room_no=(SELECT room_no FROM rooms WHERE room_id=?)");
  for_each_act(db, [&](std::uint64_t seq, record::Kind kind, const record::Act& act) {
    if (kind != record::Kind::member_add) return;
    const auto room = act.id<RoomId>(record::Tag::room);
    std::uint64_t head = 0;
    if (newest.bind(1, room).bind(2, seq).next()) {
      const auto leaf = record::decode_leaf(newest.blob(1));
      if (!leaf) throw StorageFailure(fmt::format("an entry before {} is none", seq));
      head = newest.number(0) + leaf->submission.messages.size() - 1;
    }
    newest.reset();
    came.bind(1, head).bind(2, act.id<UserId>(record::Tag::user_id)).bind(3, room).run();
  });
  db.run(
      "CREATE TABLE read_markers(user_id BLOB, room_no INTEGER, room_seq INTEGER NOT NULL, "
      "PRIMARY KEY(user_id, room_no)) WITHOUT ROWID");
  db.run(
      "CREATE TABLE device_seen(device_id BLOB PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID");
}

// Clients ask for what has changed since a position: for each user, the act that last did, which the
// record tells.
void add_changes_of_users(Database& db) {
  db.run("ALTER TABLE users ADD COLUMN changed_seq INTEGER NOT NULL DEFAULT 0");
  Statement changed = db.prepare("UPDATE users SET changed_seq=? WHERE user_id=?");
  for_each_act(db, [&](std::uint64_t seq, record::Kind kind, const record::Act& act) {
    if (kind == record::Kind::user_add || kind == record::Kind::user_change ||
        kind == record::Kind::device_enrol)
      changed.bind(1, seq).bind(2, act.id<UserId>(record::Tag::user_id)).run();
  });
}

// Before there were class links an administrator had added every user, and an invite was for one.
void add_class_links(Database& db) {
  db.run(
      "ALTER TABLE users ADD COLUMN class_link BLOB NOT NULL "
      "DEFAULT x'00000000000000000000000000000000'");
  db.run("ALTER TABLE invites ADD COLUMN role INTEGER NOT NULL DEFAULT 0");
  db.run("ALTER TABLE invites ADD COLUMN uses INTEGER NOT NULL DEFAULT 1");
  db.run("ALTER TABLE invites ADD COLUMN label TEXT NOT NULL DEFAULT ''");
  db.run("ALTER TABLE invites ADD COLUMN rooms BLOB NOT NULL DEFAULT x''");
}

// No device's key was the server's before there were webhooks.
void add_webhooks(Database& db) {
  db.run("ALTER TABLE devices ADD COLUMN held_by_server INTEGER NOT NULL DEFAULT 0");
  db.run(
      "CREATE TABLE webhooks(device_id BLOB PRIMARY KEY, seed BLOB NOT NULL, token BLOB NOT NULL, "
      "made_ms INTEGER NOT NULL) WITHOUT ROWID");
  db.run(
      "CREATE TABLE webhook_keys(number INTEGER PRIMARY KEY, device_no INTEGER NOT NULL, "
      "key BLOB NOT NULL, id BLOB NOT NULL, at_ms INTEGER NOT NULL, UNIQUE(device_no, key))");
}

// Before there were several data keys there was one, for all rows. It keeps its wrapping.
void number_data_keys(Database& db) {
  db.run(
      "CREATE TABLE data_keys(number INTEGER PRIMARY KEY, wrapped BLOB NOT NULL, "
      "made_ms INTEGER NOT NULL)");
  db.run(
      "INSERT INTO data_keys(number, wrapped, made_ms) "
      "SELECT 1, value, 0 FROM meta WHERE key='data_key'");
  db.run("DELETE FROM meta WHERE key='data_key'");
  db.run("ALTER TABLE entries ADD COLUMN data_key INTEGER NOT NULL DEFAULT 1");
}

// What was changed before there was a bound does not count.
void add_changes_of_messages(Database& db) {
  db.run(
      "CREATE TABLE changes(room_no INTEGER, room_seq INTEGER, user_id BLOB, "
      "count INTEGER NOT NULL, PRIMARY KEY(room_no, room_seq, user_id)) WITHOUT ROWID");
}

constexpr Migration kMigrations[] = {
    {1, "a history of the programs that have written it", add_history},
    {2, "what each member is in a room, how far each has read, when devices were seen",
     add_standings},
    {3, "where each user was last changed", add_changes_of_users},
    {4, "invites by which several people join", add_class_links},
    {5, "webhooks, and which devices are theirs", add_webhooks},
    {6, "which data key each entry is sealed under", number_data_keys},
    {7, "how often each message was changed", add_changes_of_messages},
};
static_assert(std::size(kMigrations) + 1 == schema_version, "a step for each earlier version");

std::string copy_prefix(const fs::path& path) {
  return path.filename().string() + ".before-schema-";
}

void sync_file(const fs::path& path, int flags) {
  const UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) throw_errno("cannot sync " + path.string());
}

std::uint64_t bytes_of(Database& db) {
  return std::stoull(db.pragma("PRAGMA page_count")) * std::stoull(db.pragma("PRAGMA page_size"));
}

// While it lives, statements of this connection tell that they go on.
class ToldByStatements {
 public:
  ToldByStatements(Database& db, StartProgress& progress, std::uint64_t bytes)
      : db_(db),
        progress_(progress),
        bytes_(bytes) {
    sqlite3_progress_handler(
        db_.raw(), kSqliteSteps,
        [](void* self) {
          static_cast<ToldByStatements*>(self)->tell();
          return 0;
        },
        this);
  }
  ~ToldByStatements() { sqlite3_progress_handler(db_.raw(), 0, nullptr, nullptr); }
  ToldByStatements(const ToldByStatements&) = delete;
  ToldByStatements& operator=(const ToldByStatements&) = delete;

 private:
  void tell() {
    progress_.goes_on([] { return std::string("Carrying the database into its new form."); },
                      bytes_);
  }
  Database& db_;
  StartProgress& progress_;
  const std::uint64_t bytes_;
};

void require_space(Database& db, const fs::path& path, std::uint64_t from) {
  struct statvfs fs {};
  if (::statvfs(path.c_str(), &fs) != 0) throw_errno("cannot stat the file system of the log");
  const std::uint64_t needed = bytes_of(db);
  const std::uint64_t free = fs.f_bavail * fs.f_frsize;
  // As much again, since the steps write too.
  if (free < 2 * needed)
    throw StorageFailure(fmt::format(
        "{} has schema {} and is to be brought to {}; before that a copy of it is made, which "
        "needs "
        "{} MiB of space, and {} MiB are free. Make space and start again; nothing was changed.",
        path.string(), from, schema_version, (2 * needed >> 20) + 1, free >> 20));
}

// SQLite's backup: a consistent copy, with what is in the WAL.
void copy_to(Database& db, const fs::path& copy, std::uint64_t bytes, StartProgress& progress) {
  fs::path partial = copy;
  partial += kPartial;
  {
    const UniqueFd made(::open(partial.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!made) throw_errno("cannot make " + partial.string());
    Database to(partial, Database::Access::write, {});
    sqlite3_backup* const backup = sqlite3_backup_init(to.raw(), "main", db.raw(), "main");
    if (backup == nullptr) throw_storage_error(to.raw(), "copying the database");
    int stepped = SQLITE_OK;
    while ((stepped = sqlite3_backup_step(backup, kCopyPages)) == SQLITE_OK)
      progress.goes_on(
          [&] {
            const int all = std::max(1, sqlite3_backup_pagecount(backup));
            return fmt::format("Copying the database before it is carried over, {} %.",
                               100ll * (all - sqlite3_backup_remaining(backup)) / all);
          },
          bytes);
    const int finished = sqlite3_backup_finish(backup);
    if (stepped != SQLITE_DONE || finished != SQLITE_OK)
      throw_storage_error(to.raw(), "copying the database to " + partial.string());
    // A copy of a WAL database would make a WAL of its own where it is opened
    to.run("PRAGMA journal_mode=DELETE");
  }
  progress.begins("Writing the copy of the database to the disk.", bytes);
  sync_file(partial, O_RDONLY);
  fs::rename(partial, copy);
  sync_file(copy.parent_path(), O_RDONLY | O_DIRECTORY);
}

void remove_partials(const fs::path& path) {
  for (const auto& entry : fs::directory_iterator(path.parent_path())) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(copy_prefix(path)) && name.find(kPartial) != name.npos)
      fs::remove(entry.path());
  }
}

void remove_old_copies(const fs::path& path) {
  std::vector<fs::path> copies;
  for (const auto& entry : fs::directory_iterator(path.parent_path()))
    if (entry.path().filename().string().starts_with(copy_prefix(path)))
      copies.push_back(entry.path());
  std::sort(copies.begin(), copies.end(), [](const auto& a, const auto& b) {
    return fs::last_write_time(a) > fs::last_write_time(b);
  });
  for (std::size_t i = migration_copies_kept; i < copies.size(); ++i) fs::remove(copies[i]);
}

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

void migrate(Database& db, const fs::path& path, std::uint64_t from, StartProgress& progress) {
  remove_partials(path);
  require_space(db, path, from);
  std::string time = rfc3339_ms(wall_ms());
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  const fs::path copy =
      path.parent_path() / fmt::format("{}{}-{}", copy_prefix(path), schema_version, time);
  const std::uint64_t bytes = bytes_of(db);
  progress.begins("Copying the database before it is carried over.", bytes);
  copy_to(db, copy, bytes, progress);
  progress.begins("Carrying the database into its new form.", bytes);
  db.run("BEGIN IMMEDIATE");
  try {
    const ToldByStatements told(db, progress, bytes);
    for (const Migration& step : kMigrations)
      if (step.from >= from) step.run(db);
    write_meta(db, "schema", as_bytes(std::to_string(schema_version)));
    db.run("COMMIT");
  } catch (...) {
    if (sqlite3_get_autocommit(db.raw()) == 0) db.run("ROLLBACK");
    // Nothing was changed; a service that tries again for ever would fill the disk with copies
    fs::remove(copy);
    throw;
  }
  for (const Migration& step : kMigrations)
    if (step.from >= from)
      log::event(events::migrated, {{"reason", step.what}},
                 fmt::format("the database now has {} (schema {}); a copy of before is {}",
                             step.what, step.from + 1, copy.string()));
  remove_old_copies(path);
}

void note_program(Database& db, std::string_view program, std::uint64_t now_ms) {
  Statement last = db.prepare("SELECT program, schema FROM history ORDER BY number DESC LIMIT 1");
  if (last.next() && last.text(0) == program && last.number(1) == schema_version) return;
  last.reset();
  db.prepare("INSERT INTO history(at_ms, program, schema) VALUES(?, ?, ?)")
      .bind(1, now_ms)
      .bind_text(2, program)
      .bind(3, schema_version)
      .run();
}

}  // namespace tertulia::broker
