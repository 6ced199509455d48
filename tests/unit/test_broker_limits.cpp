// Token buckets: what may be taken, how long the rest waits, and that neighbours do not notice.
#include <boost/test/unit_test.hpp>

#include "broker/limits/rate_limits.hpp"

using namespace tertulia;
using namespace tertulia::broker;
using record::Role;
using Spent = RateLimits::Spent;

namespace {
template <class Id>
Id id(std::uint8_t n) {
  Id out;
  out.bytes.fill(n);
  return out;
}
const UserId ana = id<UserId>(1), beto = id<UserId>(2);
const DeviceId desk = id<DeviceId>(3), laptop = id<DeviceId>(4), other = id<DeviceId>(5);

RateConfig config() {
  RateConfig c;
  c.device_messages = {10, 20};
  c.user_messages = {15, 30};
  c.bot_messages = {1, 2};
  c.device_bytes = {1000, 5000};
  c.device_requests = {5, 10};
  c.enrolments = {1, 3};
  return c;
}
// How many messages of one each get through at once.
int at_once(RateLimits& limits, const DeviceId& device, const UserId& user, Role role,
            std::uint64_t now_ms) {
  int n = 0;
  while (n < 1000 && limits.may_submit(device, user, role, now_ms).spent == Spent::nothing) {
    limits.pay(device, user, role, 1, 1, now_ms);
    ++n;
  }
  return n;
}
}  // namespace

BOOST_AUTO_TEST_SUITE(broker_limits)

BOOST_AUTO_TEST_CASE(a_burst_passes_and_then_the_rate) {
  RateLimits limits(config());
  BOOST_TEST(at_once(limits, desk, ana, Role::member, 1'000) == 20);
  const auto verdict = limits.may_submit(desk, ana, Role::member, 1'000);
  BOOST_TEST((verdict.spent == Spent::messages));
  BOOST_TEST(verdict.wait_ms == 100u);  // one in 100 ms
  BOOST_TEST((limits.may_submit(desk, ana, Role::member, 1'000 + verdict.wait_ms).spent ==
              Spent::nothing));
  int in_a_minute = 0;
  for (std::uint64_t ms = 1'000; ms <= 61'000; ms += 10)
    in_a_minute += at_once(limits, desk, ana, Role::member, ms);
  BOOST_TEST(in_a_minute >= 599);
  BOOST_TEST(in_a_minute <= 602);
}

BOOST_AUTO_TEST_CASE(a_large_submission_is_a_debt_that_is_waited_for) {
  RateLimits limits(config());
  limits.pay(desk, ana, Role::member, 64, 1, 1'000);
  const auto verdict = limits.may_submit(desk, ana, Role::member, 1'000);
  BOOST_TEST(verdict.wait_ms == 4'500u);  // 44 too many, and one to send, at 10 a second
  limits.pay(other, beto, Role::member, 1, 50'000, 1'000);
  const auto bytes = limits.may_submit(other, beto, Role::member, 1'000);
  BOOST_TEST((bytes.spent == Spent::bytes));
  BOOST_TEST(bytes.wait_ms == 45'001u);
}

BOOST_AUTO_TEST_CASE(the_devices_of_a_user_share_his_rate_and_others_do_not_notice) {
  RateLimits limits(config());
  BOOST_TEST(at_once(limits, desk, ana, Role::member, 0) == 20);
  BOOST_TEST(at_once(limits, laptop, ana, Role::member, 0) == 10);
  BOOST_TEST(at_once(limits, other, beto, Role::member, 0) == 20);
}

BOOST_AUTO_TEST_CASE(bots_and_requests_and_enrolments_have_rates_of_their_own) {
  RateLimits limits(config());
  BOOST_TEST(at_once(limits, desk, ana, Role::bot, 0) == 2);
  for (int i = 0; i < 10; ++i) BOOST_TEST((limits.may_ask(desk, ana, 0).spent == Spent::nothing));
  BOOST_TEST((limits.may_ask(desk, ana, 0).spent == Spent::requests));
  BOOST_TEST((limits.may_ask(laptop, ana, 0).spent == Spent::nothing));
  const auto invite = id<CurvePublicKey>(9);
  for (int i = 0; i < 3; ++i) BOOST_TEST((limits.may_enrol(invite, 1, 0).spent == Spent::nothing));
  BOOST_TEST((limits.may_enrol(invite, 1, 0).spent == Spent::enrolments));
  BOOST_TEST((limits.may_enrol(id<CurvePublicKey>(8), 1, 0).spent == Spent::nothing));
}

BOOST_AUTO_TEST_CASE(a_class_link_has_the_tries_of_all_whom_it_is_for) {
  RateLimits limits(config());
  const auto link = id<CurvePublicKey>(9);
  for (int i = 0; i < 3 * 30; ++i)
    BOOST_TEST((limits.may_enrol(link, 30, 0).spent == Spent::nothing));
  const auto refused = limits.may_enrol(link, 30, 0);
  BOOST_TEST((refused.spent == Spent::enrolments));
  BOOST_TEST((limits.may_enrol(link, 30, refused.wait_ms).spent == Spent::nothing));
  while (limits.may_enrol(link, 30, refused.wait_ms).spent == Spent::nothing) {
  }
  // It has ended: whoever asks on is one asker
  BOOST_TEST(limits.may_enrol(link, 1, refused.wait_ms).wait_ms >
             10 * limits.may_enrol(link, 30, refused.wait_ms).wait_ms);
}

BOOST_AUTO_TEST_CASE(a_reload_changes_the_rates_and_zero_is_none) {
  RateLimits limits(config());
  BOOST_TEST(at_once(limits, desk, ana, Role::member, 0) == 20);
  limits.set({});
  BOOST_TEST(at_once(limits, desk, ana, Role::member, 0) == 1000);
  RateConfig slow = config();
  slow.device_messages = {1, 1};
  limits.set(slow);
  BOOST_TEST(at_once(limits, desk, ana, Role::member, 600'000) == 1);
}

BOOST_AUTO_TEST_SUITE_END()
