// Pulse: what a watchdog needs to see whether a thread's loop still turns. Every thread of the broker
// comes to its queue at each turn; wake() makes it turn when there is nothing to do. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/base/queue.hpp"

namespace tertulia::broker {

struct Pulse {
  std::string thread;
  std::function<void()> wake;
  std::function<std::uint64_t()> turns;
};

// The queue must outlive the pulse.
template <class T>
Pulse pulse_of(std::string thread, const Queue<T>& queue) {
  return {std::move(thread), [&queue] { queue.wake(); }, [&queue] { return queue.turns(); }};
}

}  // namespace tertulia::broker
