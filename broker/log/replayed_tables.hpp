// ReplayedTables: users, devices, invites, rooms and members as the entries say, made anew in memory
// from the acts, to be compared with the database's own. One thread. Memory: by people and rooms,
// not by messages.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "common/record/checker.hpp"

namespace tertulia::broker {

class ReplayedTables {
 public:
  // Takes a copy of the database's tables and of how many entries they stand for, in one read; a
  // broker may go on writing. Throws StorageFailure.
  explicit ReplayedTables(const std::filesystem::path& database);
  ~ReplayedTables();
  ReplayedTables(const ReplayedTables&) = delete;
  ReplayedTables& operator=(const ReplayedTables&) = delete;

  // The next entry, which Checker has found good, with its bodies; only acts matter, and only those
  // up to the copy.
  [[nodiscard]] std::optional<record::Fault> apply(const record::Leaf& leaf,
                                                   const std::vector<record::Body>& bodies);
  // At the end: kind "tables", with table, row and columns of the first difference.
  [[nodiscard]] std::optional<record::Fault> compare();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::broker
