#include <boost/test/unit_test.hpp>

#include "client/engine/timeline.hpp"

using namespace tertulia;
using namespace tertulia::client;

namespace {
Stretch stretch(std::uint64_t first, std::uint64_t last) {
  Stretch s{first, last, {}};
  for (auto n = first; n <= last; ++n) {
    Message m;
    m.room_seq = n;
    s.messages.push_back(m);
  }
  return s;
}
std::vector<std::uint64_t> numbers(const std::vector<Message>& messages) {
  std::vector<std::uint64_t> out;
  for (const auto& m : messages) out.push_back(m.room_seq);
  return out;
}
std::vector<std::uint64_t> offered(Timeline& t, std::uint64_t first, std::uint64_t last) {
  std::vector<Message> out;
  t.offer(stretch(first, last), out);
  return numbers(out);
}
using Numbers = std::vector<std::uint64_t>;
}  // namespace

BOOST_AUTO_TEST_SUITE(engine_timeline)

BOOST_AUTO_TEST_CASE(what_comes_in_order_passes_at_once) {
  Timeline t;
  BOOST_TEST(offered(t, 1, 2) == (Numbers{1, 2}));
  BOOST_TEST(offered(t, 3, 3) == (Numbers{3}));
  BOOST_TEST(t.delivered() == 3u);
  BOOST_TEST(t.missing() == 0u);
}

BOOST_AUTO_TEST_CASE(an_overlap_is_given_out_once) {
  Timeline t;
  offered(t, 1, 5);
  BOOST_TEST(offered(t, 1, 5).empty());
  BOOST_TEST(offered(t, 3, 7) == (Numbers{6, 7}));
  BOOST_TEST(!t.wants(2, 7));
  BOOST_TEST(t.wants(7, 8));
}

BOOST_AUTO_TEST_CASE(a_gap_parks_what_is_behind_it_until_it_is_mended) {
  Timeline t;
  offered(t, 1, 2);
  BOOST_TEST(offered(t, 8, 9).empty());
  BOOST_TEST(offered(t, 5, 5).empty());
  BOOST_TEST(t.missing() == 7u);
  BOOST_TEST(!t.wants(8, 9));  // parked: not verified twice
  BOOST_TEST(offered(t, 3, 4) == (Numbers{3, 4, 5}));
  BOOST_TEST(offered(t, 6, 8) == (Numbers{6, 7, 8, 9}));
  BOOST_TEST(t.missing() == 0u);
}

BOOST_AUTO_TEST_CASE(a_head_without_its_messages_is_a_gap) {
  Timeline t;
  t.start_at(10);
  t.note_head(12);
  t.note_head(11);
  BOOST_TEST(t.missing() == 2u);
  BOOST_TEST(offered(t, 11, 12) == (Numbers{11, 12}));
}

BOOST_AUTO_TEST_CASE(too_much_behind_a_gap_is_dropped_and_shows_as_missing) {
  Timeline t;
  const std::uint64_t end = 2 + 2 * Timeline::parked_max;
  for (std::uint64_t n = 3; n <= end; ++n) offered(t, n, n);
  BOOST_TEST(t.delivered() == 0u);
  BOOST_TEST(t.head() == end);
  BOOST_TEST(offered(t, 1, 2).back() == 2 + Timeline::parked_max);
  BOOST_TEST(t.missing() == Timeline::parked_max);
}

BOOST_AUTO_TEST_CASE(after_a_jump_the_newest_page_comes_and_older_ones_do_not) {
  Timeline t;
  t.start_at(5);
  t.note_head(1000);
  t.jump_to(901);
  BOOST_TEST(offered(t, 901, 903) == (Numbers{901, 902, 903}));
  BOOST_TEST(offered(t, 6, 7).empty());
  t.jump_to(10);  // never back
  BOOST_TEST(t.delivered() == 903u);
}

BOOST_AUTO_TEST_CASE(hidden_messages_count_but_are_not_given_out) {
  Timeline t;
  std::vector<Message> out;
  t.offer({1, 3, {}}, out);
  BOOST_TEST(out.empty());
  BOOST_TEST(offered(t, 4, 4) == (Numbers{4}));
}

BOOST_AUTO_TEST_SUITE_END()
