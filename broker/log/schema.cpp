#include "broker/log/schema.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <charconv>

#include "broker/log/log.hpp"
#include "broker/log/migrations.hpp"
#include "common/base/file.hpp"

namespace tertulia::broker {

namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE entries(seq INTEGER PRIMARY KEY, leaf BLOB NOT NULL, bodies BLOB NOT NULL,
  data_key INTEGER NOT NULL DEFAULT 1);
CREATE TABLE data_keys(number INTEGER PRIMARY KEY, wrapped BLOB NOT NULL, made_ms INTEGER NOT NULL);
CREATE TABLE submissions(device_no INTEGER, id BLOB, seq INTEGER NOT NULL,
  PRIMARY KEY(device_no, id)) WITHOUT ROWID;
CREATE TABLE room_entries(room_no INTEGER, first_room_seq INTEGER, seq INTEGER NOT NULL,
  PRIMARY KEY(room_no, first_room_seq)) WITHOUT ROWID;
CREATE TABLE changes(room_no INTEGER, room_seq INTEGER, user_id BLOB, count INTEGER NOT NULL,
  PRIMARY KEY(room_no, room_seq, user_id)) WITHOUT ROWID;
CREATE TABLE nodes(number INTEGER PRIMARY KEY, hash BLOB NOT NULL);
CREATE TABLE checkpoints(size INTEGER PRIMARY KEY, root BLOB NOT NULL);

CREATE TABLE users(user_id BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, display_name TEXT NOT NULL,
  role INTEGER NOT NULL, disabled INTEGER NOT NULL, changed_seq INTEGER NOT NULL,
  class_link BLOB NOT NULL DEFAULT x'00000000000000000000000000000000') WITHOUT ROWID;
CREATE TABLE devices(device_no INTEGER PRIMARY KEY, device_id BLOB NOT NULL UNIQUE,
  user_id BLOB NOT NULL, sign_pk BLOB NOT NULL UNIQUE, curve_pk BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL, enrolled_seq INTEGER NOT NULL, revoked_seq INTEGER NOT NULL,
  by_administrator INTEGER NOT NULL, held_by_server INTEGER NOT NULL);
CREATE TABLE invites(invite_id BLOB PRIMARY KEY, user_id BLOB NOT NULL, curve_pk BLOB NOT NULL UNIQUE,
  expires_ms INTEGER NOT NULL, revoked INTEGER NOT NULL, used_by BLOB NOT NULL,
  role INTEGER NOT NULL DEFAULT 0, uses INTEGER NOT NULL DEFAULT 1, label TEXT NOT NULL DEFAULT '',
  rooms BLOB NOT NULL DEFAULT x'') WITHOUT ROWID;
CREATE TABLE rooms(room_no INTEGER PRIMARY KEY, room_id BLOB NOT NULL UNIQUE, name TEXT NOT NULL,
  topic TEXT NOT NULL, kind INTEGER NOT NULL, flags INTEGER NOT NULL, archived INTEGER NOT NULL);
CREATE TABLE history(number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, program TEXT NOT NULL,
  schema INTEGER NOT NULL);
CREATE TABLE members(room_no INTEGER, user_id BLOB, standing INTEGER NOT NULL,
  joined_at INTEGER NOT NULL, PRIMARY KEY(room_no, user_id)) WITHOUT ROWID;
CREATE TABLE read_markers(user_id BLOB, room_no INTEGER, room_seq INTEGER NOT NULL,
  PRIMARY KEY(user_id, room_no)) WITHOUT ROWID;
CREATE TABLE device_seen(device_id BLOB PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE webhooks(device_id BLOB PRIMARY KEY, seed BLOB NOT NULL, token BLOB NOT NULL,
  made_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE webhook_keys(number INTEGER PRIMARY KEY, device_no INTEGER NOT NULL, key BLOB NOT NULL,
  id BLOB NOT NULL, at_ms INTEGER NOT NULL, UNIQUE(device_no, key));
)sql";

// secure_delete: what retention or an erase order removes is overwritten, not only unlinked.
constexpr const char* kSettings = R"sql(
PRAGMA wal_autocheckpoint=0;
PRAGMA synchronous=FULL;
PRAGMA secure_delete=ON;
PRAGMA temp_store=MEMORY;
PRAGMA cache_size=-4096;
)sql";

void expect(Database& db, const char* sql, std::string_view wanted) {
  const std::string got = db.pragma(sql);
  if (got != wanted)
    throw StorageFailure(fmt::format(
        "the database does not keep its settings: \"{}\" is {}, not {}", sql, got, wanted));
}

bool has_tables(Database& db) {
  return db.pragma("SELECT count(*) FROM sqlite_schema WHERE type='table' AND name='meta'") == "1";
}

// Of an earlier program or this one.
std::uint64_t schema_of(Database& db, const std::filesystem::path& path) {
  const auto stored = read_meta(db, "schema");
  const std::string text(stored ? as_text(*stored) : std::string_view());
  std::uint64_t schema = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), schema);
  if (error != std::errc{} || end != text.data() + text.size() || schema == 0)
    throw StorageFailure(
        fmt::format("{} does not say which schema it has; it is not the database "
                    "of a log, or was damaged",
                    path.string()));
  if (schema > schema_version)
    throw StorageFailure(fmt::format(
        "{} has schema {}, and this program knows schema {} at most: a newer tertuliad has written "
        "it. Install that version again, or a newer one; or go back to the copy that was made "
        "before the upgrade, {}.before-schema-{}-…, which lacks what was said since: move {}, "
        "{}-wal and {}-shm away together, and copy it to the first of these names.",
        path.string(), schema, schema_version, path.string(), schema, path.string(), path.string(),
        path.string()));
  return schema;
}

}  // namespace

