#include "broker/limits/rate_limits.hpp"

namespace tertulia::broker {

void RateLimits::set(const RateConfig& config) {
  auto next = std::make_shared<const RateConfig>(config);
  std::lock_guard lock(config_mutex_);
  config_ = std::move(next);
}

RateLimits::Verdict RateLimits::may_submit(const DeviceId& device, const UserId& user,
                                           record::Role role, std::uint64_t now_ms) {
  const auto c = config();
  Stripe& s = stripe(user);
  std::lock_guard lock(s.mutex);
  OfDevice& d = s.devices[device];
  Verdict out;
  const auto look = [&](Spent what, std::uint32_t wait_ms) {
    if (wait_ms > out.wait_ms) out = {what, wait_ms};
  };
  look(Spent::messages, d.messages.wait_ms(c->device_messages, now_ms));
  look(Spent::messages, s.users[user].wait_ms(of_user(*c, role), now_ms));
  look(Spent::bytes, d.bytes.wait_ms(c->device_bytes, now_ms));
  return out;
}

void RateLimits::pay(const DeviceId& device, const UserId& user, record::Role role,
                     std::uint64_t messages, std::uint64_t bytes, std::uint64_t now_ms) {
  const auto c = config();
  Stripe& s = stripe(user);
  std::lock_guard lock(s.mutex);
  OfDevice& d = s.devices[device];
  d.messages.take(c->device_messages, messages, now_ms);
  d.bytes.take(c->device_bytes, bytes, now_ms);
  s.users[user].take(of_user(*c, role), messages, now_ms);
}

RateLimits::Verdict RateLimits::may_ask(const DeviceId& device, const UserId& user,
                                        std::uint64_t now_ms) {
  const auto c = config();
  Stripe& s = stripe(user);
  std::lock_guard lock(s.mutex);
  TokenBucket& bucket = s.devices[device].requests;
  if (const auto wait = bucket.wait_ms(c->device_requests, now_ms); wait > 0)
    return {Spent::requests, wait};
  bucket.take(c->device_requests, 1, now_ms);
  return {};
}

RateLimits::Verdict RateLimits::may_enrol(const CurvePublicKey& invite, std::uint64_t people,
                                          std::uint64_t now_ms) {
  Rate rate = config()->enrolments;
  rate.amount *= people;
  rate.burst *= people;
  std::lock_guard lock(invites_mutex_);
  TokenBucket& bucket = invites_[invite];
  if (const auto wait = bucket.wait_ms(rate, now_ms); wait > 0) return {Spent::enrolments, wait};
  bucket.take(rate, 1, now_ms);
  return {};
}

}  // namespace tertulia::broker
