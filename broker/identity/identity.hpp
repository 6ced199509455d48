// The server's keys and its data directory. Used once, at start, on the main thread.
//
// Layout: DIR (0700) / keys/identity.key, transport.key, log.key, kek.key (0600, 32-byte seeds)
//                    / log.db (+ -wal, -shm)  the log;  / reserve (64 MiB: room for a clean end)
//                    / lock   (flock: one broker a directory)
// Keys are written durably before log.db exists; a directory with a log but without a key is
// refused with the name of the missing file, never given a new key.
#pragma once

#include <filesystem>

#include "common/base/file.hpp"
#include "common/crypto/keys.hpp"

namespace tertulia::broker {

struct ServerKeys {
  crypto::SigningKey identity;
  crypto::CurveKey transport;
  crypto::SigningKey log;
  crypto::Seed kek;   // wraps the data key, which is in log.db
  ServerId id;
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
  const ServerKeys& keys() const { return *keys_; }

 private:
  std::filesystem::path path_;
  UniqueFd lock_;
  std::unique_ptr<ServerKeys> keys_;
};

}  // namespace tertulia::broker
