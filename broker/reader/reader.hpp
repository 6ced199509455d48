// t-reader-N: owns a LogReader; answers history, consistency and inclusion with pages of at most
// 240 KiB. Rights and ranges were checked by the worker that asked.
#pragma once

#include <filesystem>
#include <memory>

#include "broker/flow/flow.hpp"
#include "broker/flow/named_thread.hpp"
#include "broker/metrics/metrics.hpp"
#include "common/crypto/keys.hpp"

namespace tertulia::broker {

inline constexpr std::size_t page_bytes_max = 240 * 1024;

class Reader {
 public:
  // Opens the database on the caller's thread; throws if it cannot.
  Reader(std::size_t number, const std::filesystem::path& database, const crypto::Seed& kek,
         const DirectoryCell& directory, Queue<ReadRequest>& queue, Queue<Outgoing>& outgoing,
         Metrics& metrics, FatalReport fatal);
  ~Reader();  // stop()s
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::broker
