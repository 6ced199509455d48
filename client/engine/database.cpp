#include "client/engine/database.hpp"

#include <fmt/format.h>

namespace tertulia::client {

Database::Database(const std::filesystem::path& path) : path_(path.string()) {
  if (sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr) !=
      SQLITE_OK) {
    const std::string reason = db_ != nullptr ? sqlite3_errmsg(db_) : "out of memory";
    sqlite3_close(db_);
    throw StoreError(fmt::format("cannot open {}: {}", path_, reason));
  }
  // Another process of this profile may hold the database for the length of its transaction.
  sqlite3_busy_timeout(db_, 10'000);
}

Database::~Database() { sqlite3_close(db_); }

void Database::exec(const char* sql) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(sql);
}

void Database::fail(const char* doing) const {
  throw StoreError(fmt::format("{}: {} ({})", path_, sqlite3_errmsg(db_), doing));
}

void Statement::prepare() {
  if (handle_ == nullptr) {
    if (sqlite3_prepare_v3(db_.raw(), sql_, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr) !=
        SQLITE_OK)
      db_.fail(sql_);
    return;
  }
  sqlite3_reset(handle_);
}

void Statement::check(int rc) const {
  if (rc != SQLITE_OK) db_.fail(sql_);
}

bool Statement::step() {
  const int rc = sqlite3_step(handle_);
  if (rc == SQLITE_ROW) return true;
  if (rc != SQLITE_DONE) {
    try {
      db_.fail(sql_);
    } catch (const StoreError&) {
      sqlite3_reset(handle_);
      throw;
    }
  }
  sqlite3_reset(handle_);
  return false;
}

}  // namespace tertulia::client
