#include <boost/test/unit_test.hpp>

#include "broker/reader/fair_queue.hpp"
#include "tests/unit/filled.hpp"

using namespace tertulia;
using broker::FairQueue;
using broker::ReadRequest;

namespace {
CurvePublicKey key(std::uint8_t n) { return tertulia::test::filled<CurvePublicKey>(n); }
ReadRequest ask(std::uint8_t who, std::uint64_t what) {
  ReadRequest r;
  r.asker.key = key(who);
  r.what = broker::InclusionRead{what, what + 1};
  return r;
}
std::uint64_t what_of(const ReadRequest& r) { return std::get<broker::InclusionRead>(r.what).seq; }
}  // namespace

BOOST_AUTO_TEST_SUITE(fair_queue)

BOOST_AUTO_TEST_CASE(a_second_key_waits_for_one_answer_and_not_for_all_of_the_first) {
  FairQueue q;
  for (std::uint64_t i = 0; i < 50; ++i) BOOST_REQUIRE(q.add(ask(1, i)));
  BOOST_REQUIRE(q.add(ask(2, 1000)));
  BOOST_TEST(what_of(*q.next()) == 0u);
  BOOST_TEST(what_of(*q.next()) == 1000u);
  for (std::uint64_t i = 1; i < 50; ++i) BOOST_TEST(what_of(*q.next()) == i);
  BOOST_TEST(q.empty());
  BOOST_TEST(!q.next().has_value());
}

BOOST_AUTO_TEST_CASE(one_key_has_a_bound_that_others_do_not_feel) {
  FairQueue q;
  for (std::size_t i = 0; i < FairQueue::waiting_per_key_max; ++i) BOOST_REQUIRE(q.add(ask(1, i)));
  BOOST_TEST(!q.add(ask(1, 9999)));
  BOOST_TEST(q.add(ask(2, 1)));
  BOOST_TEST(what_of(*q.next()) == 0u);
  BOOST_TEST(q.add(ask(1, 9999)));
}

BOOST_AUTO_TEST_SUITE_END()
