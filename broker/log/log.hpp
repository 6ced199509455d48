// Log: the one writer of the record. Owned by t-log (or by a test), never shared.
//
// append() decides on everything that has arrived at once and writes it in one transaction:
//   id known → the first answer again; else rights, references and `seen` → seq, room_seq, time, leaf,
//   tree nodes, derived tables; COMMIT with synchronous=FULL (one fsync); then, and only then, the
//   checkpoint is signed, the heads and the directory are stored, and answers are given out.
// A crash before the commit's return: nothing was acked, clients send again, the id index answers.
// Disk full: rolled back, read_only() says why, every append answers READ_ONLY until 16 MiB are free,
// so that a disk at its last byte does not stop and start it with every message.
// EIO or a failed fsync: throws StorageFailure: no ack, no publish; the process must end.
#pragma once

#include <filesystem>
#include <stdexcept>

#include "broker/flow/flow.hpp"
#include "broker/log/start_progress.hpp"
#include "broker/metrics/metrics.hpp"
#include "broker/presence/presence.hpp"
#include "common/base/clock.hpp"
#include "common/crypto/keys.hpp"
#include "common/merkle/checkpoint.hpp"
#include "common/merkle/tree.hpp"

namespace tertulia::broker {

class DataKeyRing;
class KeyStore;
struct ServerKeys;

class StorageFailure : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct LogLimits {
  std::uint64_t rooms_per_user_max = 500;
  std::uint64_t room_members_max = 5000;
  std::uint64_t devices_per_user_max = 20;
  std::uint64_t invites_open_max = 10'000;
  std::uint64_t webhooks_max = 100;
  // Edits and reactions; a delete is always taken.
  std::uint64_t changes_per_message_max = 10'000;
  std::uint64_t user_changes_per_message_max = 500;
};
// Bytes that the file system of this file has left for who is not root; 0: it does not say.
std::uint64_t free_bytes_beside(const std::filesystem::path& file);

struct LogOptions {
  std::filesystem::path database;
  std::filesystem::path reserve;
  std::string server_name;
  std::vector<std::string> advertised;              // for the card
  std::string vfs;                                  // SQLite's VFS by name; empty: the default one
  std::function<std::uint64_t()> now_ms = wall_ms;  // the clock that gives logged_at
  LogLimits limits{};
  std::function<std::uint64_t(const std::filesystem::path&)> free_bytes = free_bytes_beside;
  std::string program = "unnamed";      // for the database's history
  TellStart starting = {};              // told when a start takes long
  Metrics* metrics = nullptr;           // where commits are counted; outlives the log
  Presence* presence = nullptr;         // what keep_presence() keeps; outlives the log
  const KeyStore* key_store = nullptr;  // where keys that change are; outlives the log. Without one
                                        // they are not changed
};

// How many of the last checkpoints a `seen` may name.
inline constexpr std::size_t checkpoints_remembered = 4096;

struct CommitResult {
  std::vector<Outgoing> answers;
  Committed committed;                           // for t-publisher; entries may be empty
  std::vector<ReadRequest> reads;                // for t-reader-N: their entries are committed
  std::vector<std::function<void()>> callbacks;  // of admin commands; t-log calls them last
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

  // Seals some entries again, if the data key has changed: a transaction of its own, of a few
  // milliseconds. is_resealing(): there are more, and they can be written.
  void reseal();
  bool is_resealing() const;
  // For readers beside the log; any thread.
  std::shared_ptr<const DataKeyRing> data_keys() const;

  // For idle times: PASSIVE WAL checkpoint; looks whether a full disk has space again.
  void idle();
  // Writes what has changed of read marks and last-seen times, if anything has: a transaction of its
  // own, every few seconds. A full disk: it waits for space.
  void keep_presence();
  void close();  // writes presence and the last checkpoint row and closes the database

  std::uint64_t size() const;
  // What the newest signed checkpoint is; any thread.
  std::shared_ptr<const std::string> checkpoint() const;
  // Empty: writable; else the reason; any thread.
  std::string read_only() const;
  std::string card() const;                                   // the newest card's note; any thread
  std::uint64_t card_serial() const;                          // of the newest card; any thread
  merkle::NoteKey note_key() const;                           // of checkpoints; any thread
  std::shared_ptr<const std::vector<KeyEntry>> keys() const;  // any thread
  // What the sockets are to be bound with: the key that the card names. It changes only when a log is
  // opened, so that whoever opened it may read it from any thread.
  crypto::CurveKey transport_key() const;
  // When the next one is due, by the wall clock; 0: none is planned. Close the log then and open it
  // again: at the opening it takes its place. Any thread.
  std::uint64_t transport_due_ms() const;
  std::uint64_t wal_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::broker
