// What is sent arrives once, whatever happens to the broker or to the sender on the way.
#include <sqlite3.h>

#include <csignal>

#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

constexpr std::uint64_t kSendMs = 120'000;

// Rows in the profile's outbox, read as another process may.
std::size_t outbox_rows(const std::filesystem::path& profile) {
  std::size_t rows = 0;
  if (!std::filesystem::exists(profile)) return 0;
  for (const auto& file : std::filesystem::directory_iterator(profile)) {
    if (file.path().extension() != ".db") continue;
    sqlite3* db = nullptr;
    sqlite3_stmt* count = nullptr;
    if (sqlite3_open_v2(file.path().c_str(), &db, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK &&
        sqlite3_prepare_v2(db, "SELECT count(*) FROM outbox", -1, &count, nullptr) == SQLITE_OK &&
        sqlite3_step(count) == SQLITE_ROW)
      rows += static_cast<std::size_t>(sqlite3_column_int64(count, 0));
    sqlite3_finalize(count);
    sqlite3_close(db);
  }
  return rows;
}

struct Town {
  TestBroker broker;
  Cli ana{broker.temp(), "ana"};
  RawClient reader{broker.invite("reader")};
  Town() {
    ana.enrol(broker.invite("ana"));
    reader.join();
  }
  RoomId general() const { return reader.device.room("general").id; }
  // The room as the log has it, over a new connection.
  std::vector<std::string> room() {
    reader.disconnect();
    reader.rejoin();
    const auto all = reader.whole_history(general());
    check_dense(all);
    return texts_of(all);
  }
  std::size_t head() {
    pb::Request ping;
    ping.mutable_ping();
    const auto pong = reader.ask(ping);
    BOOST_REQUIRE_MESSAGE(pong && pong->has_pong(), describe(pong));
    return pong->pong().heads_size() == 0 ? 0 : pong->pong().heads(0).head_room_seq();
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(resend)

BOOST_FIXTURE_TEST_CASE(a_broker_restarted_in_the_middle_of_two_thousand_lines, Town) {
  const auto lines = numbered("línea", 2000);
  Process send = ana.start({"send", "general", "-", "--timeout", "60"}, true);
  BOOST_REQUIRE(send.write(joined({lines.begin(), lines.begin() + 1000})));
  BOOST_REQUIRE(wait_until([&] { return head() > 100; }, 30'000));
  broker.process().signal(SIGTERM);
  BOOST_REQUIRE(send.write(joined({lines.begin() + 1000, lines.end()})));
  send.close_input();
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  broker.start();
  const auto code = send.wait(kSendMs);
  BOOST_REQUIRE_MESSAGE(code == 0, "exit " << code.value_or(-1) << ": " << send.err());
  BOOST_TEST(room() == lines, boost::test_tools::per_element());
  BOOST_TEST(broker.verify() == "");
}

BOOST_FIXTURE_TEST_CASE(a_broker_killed_three_times_under_one_send, Town) {
  const auto lines = numbered("línea", 3000);
  Process send = ana.start({"send", "general", "-", "--timeout", "60"}, true);
  for (std::size_t part = 0; part < 3; ++part) {
    const std::size_t from = part * 1000;
    BOOST_REQUIRE(send.write(joined({lines.begin() + from, lines.begin() + from + 1000})));
    BOOST_REQUIRE(wait_until([&] { return head() > from; }, 30'000));
    broker.kill9();
    broker.start();
    reader.disconnect();
    reader.rejoin();
  }
  send.close_input();
  const auto code = send.wait(kSendMs);
  BOOST_REQUIRE_MESSAGE(code == 0, "exit " << code.value_or(-1) << ": " << send.err());
  BOOST_TEST(room() == lines, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(two_processes_of_one_profile_send_at_once, Town) {
  const auto first = numbered("uno", 300), second = numbered("dos", 300);
  Process one = ana.start({"send", "general", "-"}, true);
  Process two = ana.start({"send", "general", "-"}, true);
  BOOST_REQUIRE(one.write(joined(first)));
  BOOST_REQUIRE(two.write(joined(second)));
  one.close_input();
  two.close_input();
  BOOST_REQUIRE_MESSAGE(one.wait(kSendMs) == 0, one.err());
  BOOST_REQUIRE_MESSAGE(two.wait(kSendMs) == 0, two.err());
  const auto all = room();
  BOOST_TEST(all.size() == 600u);
  BOOST_TEST(beginning_with(all, "uno") == first, boost::test_tools::per_element());
  BOOST_TEST(beginning_with(all, "dos") == second, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(rows_of_a_killed_sender_are_adopted_by_the_next, Town) {
  BOOST_REQUIRE_EQUAL(ana.run({"send", "general", "antes"}).code, 0);
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  const auto orphans = numbered("huérfana", 20);
  Process send = ana.start({"send", "general", "-", "--timeout", "60"}, true);
  BOOST_REQUIRE(send.write(joined(orphans)));
  const bool stored = wait_until([&] { return outbox_rows(ana.profile()) == 20; }, 20'000);
  BOOST_REQUIRE_MESSAGE(stored, outbox_rows(ana.profile()) << " rows: " << send.err());
  send.kill9();
  broker.start();
  const Ran next = ana.run({"send", "general", "después"});
  BOOST_REQUIRE_MESSAGE(next.code == 0, next.err);
  const bool all_there = wait_until([&] { return room().size() == 22; }, 20'000);
  const auto all = room();
  BOOST_TEST(all_there, all.size() << " of 22");
  BOOST_TEST(beginning_with(all, "huérfana") == orphans, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(the_same_id_twice_gets_the_first_answer_again, Town) {
  auto& device = reader.device;
  Draft draft = device.draft(general(), {"una vez"});
  device.sign(draft);
  const auto first = reader.submit(draft);
  BOOST_REQUIRE_MESSAGE(first && first->has_ack(), describe(first));
  BOOST_REQUIRE(reader.submit(general(), {"otra"})->has_ack());
  const auto again = reader.submit(draft);
  BOOST_REQUIRE_MESSAGE(again && again->has_ack(), describe(again));
  BOOST_TEST(again->ack().seq() == first->ack().seq());
  BOOST_TEST(again->ack().first_room_seq() == first->ack().first_room_seq());
  BOOST_TEST(again->ack().logged_at_ms() == first->ack().logged_at_ms());
  // Signed again with a newer `seen`: the same content, the same answer
  draft.submission.seen_size = device.seen.size;
  draft.submission.seen_root = device.seen.root;
  device.sign(draft);
  const auto newer = reader.submit(draft);
  BOOST_REQUIRE_MESSAGE(newer && newer->has_ack(), describe(newer));
  BOOST_TEST(newer->ack().seq() == first->ack().seq());
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  broker.start();
  const auto expected = std::vector<std::string>{"una vez", "otra"};
  BOOST_TEST(room() == expected, boost::test_tools::per_element());
  const auto after_restart = reader.submit(draft);
  BOOST_REQUIRE_MESSAGE(after_restart && after_restart->has_ack(), describe(after_restart));
  BOOST_TEST(after_restart->ack().seq() == first->ack().seq());
  BOOST_TEST(room().size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(a_known_id_with_other_content_is_a_conflict, Town) {
  auto& device = reader.device;
  Draft draft = device.draft(general(), {"verdad"});
  device.sign(draft);
  BOOST_REQUIRE(reader.submit(draft)->has_ack());
  Draft other = device.draft(general(), {"mentira"});
  other.submission.id = draft.submission.id;
  device.sign(other);
  const auto answer = reader.submit(other);
  BOOST_TEST(is_error(answer, pb::CONFLICT), describe(answer));
  BOOST_TEST(room() == std::vector<std::string>{"verdad"}, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(sigterm_under_load_ends_well_and_keeps_what_was_acked, Town) {
  const auto lines = numbered("línea", 20'000);
  Process send = ana.start({"send", "general", "-", "--json", "--timeout", "5"}, true);
  BOOST_REQUIRE(send.write(joined({lines.begin(), lines.begin() + 5'000})));
  BOOST_REQUIRE(wait_until([&] { return head() > 100; }, 30'000));
  const auto started = Deadline::in_ms(20'000);  // ten times the figure
  broker.process().signal(SIGTERM);
  BOOST_TEST(broker.wait_exit(20'000).value_or(-1) == 0);
  BOOST_TEST(!started.over());
  send.kill9();
  const std::string acks = send.out();
  broker.start();
  const auto all = room();
  BOOST_TEST(std::set<std::string>(all.begin(), all.end()).size() == all.size());
  for (const auto& line : lines_of(acks)) {
    if (!line.ends_with("}")) continue;  // the kill came in the middle of it
    const auto ack = nlohmann::json::parse(line);
    const auto room_seq = ack.at("room_seq").get<std::size_t>();
    BOOST_REQUIRE_LE(room_seq, all.size());
    BOOST_REQUIRE_EQUAL(ack.at("text").get<std::string>(), all[room_seq - 1]);
  }
  BOOST_TEST(broker.verify() == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
