#include "broker/log/schema.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include "broker/log/log.hpp"
#include "common/base/file.hpp"

namespace tertulia::broker {

namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE entries(seq INTEGER PRIMARY KEY, leaf BLOB NOT NULL, bodies BLOB NOT NULL);
CREATE TABLE submissions(device_no INTEGER, id BLOB, seq INTEGER NOT NULL,
  PRIMARY KEY(device_no, id)) WITHOUT ROWID;
CREATE TABLE room_entries(room_no INTEGER, first_room_seq INTEGER, seq INTEGER NOT NULL,
  PRIMARY KEY(room_no, first_room_seq)) WITHOUT ROWID;
CREATE TABLE nodes(number INTEGER PRIMARY KEY, hash BLOB NOT NULL);
CREATE TABLE checkpoints(size INTEGER PRIMARY KEY, root BLOB NOT NULL);

CREATE TABLE users(user_id BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, display_name TEXT NOT NULL,
  role INTEGER NOT NULL, disabled INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE devices(device_no INTEGER PRIMARY KEY, device_id BLOB NOT NULL UNIQUE,
  user_id BLOB NOT NULL, sign_pk BLOB NOT NULL UNIQUE, curve_pk BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL, enrolled_seq INTEGER NOT NULL, revoked_seq INTEGER NOT NULL,
  by_administrator INTEGER NOT NULL);
CREATE TABLE invites(invite_id BLOB PRIMARY KEY, user_id BLOB NOT NULL, curve_pk BLOB NOT NULL UNIQUE,
  expires_ms INTEGER NOT NULL, revoked INTEGER NOT NULL, used_by BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE rooms(room_no INTEGER PRIMARY KEY, room_id BLOB NOT NULL UNIQUE, name TEXT NOT NULL,
  topic TEXT NOT NULL, kind INTEGER NOT NULL, flags INTEGER NOT NULL, archived INTEGER NOT NULL);
CREATE TABLE members(room_no INTEGER, user_id BLOB, PRIMARY KEY(room_no, user_id)) WITHOUT ROWID;
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

}  // namespace

OpenedDatabase open_for_writing(const std::filesystem::path& path, const std::string& vfs) {
  // SQLite makes files with 0644: make it first, so that the WAL inherits 0600 from it.
  const UniqueFd made(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!made) throw_errno("cannot open " + path.string());
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
  if (!out.is_new) {
    const auto version = read_meta(db, "schema");
    if (!version || as_text(*version) != std::to_string(schema_version))
      throw StorageFailure(
          fmt::format("{} has schema {}, and this program knows schema {}; use the program that "
                      "wrote it or a newer one",
                      path.string(), version ? as_text(*version) : "none", schema_version));
  }
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
