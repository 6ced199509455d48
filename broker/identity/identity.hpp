// The server's keys and its data directory. Used once, at start, on the main thread.
//
// Layout: DIR (0700) / keys/identity.key, transport.key, log.key, kek.key (0600, 32-byte seeds)
//                    / log.db (+ -wal, -shm)  the log;  / reserve (64 MiB: room for a clean end)
//                    / lock   (flock: one broker a directory)
// A credential of the service (systemd's LoadCredential, LoadCredentialEncrypted) named transport.key,
// log.key or kek.key stands for the file of that name, which need not be there and is never written.
// Keys that are to take the place of others, or have taken it: key_store.hpp.
// Keys are written durably before log.db exists; a directory with a log but without a key is
// refused with the name of the missing file, never given a new key.
#pragma once

#include <filesystem>

#include "broker/identity/key_store.hpp"
#include "common/base/file.hpp"
#include "common/crypto/keys.hpp"

namespace tertulia::broker {

struct ServerKeys {
  crypto::SigningKey identity;
  crypto::CurveKey transport;
  crypto::SigningKey log;
  crypto::Seed kek;  // wraps the data key, which is in log.db
  ServerId id;
  // What a change of keys has prepared or left; which is in use, the record says.
  std::optional<crypto::CurveKey> transport_next{};
  std::optional<crypto::SigningKey> log_next{}, log_before{};
  std::optional<crypto::Seed> kek_next{};
};

class DataDirectory {
 public:
  enum class Mode { serve, read };  // serve: makes what is missing and takes the lock
  // Refused, with a sentence (std::runtime_error): a network file system, a path under /dev,
  // permissions that let others read, a second broker, missing keys.
  DataDirectory(std::filesystem::path path, Mode mode);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path database() const { return path_ / "log.db"; }
  std::filesystem::path reserve() const { return path_ / "reserve"; }
  const ServerKeys& keys() const { return *keys_; }  // as they were found
  const KeyStore& key_store() const { return store_; }

 private:
  std::filesystem::path path_;
  KeyStore store_;
  UniqueFd lock_;
  std::unique_ptr<ServerKeys> keys_;
};

}  // namespace tertulia::broker
