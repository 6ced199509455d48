#include "broker/log/log_thread.hpp"

#include <pthread.h>

#include <atomic>

#include "common/base/clock.hpp"

namespace tertulia::broker {

namespace {
constexpr int kTickMs = 1000;
// Above this the WAL is carried into the database even when there is always something to append.
constexpr std::uint64_t kWalBytesMax = 4 << 20;
constexpr std::uint64_t kPresenceMs = 5'000;
// Entries are sealed again in idle times, and a little under load too, so that it comes to an end.
constexpr int kResealPauseMs = 2;
constexpr std::uint64_t kResealUnderLoadMs = 50;
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
    std::uint64_t presence_ms = monotonic_ms() + kPresenceMs;
    std::uint64_t reseal_ms = 0;  // under load: not before
    for (;;) {
      // Read before the queue is emptied: what was pushed before stop() is taken.
      const bool last = stopping.load(std::memory_order_acquire);
      const bool reseals = log.is_resealing();
      if (!last) queue.wait(reseals ? kResealPauseMs : kTickMs);
      queue.take_all(batch);
      const bool idle = batch.empty();
      if (!idle)
        hand_out(log.append(std::move(batch)));
      else if (last)
        return;
      if ((idle && !reseals) || log.wal_bytes() > kWalBytesMax) log.idle();
      if (reseals && (idle || monotonic_ms() >= reseal_ms)) {
        log.reseal();
        reseal_ms = monotonic_ms() + kResealUnderLoadMs;
      }
      if (const auto now_ms = monotonic_ms(); now_ms >= presence_ms) {
        log.keep_presence();
        presence_ms = now_ms + kPresenceMs;
      }
    }
  }

  void hand_out(CommitResult&& result) {
    // Answers first: who waits for an ack waits longest.
    if (!result.answers.empty()) outlet.answers(std::move(result.answers));
    outlet.committed(std::move(result.committed));
    if (!result.reads.empty()) outlet.reads(std::move(result.reads));
    for (const auto& callback : result.callbacks) callback();
  }

  Log& log;
  Queue<Append>& queue;
  const LogOutlet outlet;
  std::atomic<bool> stopping{false};
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

}  // namespace tertulia::broker
