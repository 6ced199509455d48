// Profile: a client's directory, and what several processes that share it agree on.
//   device.key   the device seed, 64 hex digits, or sealed under a passphrase (profile_lock.hpp); 0600
//   store.db     the store (store.hpp)
//   store.lock   flock: held around every write transaction and checkpoint. SQLite 3.7.0 to 3.51.2 can
//                lose committed data when two connections write or checkpoint a WAL together
//   run/<n>.lock flock: held while process n lives; who can take it may adopt n's outbox rows
// Any thread, one at a time. Failures are std::system_error and std::runtime_error.
#pragma once

#include <filesystem>

#include "client/engine/profile_lock.hpp"
#include "common/base/file.hpp"

namespace tertulia::client {

inline constexpr const char* profile_locked_text = "This profile is locked with a passphrase.";

class Profile {
 public:
  // Makes the directory if it is missing; refuses one with a key in it that others may enter.
  // unlocked: the key of a profile that has a passphrase.
  explicit Profile(std::filesystem::path directory, std::optional<crypto::Seed> unlocked = {});

  const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path store_path() const { return directory_ / "store.db"; }

  // Refuses (with the chmod that mends it) a key that others may read, and one that is locked.
  std::optional<crypto::Seed> device_seed() const;
  // The stored seed, or a new one that is on disk when this returns.
  crypto::Seed make_device_seed() const;

  void lock_store();  // waits
  void unlock_store();

  // `process` is from now on alive, until this object goes.
  void hold_process_lock(std::uint64_t process);
  // Takes over the lock of a process that is dead; an empty descriptor: it lives.
  UniqueFd take_dead(std::uint64_t process) const;
  void forget_dead(std::uint64_t process) const;  // while the descriptor of take_dead() is open

 private:
  std::filesystem::path process_lock_path(std::uint64_t process) const;

  const std::filesystem::path directory_;
  const std::optional<crypto::Seed> unlocked_;
  UniqueFd store_lock_;
  UniqueFd process_lock_;
  std::uint64_t process_ = 0;

 public:
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;
};

}  // namespace tertulia::client
