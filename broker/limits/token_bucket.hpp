// TokenBucket: so much at once, and so much in each period after it (RFC 2697 calls it the committed
// burst and rate). What is taken may be more than is there: the debt is waited for, so that a large
// frame needs no large bucket and the average holds. One thread, or under the owner's lock.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace tertulia::broker {

struct Rate {
  std::uint64_t amount = 0;  // 0: no limit
  std::uint64_t burst = 0;
  std::uint64_t period_ms = 1'000;
  double per_ms() const { return static_cast<double>(amount) / static_cast<double>(period_ms); }
};

class TokenBucket {
 public:
  // Monotonic milliseconds until something may be taken again; 0: now.
  std::uint32_t wait_ms(const Rate& rate, std::uint64_t now_ms) {
    if (rate.amount == 0) return 0;
    refill(rate, now_ms);
    if (level_ > 0) return 0;
    const double ms = std::ceil((1 - level_) / rate.per_ms());
    return static_cast<std::uint32_t>(std::clamp(ms, 1.0, kWaitMsMax));
  }
  void take(const Rate& rate, std::uint64_t amount, std::uint64_t now_ms) {
    if (rate.amount == 0) return;
    refill(rate, now_ms);
    level_ -= static_cast<double>(amount);
  }

 private:
  static constexpr double kWaitMsMax = 60'000;

  void refill(const Rate& rate, std::uint64_t now_ms) {
    const auto burst = static_cast<double>(std::max<std::uint64_t>(1, rate.burst));
    // Two threads may have read the clock in another order than they come here.
    const std::uint64_t passed_ms = now_ms > at_ms_ ? now_ms - at_ms_ : 0;
    const double gained = static_cast<double>(passed_ms) * rate.per_ms();
    level_ = is_new_ ? burst : std::min(burst, level_ + gained);
    is_new_ = false;
    at_ms_ = std::max(at_ms_, now_ms);
  }

  bool is_new_ = true;
  double level_ = 0;
  std::uint64_t at_ms_ = 0;
};

}  // namespace tertulia::broker
