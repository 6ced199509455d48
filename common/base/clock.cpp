#include "common/base/clock.hpp"

#include <fmt/format.h>

#include <chrono>
#include <ctime>

namespace tertulia {

namespace {
template <class Clock, class Unit>
std::uint64_t since_epoch() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<Unit>(Clock::now().time_since_epoch()).count());
}
}  // namespace

std::uint64_t wall_ms() {
  return since_epoch<std::chrono::system_clock, std::chrono::milliseconds>();
}
std::uint64_t monotonic_ms() {
  return since_epoch<std::chrono::steady_clock, std::chrono::milliseconds>();
}
std::uint64_t monotonic_us() {
  return since_epoch<std::chrono::steady_clock, std::chrono::microseconds>();
}

std::string rfc3339_ms(std::uint64_t unix_ms) {
  const std::time_t seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm tm{};
  if (gmtime_r(&seconds, &tm) == nullptr) return "0000-00-00T00:00:00.000Z";
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", tm.tm_year + 1900, tm.tm_mon + 1,
                     tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, unix_ms % 1000);
}

}  // namespace tertulia
