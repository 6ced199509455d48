// t-log: takes all that has arrived as one batch, appends, hands out answers and the batch.
#pragma once

#include <functional>
#include <thread>

#include "broker/log/log.hpp"

namespace tertulia::broker {

// Where a commit's results go: the seam between the log and what comes after it (one process today,
// several brokers later). Called on t-log, after the fsync; must not block.
struct LogOutlet {
  std::function<void(std::vector<Outgoing>&&)> answers;
  std::function<void(Committed&&)> committed;
  // The log can no longer be written (EIO, failed fsync): say so and end the process.
  std::function<void(const std::string& reason)> failed;
  // Of auditors, whose entries are committed.
  std::function<void(std::vector<ReadRequest>&&)> reads;
};

class LogThread {
 public:
  LogThread(Log& log, Queue<Append>& queue, LogOutlet outlet);
  ~LogThread();  // stop()s
  // Takes what is queued, commits it, closes the log, ends the thread.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::broker
