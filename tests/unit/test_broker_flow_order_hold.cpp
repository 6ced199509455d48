#include <boost/test/unit_test.hpp>

#include "broker/flow/order_hold.hpp"
#include "tests/unit/filled.hpp"

using namespace tertulia;
using broker::Asker;
using broker::OrderHold;

namespace {
const RoomId kRoom = tertulia::test::filled<RoomId>(1);
const RoomId kOtherRoom = tertulia::test::filled<RoomId>(2);

// Connections and requests by their numbers; requests rise with theirs.
Asker asker(std::uint32_t connection, std::uint8_t request) {
  Asker out;
  out.routing.length = 5;
  std::memcpy(out.routing.bytes.data() + 1, &connection, sizeof connection);
  out.request.data()[15] = request;
  return out;
}
}  // namespace

BOOST_AUTO_TEST_SUITE(order_hold)

BOOST_AUTO_TEST_CASE(what_was_sent_behind_a_refused_one_does_not_overtake_it) {
  OrderHold hold;
  BOOST_TEST(hold.empty());
  BOOST_TEST(hold.wait_ms(asker(1, 7), kRoom, 1000) == 0u);
  hold.refused(asker(1, 7), kRoom, 1000, 50);
  BOOST_TEST(!hold.empty());
  BOOST_TEST(hold.wait_ms(asker(1, 8), kRoom, 1001) > 0u);
  // However late it comes: it may have waited anywhere
  BOOST_TEST(hold.wait_ms(asker(1, 9), kRoom, 3000) > 0u);
  BOOST_TEST(hold.wait_ms(asker(2, 8), kRoom, 1001) == 0u);
  BOOST_TEST(hold.wait_ms(asker(1, 8), kOtherRoom, 1001) == 0u);
}

BOOST_AUTO_TEST_CASE(the_refused_one_itself_ends_the_hold) {
  OrderHold hold;
  hold.refused(asker(1, 7), kRoom, 1000, 50);
  BOOST_TEST(hold.wait_ms(asker(1, 7), kRoom, 1050) == 0u);
  BOOST_TEST(hold.empty());
  BOOST_TEST(hold.wait_ms(asker(1, 8), kRoom, 1051) == 0u);
}

BOOST_AUTO_TEST_CASE(one_that_was_sent_before_it_passes_and_ends_nothing) {
  OrderHold hold;
  hold.refused(asker(1, 7), kRoom, 1000, 50);
  BOOST_TEST(hold.wait_ms(asker(1, 6), kRoom, 1050) == 0u);
  BOOST_TEST(hold.wait_ms(asker(1, 8), kRoom, 1051) > 0u);
  // Refused in its turn, it is what the others wait for
  hold.refused(asker(1, 5), kRoom, 1060, 50);
  BOOST_TEST(hold.wait_ms(asker(1, 7), kRoom, 1070) == 0u);
}

BOOST_AUTO_TEST_CASE(a_client_that_sends_again_without_the_first_is_not_held) {
  OrderHold hold;
  hold.refused(asker(1, 7), kRoom, 1000, 50);
  BOOST_TEST(hold.wait_ms(asker(1, 8), kRoom, 1001) > 0u);
  BOOST_TEST(hold.wait_ms(asker(1, 9), kRoom, 9000) > 0u);  // was under way all the time
  BOOST_TEST(hold.wait_ms(asker(1, 8), kRoom, 9001) == 0u);
  BOOST_TEST(hold.empty());
}

BOOST_AUTO_TEST_CASE(who_is_held_is_told_how_long) {
  OrderHold hold;
  hold.refused(asker(1, 7), kRoom, 1000, 4'000);
  BOOST_TEST(hold.wait_ms(asker(1, 8), kRoom, 1'500) == 3'500u);
  BOOST_TEST(hold.wait_ms(asker(1, 9), kRoom, 4'990) == broker::busy_retry_ms);
}

BOOST_AUTO_TEST_CASE(who_never_asks_again_is_let_through_after_a_while) {
  OrderHold hold;
  hold.refused(asker(1, 7), kRoom, 1000, 50);
  // What a hold refuses does not prolong it
  BOOST_TEST(hold.wait_ms(asker(1, 8), kRoom, 1049 + OrderHold::longest_ms) > 0u);
  BOOST_TEST(hold.wait_ms(asker(1, 9), kRoom, 1050 + OrderHold::longest_ms) == 0u);
  BOOST_TEST(hold.empty());
}

BOOST_AUTO_TEST_CASE(a_connection_has_a_bounded_number_of_holds) {
  OrderHold hold;
  for (std::size_t i = 0; i <= OrderHold::rooms_max; ++i)
    hold.refused(asker(1, 7), tertulia::test::filled<RoomId>(static_cast<std::uint8_t>(i)), 1000 + i,
                 50);
  BOOST_TEST(hold.wait_ms(asker(1, 8), tertulia::test::filled<RoomId>(0), 1100) == 0u);
  BOOST_TEST(hold.wait_ms(asker(1, 8), tertulia::test::filled<RoomId>(1), 1100) > 0u);
}

BOOST_AUTO_TEST_CASE(connections_that_ended_are_forgotten) {
  OrderHold hold;
  for (std::uint32_t i = 0; i < 5'000; ++i) hold.refused(asker(i, 7), kRoom, i * 100ull, 50);
  BOOST_TEST(hold.wait_ms(asker(0, 8), kRoom, 500'000) == 0u);
  BOOST_TEST(hold.wait_ms(asker(4'999, 8), kRoom, 499'901) > 0u);
}

BOOST_AUTO_TEST_SUITE_END()
