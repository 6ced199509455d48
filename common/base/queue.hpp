// Queue<T>: the one way in which threads of the broker and of the engine hand each other work.
//
// Any thread pushes; one thread takes. The taker gets everything that has arrived at once (natural
// batching) and sleeps in poll() on fd(), an eventfd that is readable while something waits, so
// that one poll covers sockets and queues. Bounded by items and by bytes: push answers false when
// the bound is reached, and the pusher says `busy` to whoever asked. Nothing is dropped here.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <mutex>
#include <vector>

#include "common/base/file.hpp"

namespace tertulia {

template <class T>
class Queue {
 public:
  explicit Queue(std::size_t items_max, std::size_t bytes_max = SIZE_MAX)
      : items_max_(items_max),
        bytes_max_(bytes_max),
        fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!fd_) throw_errno("eventfd");
  }

  // False: full; the item is untouched. bytes is what the item weighs against bytes_max.
  [[nodiscard]] bool push(T&& item, std::size_t bytes = 0) {
    bool was_empty = false;
    {
      std::lock_guard lock(mutex_);
      if (items_.size() >= items_max_ || (bytes_ > 0 && bytes_ + bytes > bytes_max_)) return false;
      was_empty = items_.empty();
      items_.push_back(std::move(item));
      bytes_ += bytes;
    }
    if (was_empty) wake();
    return true;
  }

  // For what must not be refused (answers, stop signals): ignores the bound.
  void push_always(T&& item, std::size_t bytes = 0) {
    bool was_empty = false;
    {
      std::lock_guard lock(mutex_);
      was_empty = items_.empty();
      items_.push_back(std::move(item));
      bytes_ += bytes;
    }
    if (was_empty) wake();
  }
  void push_always(std::vector<T>&& many) {
    if (many.empty()) return;
    bool was_empty = false;
    {
      std::lock_guard lock(mutex_);
      was_empty = items_.empty();
      if (was_empty)
        items_.swap(many);
      else
        for (auto& item : many) items_.push_back(std::move(item));
    }
    many.clear();
    if (was_empty) wake();
  }

  // Replaces out by all that has arrived; never waits. The two vectors swap their memory.
  void take_all(std::vector<T>& out) {
    out.clear();
    turns_.fetch_add(1, std::memory_order_relaxed);
    std::uint64_t count = 0;
    // EAGAIN: another wake-up has already emptied the counter; what counts is the vector.
    if (::read(fd_.get(), &count, sizeof count) < 0 && errno != EAGAIN) throw_errno("eventfd read");
    std::lock_guard lock(mutex_);
    items_.swap(out);
    bytes_ = 0;
  }

  // Waits until something has arrived or timeout_ms is over; -1 waits for ever.
  bool wait(int timeout_ms) const {
    pollfd p{fd_.get(), POLLIN, 0};
    return ::poll(&p, 1, timeout_ms) > 0;
  }

  // Makes fd() readable with nothing in the queue: the taker wakes and looks at its other duties.
  void wake() const {
    const std::uint64_t one = 1;
    // EAGAIN would mean a counter at 2^64-2: the taker is awake anyway.
    if (::write(fd_.get(), &one, sizeof one) < 0 && errno != EAGAIN) throw_errno("eventfd write");
  }

  // How often the taker has come to take_all(). Its loop lives when this rises after a wake().
  std::uint64_t turns() const { return turns_.load(std::memory_order_relaxed); }

  int fd() const { return fd_.get(); }
  std::size_t depth() const {
    std::lock_guard lock(mutex_);
    return items_.size();
  }

 private:
  const std::size_t items_max_;
  const std::size_t bytes_max_;
  const UniqueFd fd_;
  std::atomic<std::uint64_t> turns_{0};
  mutable std::mutex mutex_;
  std::vector<T> items_;   // protected by mutex_
  std::size_t bytes_ = 0;  // protected by mutex_
};

}  // namespace tertulia
