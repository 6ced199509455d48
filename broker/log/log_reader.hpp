// LogReader: a read-only SQLite connection to the record, for one thread (t-reader-N, tertuliactl).
// Reads are paged and short, so that the writer's WAL checkpoints are not held up.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "common/crypto/keys.hpp"
#include "common/merkle/tree.hpp"
#include "common/record/leaf.hpp"

namespace tertulia::broker {

class DataKeyRing;

class LogReader {
 public:
  // In a process that does not write the log; kek_next: of keys that are just being changed.
  LogReader(const std::filesystem::path& database, const crypto::Seed& kek,
            const std::optional<crypto::Seed>& kek_next = std::nullopt);
  // Beside the log, with its keys.
  LogReader(const std::filesystem::path& database, std::shared_ptr<const DataKeyRing> keys);
  ~LogReader();
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

  // Whole entries of a room, oldest first, as append_entry() writes them; at most bytes_max (but at
  // least one entry). from_room_seq > 0: the entry that holds it and later ones; 0: the newest
  // `limit` messages with room_seq < before (0: no bound).
  Bytes history(const RoomId& room, std::uint64_t from_room_seq, std::uint64_t before,
                std::uint32_t limit, std::size_t bytes_max);

  std::uint64_t size();
  const std::filesystem::path& path() const;  // of the database
  // Of this reader, on its thread; throws StorageFailure when a node is missing.
  merkle::NodeReader node_reader();
  std::optional<Hash> find_node(std::uint64_t number);
  // True when the indexes by submission id and by room lead to this entry.
  bool is_indexed(const record::Leaf& leaf);
  struct StoredEntry {
    std::uint64_t seq;
    Bytes leaf;
    std::vector<record::Body> bodies;
    bool bodies_readable;  // false: a sealed body did not open
  };
  // In order of seq, from `from`; stops when f answers false.
  void for_each(std::uint64_t from, const std::function<bool(StoredEntry&&)>& f);
  // Size and root of the last checkpoint row, if any.
  std::optional<std::pair<std::uint64_t, Hash>> last_checkpoint();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::broker
