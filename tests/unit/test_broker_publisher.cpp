// Packing of commits into broadcast frames, and the console's lines.
#include <boost/test/unit_test.hpp>

#include "broker/publisher/console.hpp"
#include "broker/publisher/packing.hpp"
#include "tests/unit/broker_fixture.hpp"

using namespace tertulia;
using namespace tertulia::broker;

namespace {
struct Fixture : test::BrokerFixture {
  CommittedEntry entry(const RoomId& room, std::uint64_t room_seq, std::size_t bytes) {
    CommittedEntry e;
    e.room = room;
    e.first_room_seq = room_seq;
    e.leaf = Bytes(100, static_cast<std::uint8_t>(room_seq));
    e.bodies.push_back({record::BodyState::present, {}, Bytes(bytes, 'x')});
    return e;
  }
  std::shared_ptr<const Directory> snapshot() {
    return std::make_shared<const Directory>(directory);
  }
};
const auto everybody = [](const Topic&) { return true; };
}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_publisher, Fixture)

BOOST_AUTO_TEST_CASE(commits_that_have_arrived_make_one_frame_a_room) {
  std::vector<Committed> batch(2);
  batch[0] = {snapshot(), {entry(general, 1, 10), entry(cellar, 1, 10), entry(general, 2, 10)}};
  batch[1] = {snapshot(), {entry(general, 3, 10)}};
  const auto packs = pack(batch, everybody);
  BOOST_REQUIRE(packs.size() == 2u);
  BOOST_TEST((packs[0].room == general));
  BOOST_TEST(packs[0].count == 3);
  BOOST_TEST(packs[0].first_room_seq == 1u);
  Bytes expected;
  for (const auto* e : {&batch[0].entries[0], &batch[0].entries[2], &batch[1].entries[0]})
    record::append_entry(expected, e->leaf, e->bodies);
  BOOST_TEST(packs[0].entries == expected);
  BOOST_TEST(packs[1].count == 1);
}

BOOST_AUTO_TEST_CASE(a_frame_stays_below_its_limit_and_in_order) {
  Committed commit{snapshot(), {}};
  for (std::uint64_t i = 1; i <= 40; ++i) commit.entries.push_back(entry(general, i, 30'000));
  std::vector<Committed> batch;
  batch.push_back(std::move(commit));
  std::uint64_t next = 1;
  for (const auto& p : pack(batch, everybody)) {
    BOOST_TEST(p.first_room_seq == next);
    next += p.count;
    wire::DownHeader header;
    header.count = p.count;
    const Bytes frame =
        wire::seal_down(p.topics.at(0), header, p.keys->current, server, p.room, p.entries);
    BOOST_TEST(frame.size() <= wire::down_frame_bytes_max);
    BOOST_TEST(wire::decode_down(frame).has_value());
  }
  BOOST_TEST(next == 41u);
}

BOOST_AUTO_TEST_CASE(a_frame_never_spans_two_keys) {
  std::vector<Committed> batch(2);
  batch[0] = {snapshot(), {entry(general, 1, 10)}};
  auto renewed = std::make_shared<Room>(*directory.room(general));
  renewed->keys = std::make_shared<RoomKeys>(
      RoomKeys{crypto::RoomKey(crypto::Seed::random()), renewed->keys->current});
  directory.rooms[general] = renewed;
  batch[1] = {snapshot(), {entry(general, 2, 10)}};
  const auto packs = pack(batch, everybody);
  BOOST_REQUIRE(packs.size() == 2u);
  BOOST_TEST((packs[0].keys->current.id == renewed->keys->previous->id));
  BOOST_TEST((packs[1].keys->current.id == renewed->keys->current.id));
  BOOST_TEST(packs[1].first_room_seq == 2u);
}

BOOST_AUTO_TEST_CASE(a_frame_has_no_gap) {
  // The commit with 2 found no place in the publisher's queue.
  std::vector<Committed> batch(2);
  batch[0] = {snapshot(), {entry(general, 1, 10)}};
  batch[1] = {snapshot(), {entry(general, 3, 10)}};
  const auto packs = pack(batch, everybody);
  BOOST_REQUIRE(packs.size() == 2u);
  BOOST_TEST(packs[0].count == 1);
  BOOST_TEST(packs[1].first_room_seq == 3u);
}

BOOST_AUTO_TEST_CASE(what_nobody_hears_is_not_packed) {
  std::vector<Committed> batch(1);
  batch[0] = {snapshot(), {entry(general, 1, 10), entry(cellar, 1, 10)}};
  const Topic heard = directory.room(cellar)->topic;
  const auto packs = pack(batch, [&](const Topic& t) { return t == heard; });
  BOOST_REQUIRE(packs.size() == 1u);
  BOOST_TEST((packs[0].room == cellar));
}

BOOST_AUTO_TEST_CASE(a_console_line_is_one_line_and_harmless) {
  const std::string line =
      console_line(0, "general", "ana", "uno\ndos\x1b[2J\x7f ñ 🙂 \xc2\x9b");
  // RFC 3339 with its offset, whatever the zone of the machine
  const std::string time = line.substr(0, line.find(' '));
  BOOST_TEST(time.size() == std::string("1970-01-01T00:00:00+00:00").size());
  BOOST_TEST(std::string("+-").find(time[19]) != std::string::npos, time);
  BOOST_TEST(line.substr(time.size()) == " general ana: uno⏎ dos\\x1b[2J\\x7f ñ 🙂 \\u009b\n");
}

BOOST_AUTO_TEST_SUITE_END()
