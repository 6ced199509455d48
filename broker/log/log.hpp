// Log: the one writer of the record. Owned by t-log (or by a test), never shared.
//
// append() decides on everything that has arrived at once and writes it in one transaction:
//   id known → the first answer again; else rights, references and `seen` → seq, room_seq, time, leaf,
//   tree nodes, derived tables; COMMIT with synchronous=FULL (one fsync); then, and only then, the
//   checkpoint is signed, the heads and the directory are stored, and answers are given out.
// A crash before the commit's return: nothing was acked, clients send again, the id index answers.
// Disk full: rolled back, read_only() says why, every append answers READ_ONLY until space is back.
// EIO or a failed fsync: throws StorageFailure: no ack, no publish; the process must end.
#pragma once

#include <filesystem>
#include <stdexcept>

#include "broker/flow/flow.hpp"
#include "common/base/clock.hpp"
#include "common/merkle/checkpoint.hpp"
#include "common/merkle/tree.hpp"

namespace tertulia::broker {

struct ServerKeys;

class StorageFailure : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct LogOptions {
  std::filesystem::path database;
  std::filesystem::path reserve;
  std::string server_name;
  std::vector<std::string> advertised;  // for the card
  std::string vfs;                      // SQLite's VFS by name; empty: the default one
  std::function<std::uint64_t()> now_ms = wall_ms;  // the clock that gives logged_at
};

// How many of the last checkpoints a `seen` may name.
inline constexpr std::size_t checkpoints_remembered = 4096;

struct CommitResult {
  std::vector<Outgoing> answers;
  Committed committed;                          // for t-publisher; entries may be empty
  std::vector<std::function<void()>> callbacks; // of admin commands; t-log calls them last
};

class Log {
 public:
  // Opens or makes the database, re-derives the root from the stored nodes and compares it with
  // the last checkpoint; a new log gets its card and the room `general`. Stores the directory.
  // Throws with a sentence when the record is not whole.
  Log(const LogOptions& options, const ServerKeys& keys, DirectoryCell& cell);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  CommitResult append(std::vector<Append>&& batch);

  // For idle times: PASSIVE WAL checkpoint; looks whether a full disk has space again.
  void idle();
  void close();  // writes the last checkpoint row and closes the database

  std::uint64_t size() const;
  // What the newest signed checkpoint is; any thread.
  std::shared_ptr<const std::string> checkpoint() const;
  // Empty: writable; else the reason; any thread.
  std::string read_only() const;
  const std::string& card() const;       // the newest card's note
  merkle::NoteKey note_key() const;      // of checkpoints
  std::uint64_t wal_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::broker
