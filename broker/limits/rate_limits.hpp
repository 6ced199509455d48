// RateLimits: token buckets of devices, users, bots and invites, which the workers share. Looked at
// before a frame is opened, so that whoever floods costs a table lookup and not a signature; paid
// when it has proved to be what it says. A frame that is refused is BUSY with the time to wait, never
// lost: the client sends it again under the same id.
//
// Any thread. A device's frames go to one worker and a user's devices to several, so the tables are
// striped by user, a mutex each. An entry for each device and user that has sent something since the
// start; there are no more than the directory has.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "broker/limits/token_bucket.hpp"
#include "common/base/bytes.hpp"
#include "common/record/act.hpp"

namespace tertulia::broker {

struct RateConfig {
  Rate device_messages, user_messages, bot_messages;
  Rate device_bytes;
  Rate device_requests;
  Rate enrolments;  // of one invite's key
};

class RateLimits {
 public:
  enum class Spent { nothing, messages, bytes, requests, enrolments };
  struct Verdict {
    Spent spent = Spent::nothing;
    std::uint32_t wait_ms = 0;
  };

  explicit RateLimits(const RateConfig& config) { set(config); }
  void set(const RateConfig& config);  // a reload

  // May a submission come? Then pay for what it held.
  Verdict may_submit(const DeviceId& device, const UserId& user, record::Role role,
                     std::uint64_t now_ms);
  void pay(const DeviceId& device, const UserId& user, record::Role role, std::uint64_t messages,
           std::uint64_t bytes, std::uint64_t now_ms);
  // May a request come? Paid at once.
  Verdict may_ask(const DeviceId& device, const UserId& user, std::uint64_t now_ms);
  // people: of an open class link, for how many it is. Each of them may try as often as somebody with
  // an invite of his own, and they have one key.
  Verdict may_enrol(const CurvePublicKey& invite, std::uint64_t people, std::uint64_t now_ms);

 private:
  struct OfDevice {
    TokenBucket messages, bytes, requests;
  };
  struct Stripe {
    std::mutex mutex;
    // Protected by mutex.
    std::unordered_map<DeviceId, OfDevice> devices;
    std::unordered_map<UserId, TokenBucket> users;
  };
  Stripe& stripe(const UserId& user) {
    return stripes_[std::hash<UserId>{}(user) % stripes_.size()];
  }
  static const Rate& of_user(const RateConfig& config, record::Role role) {
    return role == record::Role::bot ? config.bot_messages : config.user_messages;
  }
  std::shared_ptr<const RateConfig> config() const {
    std::lock_guard lock(config_mutex_);
    return config_;
  }

  mutable std::mutex config_mutex_;
  std::shared_ptr<const RateConfig> config_;  // protected by config_mutex_
  std::array<Stripe, 16> stripes_;
  std::mutex invites_mutex_;
  std::unordered_map<CurvePublicKey, TokenBucket> invites_;  // protected by invites_mutex_
};

}  // namespace tertulia::broker
