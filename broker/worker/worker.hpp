// t-worker-N: takes the frames of its devices in order, checks them against a snapshot of the
// directory, answers what it can, hands appends to t-log and reads to t-reader-N. Owns nothing shared.
#pragma once

#include <memory>
#include <vector>

#include "broker/flow/named_thread.hpp"
#include "broker/limits/rate_limits.hpp"
#include "broker/metrics/metrics.hpp"
#include "broker/worker/requests.hpp"

namespace tertulia::broker {

struct WorkerPorts {
  const DirectoryCell& directory;
  const ServerFacts& facts;
  Queue<Append>& log;
  std::vector<Queue<ReadRequest>*> readers;
  Queue<Outgoing>& outgoing;
  Metrics& metrics;
  RateLimits& rates;
};

class Worker {
 public:
  Worker(std::size_t number, Queue<Inbound>& queue, WorkerPorts ports, FatalReport fatal);
  ~Worker();    // stop()s
  void stop();  // works off what is queued, ends the thread

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::broker
