// Waiting for a condition with a deadline, and ports that nobody else has. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace tertulia::test {

// A point in time on the monotonic clock.
class Deadline {
 public:
  static Deadline in_ms(std::uint64_t ms);
  std::uint64_t left_ms() const;  // 0: over
  bool over() const { return left_ms() == 0; }

 private:
  std::uint64_t at_ms_ = 0;
};

// Looks every 2 ms; false: the deadline came first.
[[nodiscard]] bool wait_until(const std::function<bool()>& condition, Deadline deadline);
[[nodiscard]] bool wait_until(const std::function<bool()>& condition, std::uint64_t ms);

// A TCP port that is free on 127.0.0.1 and ::1, outside the range from which the kernel takes
// ports of its own accord, and kept for this process until it ends: a broker that is started again
// finds its port free.
std::uint16_t free_port();
// True when something accepts a TCP connection there.
bool accepts_connections(const std::string& ip, std::uint16_t port);

}  // namespace tertulia::test
