// Peers that ask and do not read the answers, or subscribe and do not read the frames: what the
// broker keeps for them is bounded, and everybody else is served meanwhile.
#include "common/base/uuid7.hpp"
#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

struct Town {
  TestBroker broker;
  RawClient ana{broker.invite("ana")}, beto{broker.invite("beto")};
  RawClient mallory{broker.invite("mallory")};
  RoomId general;
  std::size_t rss_at_start = 0;
  Town() {
    for (RawClient* client : {&ana, &beto, &mallory}) client->join();
    general = ana.device.room("general").id;
    say_much(30);
    rss_at_start = broker.process().rss_kib();
  }

  // Messages of 30 KiB.
  void say_much(int count) {
    for (int i = 0; i < count; ++i) {
      const auto answer = ana.submit(general, {std::string(30 * 1024, 'x')});
      BOOST_REQUIRE_MESSAGE(answer && answer->has_ack(), describe(answer));
      ana.heard.clear();
    }
  }

  void check_growth(std::size_t max_kib) {
    const std::size_t now = broker.process().rss_kib();
    BOOST_TEST_MESSAGE("resident: " << rss_at_start << " KiB before, " << now << " KiB after");
#ifndef TERTULIA_SANITIZED
    BOOST_TEST(now < rss_at_start + max_kib);
#endif
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(slow)

BOOST_FIXTURE_TEST_CASE(who_asks_for_history_and_never_reads, Town) {
  Socket lazy(mallory.context(), mallory.device.keys.curve,
              {.type = SocketType::dealer,
               .address = mallory.device.commands,
               .server = mallory.device.server_curve,
               .lazy = true});
  pb::Request request;
  request.mutable_history()->set_room(std::string(as_text(general.view())));
  request.mutable_history()->set_from_room_seq(1);
  request.mutable_history()->set_limit(1000);
  for (int i = 0; i < 3'000; ++i) lazy.send(RawDevice::request_frame(random_request_id(), request));
  // Two who read talk a hundred times while that is worked on
  for (int i = 0; i < 100; ++i) check_neighbours(beto, ana);
  const auto page = beto.history(general, 1, 0, 1000);
  BOOST_REQUIRE(page);
  check_growth(64 * 1024);
}

BOOST_FIXTURE_TEST_CASE(who_subscribes_and_never_reads, Town) {
  Socket lazy(mallory.context(), mallory.device.keys.curve,
              {.type = SocketType::sub,
               .address = mallory.device.broadcast,
               .server = mallory.device.server_curve,
               .lazy = true});
  lazy.subscribe(mallory.device.room("general").topic.view());
  say_much(3'000);  // 90 MiB
  check_neighbours(beto, ana);
  check_growth(64 * 1024);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
