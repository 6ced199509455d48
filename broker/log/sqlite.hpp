// SQLite, as the log uses it: a connection, statements that are prepared once, and errors that say
// what the log must do about them. One thread per connection. Throws DiskFull or StorageFailure.
#pragma once

#include <sqlite3.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>

#include "common/base/bytes.hpp"

namespace tertulia::broker {

// The environment can no longer store (EIO, a failed fsync, a damaged file): never retried.
class StorageFailure;

// No space now (SQLITE_FULL, ENOSPC, EDQUOT): the transaction is void, later ones may succeed.
class DiskFull : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] void throw_storage_error(sqlite3* db, const std::string& what);

class Statement {
 public:
  Statement() = default;
  Statement(sqlite3* db, const char* sql);  // prepared for many uses
  Statement(Statement&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  Statement& operator=(Statement&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~Statement() { sqlite3_finalize(raw_); }

  // Bound values are not copied: they must live until the statement is done or reset.
  Statement& bind(int index, std::uint64_t value);
  Statement& bind(int index, ByteView blob);
  Statement& bind_text(int index, std::string_view text);
  Statement& bind_row(Statement& other);  // the columns of its row, in their order; copied
  template <std::size_t N, class Tag>
  Statement& bind(int index, const FixedBytes<N, Tag>& id) {
    return bind(index, id.view());
  }

  void run();   // to its end; resets
  bool next();  // true: a row is there; false: the end, and reset
  void reset() { sqlite3_reset(raw_); }

  std::uint64_t number(int column) {
    return static_cast<std::uint64_t>(sqlite3_column_int64(raw_, column));
  }
  ByteView blob(int column);
  std::string text(int column) { return std::string(as_text(blob(column))); }
  bool is_null(int column) { return sqlite3_column_type(raw_, column) == SQLITE_NULL; }
  // Throws StorageFailure when the column has not the id's length.
  template <class Id>
  Id id(int column) {
    const auto parsed = Id::parse(blob(column));
    if (!parsed) fail_length(column);
    return *parsed;
  }

 private:
  [[noreturn]] void fail_length(int column);
  sqlite3_stmt* raw_ = nullptr;
};

// Resets a statement at the end of a scope: a read that is left open would hold up WAL checkpoints.
class ResetAtEnd {
 public:
  explicit ResetAtEnd(Statement& s) : s_(s) {}
  ~ResetAtEnd() { s_.reset(); }
  ResetAtEnd(const ResetAtEnd&) = delete;
  ResetAtEnd& operator=(const ResetAtEnd&) = delete;

 private:
  Statement& s_;
};

// How long a connection waits for another one.
inline constexpr int busy_ms_max = 5000;

class Database {
 public:
  enum class Access { write, read };
  // No checkpoint at close: only the log's writer makes checkpoints, when it means to.
  Database(const std::filesystem::path& path, Access access, const std::string& vfs);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void run(const char* sql);
  std::string pragma(const char* sql);  // its first column, as text
  Statement prepare(const char* sql) { return Statement(raw_, sql); }
  sqlite3* raw() { return raw_; }

 private:
  sqlite3* raw_ = nullptr;
};

}  // namespace tertulia::broker
