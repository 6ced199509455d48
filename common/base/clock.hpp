// Wall clock and monotonic clock, and RFC 3339 times. Any thread.
#pragma once

#include <cstdint>
#include <string>

namespace tertulia {

std::uint64_t wall_ms();       // milliseconds since 1970, may step
std::uint64_t monotonic_ms();  // never steps; only differences mean something
std::uint64_t monotonic_us();

std::string rfc3339_ms(std::uint64_t unix_ms);  // 2026-11-23T04:38:37.123Z

}  // namespace tertulia
