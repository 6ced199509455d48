// The keys of data at rest (docs/log-format.md, "At rest"): data keys, wrapped under the KEK in the
// database, what derives from them, and the sealing of bodies. Each row of the record says by number
// which data key its bodies are sealed under; there are two while all are being sealed again.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "common/crypto/seal.hpp"
#include "common/record/leaf.hpp"

namespace tertulia::broker {

class Database;

// What the KEK wraps besides data keys: the key that topics derive from, which outlives them.
enum class Wrapped { data_key, topic_key };
Bytes wrap_key(const crypto::Seed& kek, const ServerId& server, Wrapped what,
               const crypto::Seed& key);
// nullopt: not wrapped by this KEK, for this server, as this.
std::optional<crypto::Seed> unwrap_key(const crypto::Seed& kek, const ServerId& server,
                                       Wrapped what, ByteView wrapped);

// Of one data key. Any thread.
class DataKeys {
 public:
  explicit DataKeys(const crypto::Seed& data_key);

  // The seed of a webhook's device, bound to that device.
  Bytes seal_seed(const DeviceId& device, const crypto::Seed& seed) const;
  std::optional<crypto::Seed> open_seed(const DeviceId& device, ByteView sealed) const;

  // Replaces out by, per message, state(1) [‖ u32 length ‖ nonce ‖ sealed salt ‖ body].
  void seal_bodies(std::uint64_t seq, const std::vector<record::Body>& bodies, Bytes& out) const;
  // False: damaged, or sealed elsewhere. A body that does not open comes out as withheld.
  bool open_bodies(std::uint64_t seq, ByteView sealed, std::vector<record::Body>& out) const;

 private:
  crypto::Seed bodies_;
  crypto::Seed webhooks_;
};

// The data keys of a record by their numbers. t-log puts and drops them, readers look: a key is put
// before the first row under it is committed, and dropped after the last row under it is gone. Who
// takes all() before he begins a read, and looks there first, finds the key of every row of that read.
class DataKeyRing {
 public:
  using Keys = std::map<std::uint64_t, std::shared_ptr<const DataKeys>>;
  std::shared_ptr<const Keys> all() const {
    std::lock_guard lock(mutex_);
    return keys_;
  }
  void put(std::uint64_t number, const crypto::Seed& data_key);
  void drop(std::uint64_t number);

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Keys> keys_ = std::make_shared<Keys>();  // protected by mutex_
};

// What a database holds of them, opened.
struct StoredKeys {
  bool by_next = false;  // the second KEK opened them
  struct DataKey {
    crypto::Seed key;
    std::uint64_t made_ms = 0;  // 0: with the record
  };
  std::map<std::uint64_t, DataKey> data_keys;  // the newest one seals
  crypto::Seed topics;
};
// nullopt: neither opens them. Throws StorageFailure when the database does not have what it must.
std::optional<StoredKeys> read_keys(Database& db, const crypto::Seed& kek,
                                    const std::optional<crypto::Seed>& next);
// Writes them under this KEK, in the place of all that is there; inside a transaction.
void write_keys(Database& db, const crypto::Seed& kek, const ServerId& server,
                const StoredKeys& keys);

}  // namespace tertulia::broker
