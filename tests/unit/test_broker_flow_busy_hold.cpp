#include <boost/test/unit_test.hpp>

#include "broker/flow/busy_hold.hpp"
#include "tests/unit/filled.hpp"

using namespace tertulia;
using broker::BusyHold;

namespace {
CurvePublicKey key(std::uint8_t n) { return tertulia::test::filled<CurvePublicKey>(n); }
}  // namespace

BOOST_AUTO_TEST_SUITE(busy_hold)

BOOST_AUTO_TEST_CASE(what_was_sent_behind_a_refused_one_does_not_overtake_it) {
  BusyHold hold;
  BOOST_TEST(hold.empty());
  BOOST_TEST(!hold.holds(key(1), 1000));
  hold.refused(key(1), 1000, 50);
  BOOST_TEST(!hold.empty());
  BOOST_TEST(hold.holds(key(1), 1001));
  BOOST_TEST(hold.holds(key(1), 1049));
  BOOST_TEST(!hold.holds(key(2), 1001));
}

BOOST_AUTO_TEST_CASE(who_is_held_is_told_how_long) {
  BusyHold hold;
  hold.refused(key(1), 1000, 4'000);
  BOOST_TEST(hold.wait_ms(key(1), 1'500) == 3'500u);
  BOOST_TEST(hold.wait_ms(key(2), 1'500) == 0u);
  BOOST_TEST(hold.wait_ms(key(1), 5'000) == 0u);
}

BOOST_AUTO_TEST_CASE(what_a_hold_refuses_does_not_prolong_it) {
  BusyHold hold;
  hold.refused(key(1), 1000, 50);
  hold.refused(key(1), 1040, 50);
  BOOST_TEST(!hold.holds(key(1), 1050));
  BOOST_TEST(hold.empty());
}

BOOST_AUTO_TEST_CASE(holds_that_are_over_are_forgotten) {
  BusyHold hold;
  for (int i = 0; i < 5000; ++i) {
    CurvePublicKey k;
    std::memcpy(k.data(), &i, sizeof i);
    hold.refused(k, static_cast<std::uint64_t>(i) * 100, 50);
  }
  CurvePublicKey last;
  const int n = 4999;
  std::memcpy(last.data(), &n, sizeof n);
  BOOST_TEST(hold.holds(last, 499'901));
}

BOOST_AUTO_TEST_SUITE_END()
