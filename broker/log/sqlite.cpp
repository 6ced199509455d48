#include "broker/log/sqlite.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "broker/log/log.hpp"

namespace tertulia::broker {

void throw_storage_error(sqlite3* db, const std::string& what) {
  const int code = sqlite3_extended_errcode(db);
  const int cause = sqlite3_system_errno(db);
  // SQLite knows only ENOSPC as "full", and only in data files: a quota and the shared-memory file
  // say it through errno. A failed fsync is a failure whatever its errno.
  const bool is_io = (code & 0xFF) == SQLITE_IOERR;
  const bool is_growth = code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE;
  if ((code & 0xFF) == SQLITE_FULL || (is_growth && (cause == ENOSPC || cause == EDQUOT)))
    throw DiskFull("no space is left for the database");
  std::string text = fmt::format("{}: {} (SQLite error {}", what, sqlite3_errmsg(db), code);
  if (is_io && cause != 0) text += fmt::format(", {}", std::strerror(cause));
  throw StorageFailure(text + ")");
}

Statement::Statement(sqlite3* db, const char* sql) {
  if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &raw_, nullptr) != SQLITE_OK)
    throw_storage_error(db, fmt::format("cannot prepare \"{}\"", sql));
}

Statement& Statement::bind(int index, std::uint64_t value) {
  if (sqlite3_bind_int64(raw_, index, static_cast<sqlite3_int64>(value)) != SQLITE_OK)
    throw_storage_error(sqlite3_db_handle(raw_), "cannot bind a number");
  return *this;
}
Statement& Statement::bind(int index, ByteView blob) {
  // A null pointer would bind NULL; an empty blob is a value.
  const void* data = blob.empty() ? "" : static_cast<const void*>(blob.data());
  if (sqlite3_bind_blob64(raw_, index, data, blob.size(), SQLITE_STATIC) != SQLITE_OK)
    throw_storage_error(sqlite3_db_handle(raw_), "cannot bind bytes");
  return *this;
}
Statement& Statement::bind_text(int index, std::string_view text) {
  const char* data = text.empty() ? "" : text.data();
  if (sqlite3_bind_text64(raw_, index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8) != SQLITE_OK)
    throw_storage_error(sqlite3_db_handle(raw_), "cannot bind text");
  return *this;
}

Statement& Statement::bind_row(Statement& other) {
  for (int i = 0; i < sqlite3_column_count(other.raw_); ++i)
    if (sqlite3_bind_value(raw_, i + 1, sqlite3_column_value(other.raw_, i)) != SQLITE_OK)
      throw_storage_error(sqlite3_db_handle(raw_), "cannot bind a row");
  return *this;
}

bool Statement::next() {
  const int code = sqlite3_step(raw_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(raw_);
    return false;
  }
  const ResetAtEnd guard(*this);
  throw_storage_error(sqlite3_db_handle(raw_), "the database cannot be read or written");
}

void Statement::run() {
  while (next()) {
  }
}

ByteView Statement::blob(int column) {
  const void* data = sqlite3_column_blob(raw_, column);
  const int size = sqlite3_column_bytes(raw_, column);
  return {static_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)};
}

void Statement::fail_length(int column) {
  throw StorageFailure(fmt::format("the database is damaged: column {} of \"{}\" has {} bytes",
                                   column, sqlite3_sql(raw_), blob(column).size()));
}

Database::Database(const std::filesystem::path& path, Access access, const std::string& vfs) {
  const int flags =
      access == Access::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw_, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                      vfs.empty() ? nullptr : vfs.c_str());
  if (code != SQLITE_OK) {
    const std::string text = raw_ != nullptr ? sqlite3_errmsg(raw_) : "out of memory";
    sqlite3_close(raw_);
    throw StorageFailure(fmt::format("cannot open {}: {}", path.string(), text));
  }
  sqlite3_db_config(raw_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_busy_timeout(raw_, busy_ms_max);
}

Database::~Database() { sqlite3_close_v2(raw_); }

void Database::run(const char* sql) {
  if (sqlite3_exec(raw_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    throw_storage_error(raw_, fmt::format("\"{}\" failed", sql));
}

std::string Database::pragma(const char* sql) {
  Statement s(raw_, sql);
  return s.next() ? s.text(0) : std::string();
}

}  // namespace tertulia::broker
