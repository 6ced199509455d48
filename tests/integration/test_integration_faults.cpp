// A disk that is full, or that fails: what was acked is there, what was not is said, nothing twice.
#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

struct Town {
  TestBroker broker{{.faults = true}};
  Cli ana{broker.temp(), "ana"};
  RawClient beto{broker.invite("beto")};
  RoomId general;
  Town() {
    ana.enrol(broker.invite("ana"));
    beto.join();
    general = beto.device.room("general").id;
    const auto first = beto.submit(general, {"antes"});
    BOOST_REQUIRE_MESSAGE(first && first->has_ack(), describe(first));
  }

  pb::Pong ping() {
    pb::Request request;
    request.mutable_ping();
    const auto reply = beto.ask(request);
    BOOST_REQUIRE_MESSAGE(reply && reply->has_pong(), describe(reply));
    return reply->pong();
  }
  std::vector<std::string> room() {
    beto.disconnect();
    beto.rejoin();
    const auto all = beto.whole_history(general);
    check_dense(all);
    return texts_of(all);
  }

  // A fault that must end the broker: no ack, a line, a code; then a clean start, and nothing twice.
  void check_fatal(const std::string& fault) {
    Process send = ana.start({"send", "general", "-", "--timeout", "90"}, true);
    const auto lines = numbered("línea", 200);
    Draft draft = beto.device.draft(general, {"en vuelo"});
    beto.device.sign(draft);
    broker.disk().set(fault);
    const auto answer = beto.submit(draft, 2'000);
    BOOST_TEST(!(answer && answer->has_ack()), "acked without a disk");
    const auto code = broker.wait_exit(20'000);
    BOOST_REQUIRE_MESSAGE(code, "the broker goes on on a disk that fails: " << broker.err());
    BOOST_TEST(*code != 0);
    BOOST_TEST(*code < 128, "the broker was ended by signal " << *code - 128);
    const auto said = lines_of(broker.err());
    BOOST_REQUIRE(!said.empty());
    BOOST_TEST_MESSAGE("the broker said: " << said.back());
    // Every line is a sentence of ours, none of the C++ runtime
    BOOST_TEST(broker.err().find("terminate called") == std::string::npos);
    BOOST_REQUIRE(send.write(joined(lines)));
    send.close_input();
    broker.disk().set("");
    broker.start();
    BOOST_TEST(broker.verify() == "");
    beto.disconnect();
    beto.rejoin();
    const auto again = beto.submit(draft);
    BOOST_REQUIRE_MESSAGE(again && again->has_ack(), describe(again));
    BOOST_REQUIRE_MESSAGE(send.wait(90'000) == 0, send.err());
    const auto all = room();
    BOOST_TEST(all.size() == 202u);
    BOOST_TEST(all.front() == "antes");
    BOOST_TEST(beginning_with(all, "línea") == lines, boost::test_tools::per_element());
    BOOST_TEST(beginning_with(all, "en vuelo").size() == 1u);
    BOOST_TEST(broker.verify() == "");
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(faults)

BOOST_FIXTURE_TEST_CASE(a_full_disk_is_read_only_with_a_reason_and_ends_by_itself, Town) {
  broker.disk().set("enospc");
  Draft draft = beto.device.draft(general, {"sin sitio"});
  beto.device.sign(draft);
  const auto refused = beto.submit(draft);
  BOOST_REQUIRE_MESSAGE(is_error(refused, pb::READ_ONLY), describe(refused));
  BOOST_TEST(!refused->error().text().empty());
  BOOST_TEST(refused->error().retry_after_ms() > 0u);
  BOOST_TEST_MESSAGE("refused: " << refused->error().text());
  const auto pong = ping();
  BOOST_TEST(pong.read_only());
  BOOST_TEST(!pong.read_only_reason().empty());
  const auto page = beto.history(general, 1, 0, 10);
  BOOST_REQUIRE(page);
  BOOST_TEST(texts_of(*page) == std::vector<std::string>{"antes"},
             boost::test_tools::per_element());
  // It stays like this for as long as the disk is full, and says so each time
  for (int i = 0; i < 20; ++i) BOOST_TEST(is_error(beto.submit(draft), pb::READ_ONLY));
  const auto lines = numbered("espera", 50);
  Process send = ana.start({"send", "general", "-", "--timeout", "90"}, true);
  BOOST_REQUIRE(send.write(joined(lines)));
  send.close_input();
  const Ran history = ana.run({"history", "general", "--json", "--limit", "10"});
  BOOST_TEST(history.code == 0, history.err);
  BOOST_TEST(broker.process().running());
  BOOST_TEST(send.running(), send.err());

  broker.disk().set("");
  BOOST_REQUIRE_MESSAGE(send.wait(60'000) == 0, send.err());
  const auto acked = beto.submit(draft);
  BOOST_REQUIRE_MESSAGE(acked && acked->has_ack(), describe(acked));
  BOOST_TEST(!ping().read_only());
  const auto all = room();
  BOOST_TEST(all.size() == 52u);
  BOOST_TEST(beginning_with(all, "espera") == lines, boost::test_tools::per_element());
  BOOST_TEST(broker.stop().value_or(-1) == 0);
  BOOST_TEST(broker.verify() == "");
}

BOOST_FIXTURE_TEST_CASE(a_disk_that_fills_again_and_again, Town) {
  std::vector<std::string> acked{"antes"};
  for (int i = 0; i < 10; ++i) {
    broker.disk().set("enospc");
    Draft draft = beto.device.draft(general, {fmt::format("vuelta {}", i)});
    beto.device.sign(draft);
    BOOST_REQUIRE(is_error(beto.submit(draft), pb::READ_ONLY));
    broker.disk().set("");
    const bool resumed = wait_until(
        [&] {
          const auto answer = beto.submit(draft);
          return answer && answer->has_ack();
        },
        30'000);
    BOOST_REQUIRE_MESSAGE(resumed, "still read-only: " << broker.err());
    acked.push_back(fmt::format("vuelta {}", i));
  }
  BOOST_TEST(room() == acked, boost::test_tools::per_element());
  BOOST_TEST(broker.verify() == "");
}

BOOST_FIXTURE_TEST_CASE(sigterm_on_a_full_disk_still_ends_the_broker, Town) {
  broker.disk().set("enospc");
  BOOST_REQUIRE(is_error(beto.submit(general, {"sin sitio"}), pb::READ_ONLY));
  const auto code = broker.stop();
  BOOST_REQUIRE_MESSAGE(code, "it does not end");
  BOOST_TEST(*code < 128);
  broker.disk().set("");
  broker.start();
  BOOST_TEST(room() == std::vector<std::string>{"antes"}, boost::test_tools::per_element());
  BOOST_TEST(broker.verify() == "");
}

BOOST_FIXTURE_TEST_CASE(a_failed_fsync_ends_the_broker_and_acks_nothing, Town) {
  check_fatal("eio_fsync");
}

BOOST_FIXTURE_TEST_CASE(a_failed_write_ends_the_broker_and_acks_nothing, Town) {
  check_fatal("eio_write");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
