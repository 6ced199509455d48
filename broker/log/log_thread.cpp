#include "broker/log/log_thread.hpp"

#include <pthread.h>

#include <atomic>

namespace tertulia::broker {

namespace {
constexpr int kTickMs = 1000;
// Above this the WAL is carried into the database even when there is always something to append.
constexpr std::uint64_t kWalBytesMax = 4 << 20;
}  // namespace

struct LogThread::Impl {
  Impl(Log& log_in, Queue<Append>& queue_in, LogOutlet outlet_in)
      : log(log_in),
        queue(queue_in),
        outlet(std::move(outlet_in)) {}

  void run() {
    pthread_setname_np(pthread_self(), "t-log");
    try {
      loop();
      log.close();
    } catch (const std::exception& e) {
      // Nothing was acked or published after it: the process must end and recover.
      outlet.failed(e.what());
    }
  }

  void loop() {
    std::vector<Append> batch;
    for (;;) {
      // Read before the queue is emptied: what was pushed before stop() is taken.
      const bool last = stopping.load(std::memory_order_acquire);
      if (!last) queue.wait(kTickMs);
      ticks.fetch_add(1, std::memory_order_relaxed);
      queue.take_all(batch);
      const bool idle = batch.empty();
      if (!idle)
        hand_out(log.append(std::move(batch)));
      else if (last)
        return;
      if (idle || log.wal_bytes() > kWalBytesMax) log.idle();
    }
  }

  void hand_out(CommitResult&& result) {
    // Answers first: who waits for an ack waits longest.
    if (!result.answers.empty()) outlet.answers(std::move(result.answers));
    outlet.committed(std::move(result.committed));
    for (const auto& callback : result.callbacks) callback();
  }

  Log& log;
  Queue<Append>& queue;
  const LogOutlet outlet;
  std::atomic<bool> stopping{false};
  std::atomic<std::uint64_t> ticks{0};
  std::thread thread;
};

LogThread::LogThread(Log& log, Queue<Append>& queue, LogOutlet outlet)
    : impl_(std::make_unique<Impl>(log, queue, std::move(outlet))) {
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

LogThread::~LogThread() { stop(); }

void LogThread::stop() {
  if (!impl_->thread.joinable()) return;
  impl_->stopping.store(true, std::memory_order_release);
  impl_->queue.wake();
  impl_->thread.join();
}

std::uint64_t LogThread::ticks() const { return impl_->ticks.load(std::memory_order_relaxed); }

}  // namespace tertulia::broker
