// The database of the record: its settings, its tables, and its meta values (docs/log-format.md,
// "At rest"). t-log's connection only, save for read_meta().
#pragma once

#include <memory>

#include "broker/log/sqlite.hpp"

namespace tertulia::broker {

inline constexpr std::uint64_t schema_version = 1;

struct OpenedDatabase {
  std::unique_ptr<Database> database;
  bool is_new = false;  // no table was there; the tables are made by create_tables()
};

// Opens or makes the file (0600), sets journal_mode=WAL, synchronous=FULL and the rest, and reads
// them back. Throws StorageFailure when a setting does not hold or the schema is not ours.
OpenedDatabase open_for_writing(const std::filesystem::path& path, const std::string& vfs);

// Inside a transaction.
void create_tables(Database& db);

std::optional<Bytes> read_meta(Database& db, std::string_view key);
void write_meta(Database& db, std::string_view key, ByteView value);

}  // namespace tertulia::broker
