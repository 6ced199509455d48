// t-reader-N: owns a LogReader; answers history, consistency and inclusion with pages of at most
// 240 KiB. Rights and ranges were checked by the worker that asked.
#pragma once

#include <filesystem>
#include <memory>

#include "broker/flow/flow.hpp"
#include "broker/flow/named_thread.hpp"
#include "broker/metrics/metrics.hpp"

namespace tertulia::broker {

class DataKeyRing;

inline constexpr std::size_t page_bytes_max = 240 * 1024;

class Reader {
 public:
  // Opens the database on the caller's thread; throws if it cannot.
  Reader(std::size_t number, const std::filesystem::path& database,
         std::shared_ptr<const DataKeyRing> keys, const DirectoryCell& directory,
         Queue<ReadRequest>& queue, Queue<Outgoing>& outgoing, Metrics& metrics, FatalReport fatal);
  ~Reader();  // stop()s
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::broker
