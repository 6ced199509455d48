// What is known of people now: who is there, how far each has read, what is to be written of it.
#include <boost/test/unit_test.hpp>

#include "broker/presence/presence.hpp"

using namespace tertulia;
using namespace tertulia::broker;

namespace {
template <class Id>
Id id(std::uint8_t n) {
  Id out;
  out.bytes.fill(n);
  return out;
}
struct Fixture {
  Presence presence{1000};
  const UserId ana = id<UserId>(1), beto = id<UserId>(2);
  const DeviceId desk = id<DeviceId>(3), laptop = id<DeviceId>(4), other = id<DeviceId>(5);
  const RoomId room = id<RoomId>(6), attic = id<RoomId>(7);
};
}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_presence, Fixture)

BOOST_AUTO_TEST_CASE(a_user_does_what_the_busiest_of_his_devices_says) {
  presence.tell(ana, desk, Activity::away, 0, 10'000);
  presence.tell(ana, laptop, Activity::active, 0, 20'000);
  auto now = presence.since(0, 0);
  BOOST_REQUIRE(now.people.size() == 1u);
  BOOST_TEST((now.people[0] == std::pair(ana, Activity::active)));
  presence.tell(ana, laptop, Activity::offline, 1'000, 0);
  const auto then = presence.since(now.version, 1'000);
  BOOST_REQUIRE(then.people.size() == 1u);
  BOOST_TEST((then.people[0].second == Activity::away));
}

BOOST_AUTO_TEST_CASE(who_says_nothing_more_is_gone_after_a_while) {
  presence.tell(ana, desk, Activity::active, 0, 17'000);
  const auto there = presence.since(0, 5'000);
  BOOST_TEST(presence.since(there.version, 16'999).people.empty());
  const auto gone = presence.since(there.version, 18'000);
  BOOST_REQUIRE(gone.people.size() == 1u);
  BOOST_TEST((gone.people[0].second == Activity::offline));
  BOOST_TEST(presence.since(0, 18'000).people.empty());  // a whole list has only who is there
}

BOOST_AUTO_TEST_CASE(a_version_of_another_start_gets_the_whole_list) {
  presence.tell(ana, desk, Activity::active, 0, 10'000);
  presence.tell(beto, other, Activity::away, 0, 10'000);
  BOOST_TEST(presence.since(999, 0).people.size() == 2u);     // an earlier one
  BOOST_TEST(presence.since(99'999, 0).people.size() == 2u);  // the clock was ahead then
}

BOOST_AUTO_TEST_CASE(what_was_written_is_not_written_again_and_what_was_not_is) {
  BOOST_TEST(presence.mark_read(ana, room, 5));
  BOOST_TEST(presence.mark_read(ana, room, 7));
  BOOST_TEST(!presence.mark_read(ana, room, 7));
  presence.saw(desk, 1'000'000);
  auto kept = presence.take_unwritten(false);
  BOOST_REQUIRE(kept.marks.size() == 1u);
  BOOST_TEST(kept.marks[0].room_seq == 7u);
  BOOST_REQUIRE(kept.seen.size() == 1u);
  BOOST_TEST(presence.take_unwritten(false).empty());
  presence.put_back(kept);  // the disk was full
  BOOST_TEST(presence.mark_read(ana, room, 9));
  const auto again = presence.take_unwritten(false);
  BOOST_REQUIRE(again.marks.size() == 1u);
  BOOST_TEST(again.marks[0].room_seq == 9u);
  BOOST_TEST(again.seen.size() == 1u);
  // A ping every few seconds is no reason to write every few seconds
  presence.saw(desk, 1'005'000);
  BOOST_TEST(presence.take_unwritten(false).empty());
  BOOST_TEST(presence.take_unwritten(true).seen.size() == 1u);

  Presence next{2000};
  next.load(again);
  BOOST_TEST(next.read_up_to(ana, room) == 9u);
  BOOST_TEST(next.read_up_to(ana, attic) == 0u);
  BOOST_TEST(next.read_up_to(beto, room) == 0u);
  BOOST_TEST(next.last_seen(desk) == 1'000'000u);
  BOOST_TEST(next.last_seen(other) == 0u);
}

BOOST_AUTO_TEST_CASE(who_is_writing_is_told_every_two_seconds_at_most) {
  BOOST_TEST(presence.types(ana, room, 1'000));
  BOOST_TEST(!presence.types(ana, room, 2'999));
  BOOST_TEST(presence.types(ana, attic, 2'999));
  BOOST_TEST(presence.types(beto, room, 2'999));
  BOOST_TEST(presence.types(ana, room, 3'000));
  BOOST_TEST(presence.types(ana, room, 100'000));  // after old ones were swept out
}

BOOST_AUTO_TEST_SUITE_END()
