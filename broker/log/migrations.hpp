// Carries a database of an earlier version into this one's form. At the start, before anything else
// touches it; on the thread that opens the log.
//
// Before the first step the whole database is copied to `log.db.before-schema-N-TIME` beside it,
// fsynced, and only then named so: what has that name is whole. All steps and the new version are one
// transaction: a crash leaves the old form, and the next start begins again. The two newest copies are
// kept. Too little space for the copy is refused with a sentence, and nothing has changed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "broker/log/sqlite.hpp"
#include "broker/log/start_progress.hpp"

namespace tertulia::broker {

struct Migration {
  std::uint64_t from;  // to from + 1
  const char* what;    // for the log: "…" after "the database now has"
  void (*run)(Database& db);
};
// One for each version before this one, in order.
std::span<const Migration> migrations();

inline constexpr std::size_t migration_copies_kept = 2;

// Precondition: from < schema_version. Throws StorageFailure with a sentence, or what SQLite says.
void migrate(Database& db, const std::filesystem::path& path, std::uint64_t from,
             StartProgress& progress);

// Which program wrote here, and in what form: a row for each version of the program that has served
// this record, with the time of its first start. Inside a transaction.
void note_program(Database& db, std::string_view program, std::uint64_t now_ms);

}  // namespace tertulia::broker
