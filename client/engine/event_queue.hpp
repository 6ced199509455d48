// EventQueue: from the network thread to the consumer. The wake-up comes only when the queue goes
// from empty to non-empty. Unbounded by itself: the session fetches nothing and lets broadcasts go
// while crowded() (it gets them later, as gaps), and whoever queues messages bounds them himself.
#pragma once

#include <functional>
#include <mutex>

#include "client/engine/engine.hpp"

namespace tertulia::client {

class EventQueue {
 public:
  static constexpr std::size_t messages_crowded = 50'000;

  explicit EventQueue(std::function<void()> wake) : wake_(std::move(wake)) {}

  void push(std::vector<Event>& events) {
    if (events.empty()) return;
    std::size_t messages = 0;
    for (const auto& event : events)
      if (const auto* arrived = std::get_if<MessagesArrived>(&event))
        messages += arrived->messages.size();
    bool was_empty = false;
    {
      std::lock_guard lock(mutex_);
      was_empty = events_.empty();
      messages_ += messages;
      if (was_empty)
        events_.swap(events);
      else
        for (auto& event : events) events_.push_back(std::move(event));
    }
    events.clear();
    if (was_empty && wake_) wake_();
  }

  void take(std::vector<Event>& out) {
    out.clear();
    std::lock_guard lock(mutex_);
    events_.swap(out);
    messages_ = 0;
  }

  bool crowded() const {
    std::lock_guard lock(mutex_);
    return messages_ > messages_crowded;
  }

 private:
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::vector<Event> events_;  // protected by mutex_
  std::size_t messages_ = 0;   // protected by mutex_; in MessagesArrived
};

}  // namespace tertulia::client
