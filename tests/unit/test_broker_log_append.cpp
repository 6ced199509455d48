#include "tests/unit/log_fixture.hpp"

using namespace tertulia;
using namespace tertulia::test;
using record::Kind;

BOOST_FIXTURE_TEST_SUITE(broker_log_append, LogFixture)

BOOST_AUTO_TEST_CASE(a_new_log_has_its_card_and_the_room_general) {
  BOOST_TEST(log->size() == 2u);
  BOOST_TEST(newest().size == 2u);
  BOOST_TEST(!general().is_zero());
  LogReader reader(options.database, data->keys().kek);
  std::vector<Kind> kinds;
  reader.for_each(0, [&](LogReader::StoredEntry&& entry) {
    kinds.push_back(record::decode_leaf(entry.leaf)->submission.messages[0].kind);
    BOOST_TEST(entry.bodies_readable);
    return true;
  });
  BOOST_TEST((kinds == std::vector{Kind::card, Kind::room_create}));
}

BOOST_AUTO_TEST_CASE(a_message_gets_its_place_and_a_checkpoint_above_it) {
  Member ana = enrol("ana");
  const auto before = log->size();
  const pb::Ack first = send(ana, {"one", "two"});
  const pb::Ack second = send(ana, {"three"});
  BOOST_TEST(first.seq() == before);
  BOOST_TEST(first.first_room_seq() == 1u);
  BOOST_TEST(first.logged_at_ms() == now_ms);
  BOOST_TEST(second.seq() == before + 1);
  BOOST_TEST(second.first_room_seq() == 3u);
  const auto checkpoint = merkle::open_checkpoint(second.checkpoint(), log->note_key());
  BOOST_REQUIRE(checkpoint);
  BOOST_TEST(checkpoint->size > second.seq());
  const auto& head = *cell.load()->room(general())->head;
  BOOST_TEST(head.room_seq == 3u);
  BOOST_TEST(head.seq == second.seq());
}

BOOST_AUTO_TEST_CASE(an_acked_message_is_there_after_a_restart) {
  Member ana = enrol("ana");
  send(ana, {"one", "two"});
  const auto size = log->size();
  const std::string checkpoint = *log->checkpoint();
  log->close();
  open();
  BOOST_TEST(log->size() == size);
  BOOST_TEST(*log->checkpoint() == checkpoint);
  BOOST_TEST(cell.load()->room(general())->head->room_seq == 2u);
  BOOST_TEST(send(ana, {"three"}).first_room_seq() == 3u);
}

BOOST_AUTO_TEST_CASE(history_gives_whole_entries) {
  Member ana = enrol("ana");
  for (int i = 0; i < 10; ++i) send(ana, {"a" + std::to_string(i), "b" + std::to_string(i)});
  LogReader reader(options.database, data->keys().kek);
  const auto texts = [&](std::uint64_t from, std::uint64_t before, std::uint32_t limit,
                         std::size_t bytes) {
    const Bytes page = reader.history(general(), from, before, limit, bytes);
    Reader r(page);
    std::string out;
    while (r.left() > 0) {
      const auto entry = record::read_entry(r);
      BOOST_REQUIRE(entry);
      for (const auto& body : entry->bodies) {
        pb::Body words;
        BOOST_REQUIRE(words.ParseFromArray(body.bytes.data(), static_cast<int>(body.bytes.size())));
        out += words.text() + " ";
      }
    }
    return out;
  };
  BOOST_TEST(texts(0, 0, 3, 100'000) == "a8 b8 a9 b9 ");
  BOOST_TEST(texts(0, 17, 2, 100'000) == "a7 b7 ");
  BOOST_TEST(texts(4, 0, 3, 100'000) == "a1 b1 a2 b2 ");
  BOOST_TEST(texts(4, 0, 100, 10) == "a1 b1 ");
  BOOST_TEST(texts(20, 0, 100, 100'000) == "a9 b9 ");
  BOOST_TEST(texts(21, 0, 100, 100'000) == "");
  BOOST_TEST(reader.history(RoomId{}, 1, 0, 10, 1000).empty());
}

BOOST_AUTO_TEST_SUITE_END()