void require_schema(Database& db, const std::filesystem::path& path) {
  if (const std::uint64_t schema = schema_of(db, path); schema < schema_version)
    throw StorageFailure(
        fmt::format("{} has schema {}, and this program reads schema {}: start this "
                    "version of tertuliad once, which carries it over",
                    path.string(), schema, schema_version));
}

std::uint64_t wal_file_bytes(const std::filesystem::path& database) {
  std::error_code none;
  const std::uintmax_t bytes = std::filesystem::file_size(database.string() + "-wal", none);
  return none ? 0 : bytes;
}

OpenedDatabase open_for_writing(const std::filesystem::path& path, const std::string& vfs,
                                StartProgress& progress) {
  // SQLite makes files with 0644: make it first, so that the WAL inherits 0600 from it.
  const UniqueFd made(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!made) throw_errno("cannot open " + path.string());
  if (const std::uint64_t bytes = wal_file_bytes(path); bytes >= long_wal_bytes)
    progress.begins(fmt::format("Reading the write-ahead log, {} MiB.", bytes >> 20), bytes);
  OpenedDatabase out;
  out.database = std::make_unique<Database>(path, Database::Access::write, vfs);
  Database& db = *out.database;
  expect(db, "PRAGMA journal_mode=WAL", "wal");
  db.run(kSettings);
  expect(db, "PRAGMA wal_autocheckpoint", "0");
  expect(db, "PRAGMA synchronous", "2");
  expect(db, "PRAGMA secure_delete", "1");
  expect(db, "PRAGMA temp_store", "2");
  out.is_new = !has_tables(db);
  if (!out.is_new)
    if (const std::uint64_t schema = schema_of(db, path); schema < schema_version)
      migrate(db, path, schema, progress);
  return out;
}

void create_tables(Database& db) {
  db.run(kTables);
  write_meta(db, "schema", as_bytes(std::to_string(schema_version)));
}

std::optional<Bytes> read_meta(Database& db, std::string_view key) {
  Statement s = db.prepare("SELECT value FROM meta WHERE key=?");
  s.bind_text(1, key);
  if (!s.next()) return std::nullopt;
  const ByteView value = s.blob(0);
  return Bytes(value.begin(), value.end());
}

void write_meta(Database& db, std::string_view key, ByteView value) {
  db.prepare("INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)")
      .bind_text(1, key)
      .bind(2, value)
      .run();
}

}  // namespace tertulia::broker
