// Database and Statement: SQLite with typed binding. One thread at a time. Failures are StoreError.
#pragma once

#include <sqlite3.h>

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>

#include "common/base/bytes.hpp"

namespace tertulia::client {

// The store cannot be read or written: what() is SQLite's sentence with the path.
class StoreError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Database {
 public:
  explicit Database(const std::filesystem::path& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void exec(const char* sql);
  sqlite3* raw() const { return db_; }
  [[noreturn]] void fail(const char* doing) const;

 private:
  std::string path_;
  sqlite3* db_ = nullptr;
};

// Prepared at its first use, reset when it is bound again. Blobs and texts that are bound must live
// until the next step() has returned; columns are valid until the next step().
class Statement {
 public:
  Statement(Database& db, const char* sql) : db_(db), sql_(sql) {}
  ~Statement() { sqlite3_finalize(handle_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  template <class... Args>
  Statement& with(const Args&... args) {
    prepare();
    int at = 0;
    (bind(++at, args), ...);
    return *this;
  }
  bool step();  // true: there is a row; false: done, and reset
  void run() {
    while (step()) {
    }
  }
  void reset() { sqlite3_reset(handle_); }

  std::uint64_t number(int column) const {
    return static_cast<std::uint64_t>(sqlite3_column_int64(handle_, column));
  }
  ByteView blob(int column) const {
    return {static_cast<const std::uint8_t*>(sqlite3_column_blob(handle_, column)),
            static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
  }
  std::string text(int column) const { return std::string(as_text(blob(column))); }
  // A blob of another length than the id's reads as zero: the store is ours, a damaged row is not fatal.
  template <class Id>
  Id id(int column) const {
    return Id::parse(blob(column)).value_or(Id{});
  }

 private:
  void prepare();
  void check(int rc) const;
  void bind(int at, std::uint64_t value) {
    check(sqlite3_bind_int64(handle_, at, static_cast<sqlite3_int64>(value)));
  }
  void bind(int at, ByteView value) {
    // A null pointer would bind NULL; an empty blob is not NULL.
    check(sqlite3_bind_blob64(
        handle_, at, value.empty() ? reinterpret_cast<const std::uint8_t*>("") : value.data(),
        value.size(), SQLITE_STATIC));
  }
  void bind(int at, std::string_view value) {
    check(sqlite3_bind_text64(handle_, at, value.empty() ? "" : value.data(), value.size(),
                              SQLITE_STATIC, SQLITE_UTF8));
  }
  void bind(int at, const std::string& value) { bind(at, std::string_view(value)); }
  void bind(int at, const char* value) { bind(at, std::string_view(value)); }
  void bind(int at, const Bytes& value) { bind(at, ByteView(value)); }
  void bind(int at, const std::optional<Bytes>& value) {
    if (value)
      bind(at, ByteView(*value));
    else
      check(sqlite3_bind_null(handle_, at));
  }
  template <std::size_t N, class Tag>
  void bind(int at, const FixedBytes<N, Tag>& value) {
    bind(at, value.view());
  }

  Database& db_;
  const char* sql_;
  sqlite3_stmt* handle_ = nullptr;
};

}  // namespace tertulia::client
