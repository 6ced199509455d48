#include <boost/test/unit_test.hpp>
#include <set>

#include "common/base/uuid7.hpp"

using namespace tertulia;

namespace {
std::uint64_t ms_of(const SubmissionId& id) {
  Reader r(id.view());
  const std::uint64_t high = r.u32();
  return high << 16 | r.u16();
}
bool is_version_7(const SubmissionId& id) {
  return (id.bytes[6] & 0xF0) == 0x70 && (id.bytes[8] & 0xC0) == 0x80;
}
}  // namespace

BOOST_AUTO_TEST_SUITE(base_uuid7)

BOOST_AUTO_TEST_CASE(it_starts_with_the_clock) {
  const auto id = next_uuid7({}, 0x0123456789ABULL);
  BOOST_TEST(ms_of(id) == 0x0123456789ABULL);
  BOOST_TEST(is_version_7(id));
}

BOOST_AUTO_TEST_CASE(it_rises_within_one_millisecond) {
  SubmissionId last;
  for (int i = 0; i < 100000; ++i) {
    const auto id = next_uuid7(last, 1795408717123);
    BOOST_REQUIRE(id > last);
    BOOST_REQUIRE(is_version_7(id));
    last = id;
  }
  BOOST_TEST(ms_of(last) == 1795408717123u);
}

BOOST_AUTO_TEST_CASE(it_rises_when_the_clock_steps_back) {
  SubmissionId last;
  for (std::uint64_t now : {1000000u, 1000001u, 5u, 999999u, 1000001u, 0u, 1000002u}) {
    const auto id = next_uuid7(last, now);
    BOOST_TEST((id > last));
    BOOST_TEST(is_version_7(id));
    last = id;
  }
  BOOST_TEST(ms_of(last) == 1000002u);
}

// The largest random part that there is: the carry goes into the next part, and then into the time.
BOOST_AUTO_TEST_CASE(it_rises_over_every_border) {
  SubmissionId last;
  last.bytes.fill(0xFF);
  last.bytes[0] = 0x01;
  last.bytes[6] = 0x7F;
  last.bytes[8] = 0xBF;
  const auto id = next_uuid7(last, 17);
  BOOST_TEST((id > last));
  BOOST_TEST(is_version_7(id));
  BOOST_TEST(ms_of(id) == ms_of(last) + 1);
}

BOOST_AUTO_TEST_CASE(two_devices_do_not_meet) {
  std::set<SubmissionId> seen;
  for (int i = 0; i < 10000; ++i) seen.insert(next_uuid7({}, 1795408717123));
  BOOST_TEST(seen.size() == 10000u);
}

BOOST_AUTO_TEST_SUITE_END()
