// The service manager's watchdog (sd_watchdog_enabled(3)): it is fed only when every thread of the
// broker has turned since it was last asked to, never because a timer has run out. Main thread.
//
// Threads are asked four times in an interval. One that hangs, in a commit to a disk that no longer
// answers for example, starves the dog, and the service manager starts the broker again; whatever
// takes a thread less than three quarters of the interval goes unnoticed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/flow/pulse.hpp"

namespace tertulia::broker {

class Watchdog {
 public:
  // interval_ms 0: nobody watches, and look() does nothing.
  Watchdog(std::uint64_t interval_ms, std::vector<Pulse> pulses);

  // What $WATCHDOG_USEC asks of this process; 0: nothing ($WATCHDOG_PID names another, or it is unset).
  static std::uint64_t interval_of_environment_ms();

  // These instead: a thread has come or gone.
  void watch(std::vector<Pulse> pulses);

  // Feeds when all have turned, then asks them again. Call it at wait_ms() at the latest.
  void look(std::uint64_t now_ms);
  int wait_ms(std::uint64_t now_ms) const;  // -1: for ever
  // Threads that have not turned since they were asked.
  std::vector<std::string> silent() const;

 private:
  void ask();

  const std::uint64_t period_ms_;
  std::vector<Pulse> pulses_;
  std::vector<std::uint64_t> asked_at_;  // turns of each when it was asked
  std::uint64_t next_look_ms_ = 0;
  bool told_ = false;  // who is silent has been said
};

}  // namespace tertulia::broker
