// The database of the record: its settings, its tables, and its meta values (docs/log-format.md,
// "At rest"). t-log's connection only, save for read_meta().
#pragma once

#include <memory>

#include "broker/log/sqlite.hpp"
#include "broker/log/start_progress.hpp"

namespace tertulia::broker {

inline constexpr std::uint64_t schema_version = 8;

// A WAL that takes long: it is kept far below by t-log, unless a reader stood in the way for hours.
inline constexpr std::uint64_t long_wal_bytes = 64 << 20;
std::uint64_t wal_file_bytes(const std::filesystem::path& database);  // 0: there is none

struct OpenedDatabase {
  std::unique_ptr<Database> database;
  bool is_new = false;  // no table was there; the tables are made by create_tables()
};

// Opens or makes the file (0600), sets journal_mode=WAL, synchronous=FULL and the rest, and reads
// them back; SQLite reads what is in the WAL; an earlier schema is carried into this one (migrations.hpp). Throws StorageFailure when
// a setting does not hold or the schema is a later program's.
OpenedDatabase open_for_writing(const std::filesystem::path& path, const std::string& vfs,
                                StartProgress& progress);

// For a reader, which migrates nothing: throws StorageFailure unless the schema is this program's.
void require_schema(Database& db, const std::filesystem::path& path);

// Inside a transaction.
void create_tables(Database& db);

std::optional<Bytes> read_meta(Database& db, std::string_view key);
void write_meta(Database& db, std::string_view key, ByteView value);

}  // namespace tertulia::broker
