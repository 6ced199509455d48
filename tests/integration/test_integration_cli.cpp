// tertulia-cli's exit codes and what a script reads from it.
#include <fstream>

#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

struct Town {
  TestBroker broker;
  Cli ana{broker.temp(), "ana"};
  Town() { ana.enrol(broker.invite("ana")); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(cli)

BOOST_FIXTURE_TEST_CASE(done_is_0, Town) {
  const Ran who = ana.run({"whoami"});
  BOOST_TEST(who.code == 0, who.err);
  BOOST_TEST(who.out.find("ana") != std::string::npos, who.out);
  BOOST_TEST(who.out.find("prueba") != std::string::npos, who.out);
  const Ran rooms = ana.run({"rooms"});
  BOOST_TEST(rooms.code == 0, rooms.err);
  BOOST_TEST(rooms.out.find("general") != std::string::npos, rooms.out);
  BOOST_TEST(ana.run({"send", "general", "hola"}).code == 0);
  BOOST_TEST(ana.run({"history", "general"}).out.find("hola") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(an_ack_in_json_says_where_the_message_is, Town) {
  const Ran sent = ana.run({"send", "general", "-", "--json"}, "uno\ndos ñ\ntres 🎉\n");
  BOOST_REQUIRE_MESSAGE(sent.code == 0, sent.err);
  const auto acks = json_lines(sent.out);
  BOOST_REQUIRE_EQUAL(acks.size(), 3u);
  const Ran history = ana.run({"history", "general", "--json"});
  const auto messages = json_lines(history.out);
  BOOST_REQUIRE_EQUAL(messages.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    BOOST_TEST(acks[i].at("room_seq") == messages[i].at("room_seq"));
    BOOST_TEST(acks[i].at("seq") == messages[i].at("seq"));
    BOOST_TEST(acks[i].at("id") == messages[i].at("id"));
  }
  BOOST_TEST(messages[1].at("text").get<std::string>() == "dos ñ");
}

BOOST_FIXTURE_TEST_CASE(history_gives_the_newest_oldest_first, Town) {
  BOOST_REQUIRE_EQUAL(ana.run({"send", "general", "-"}, joined(numbered("n", 250))).code, 0);
  const Ran ran = ana.run({"history", "general", "--limit", "3", "--json"});
  BOOST_REQUIRE_MESSAGE(ran.code == 0, ran.err);
  std::vector<std::string> texts;
  for (const auto& m : json_lines(ran.out)) texts.push_back(m.at("text").get<std::string>());
  const std::vector<std::string> expected{"n 247", "n 248", "n 249"};
  BOOST_TEST(texts == expected, boost::test_tools::per_element());
  const Ran all = ana.run({"history", "general", "--limit", "250", "--json"});
  BOOST_TEST(json_lines(all.out).size() == 250u);
}

BOOST_FIXTURE_TEST_CASE(refused_is_1_with_a_reason, Town) {
  for (const auto& args :
       std::vector<std::vector<std::string>>{{"send", "no-such-room", "hola"},
                                             {"history", "no-such-room"},
                                             {"listen", "no-such-room", "--count", "1"}}) {
    const Ran ran = ana.run(args);
    BOOST_TEST(ran.code == 1, args[0] << ": exit " << ran.code << ": " << ran.err);
    BOOST_TEST(ran.err.find("no-such-room") != std::string::npos, ran.err);
  }
  const Ran big = ana.run({"send", "general", std::string(33 * 1024, 'x')});
  BOOST_TEST(big.code == 1, "exit " << big.code << ": " << big.err);
  BOOST_TEST(!big.err.empty());
  // What was refused does not stand in the way of the next
  const Ran next = ana.run({"send", "general", "hola", "--timeout", "20"});
  BOOST_TEST(next.code == 0, next.err);
}

BOOST_FIXTURE_TEST_CASE(usage_is_2, Town) {
  for (const auto& args :
       std::vector<std::vector<std::string>>{{},
                                             {"send"},
                                             {"send", "general"},
                                             {"--nonsense"},
                                             {"dance"},
                                             {"history", "general", "--limit", "many"},
                                             {"enrol"}}) {
    const Ran ran = ana.run(args);
    BOOST_TEST(ran.code == 2, (args.empty() ? "" : args[0]) << ": exit " << ran.code);
    BOOST_TEST(!(ran.err + ran.out).empty());
  }
  Cli nobody(broker.temp(), "nobody");
  const Ran ran = nobody.run({"send", "general", "hola", "--timeout", "2"});
  BOOST_TEST((ran.code == 1 || ran.code == 2), "a profile without an account: exit " << ran.code);
  BOOST_TEST(ran.err.find("enrol") != std::string::npos, ran.err);
}

BOOST_FIXTURE_TEST_CASE(not_reachable_is_3, Town) {
  BOOST_REQUIRE_EQUAL(ana.run({"send", "general", "antes"}).code, 0);
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  const Ran ran = ana.run({"send", "general", "hola", "--timeout", "1"});
  BOOST_TEST(ran.code == 3, "exit " << ran.code << ": " << ran.err);
  BOOST_TEST(!ran.err.empty());
  const Ran listen = ana.run({"listen", "general", "--count", "1", "--timeout", "1"});
  BOOST_TEST(listen.code == 3, "exit " << listen.code << ": " << listen.err);
  // The message stays and goes with the next
  broker.start();
  BOOST_REQUIRE_EQUAL(ana.run({"send", "general", "y otra"}).code, 0);
  const bool all = wait_until(
      [&] {
        return json_lines(ana.run({"history", "general", "--json"}).out).size() == 3;
      },
      20'000);
  BOOST_TEST(all);
}

BOOST_FIXTURE_TEST_CASE(partly_done_is_4_and_the_rest_stays, Town) {
  const auto lines = numbered("línea", 40);
  Process send = ana.start({"send", "general", "-", "--json", "--timeout", "2"}, true);
  BOOST_REQUIRE(send.write(joined({lines.begin(), lines.begin() + 20})));
  BOOST_REQUIRE(send.line(Deadline::in_ms(20'000)));
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  BOOST_REQUIRE(send.write(joined({lines.begin() + 20, lines.end()})));
  send.close_input();
  const auto code = send.wait(30'000);
  BOOST_TEST(code.value_or(-1) == 4, send.err());
  broker.start();
  BOOST_REQUIRE_EQUAL(ana.run({"send", "general", "fin"}).code, 0);
  std::vector<std::string> texts;
  const bool all = wait_until(
      [&] {
        texts.clear();
        for (const auto& m : json_lines(ana.run({"history", "general", "--json"}).out))
          texts.push_back(m.at("text").get<std::string>());
        return texts.size() == 41;
      },
      20'000);
  BOOST_TEST(all, texts.size() << " of 41");
  BOOST_TEST(beginning_with(texts, "línea") == lines, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_line_of_two_mebibytes_is_one_refusal_and_what_follows_is_sent, Town) {
  const std::string long_line(2 * 1024 * 1024, 'a');
  const Ran ran = ana.run({"send", "general", "-"}, "antes\n" + long_line + "\ndespués\n");
  BOOST_TEST(ran.code == 1, ran.err);
  BOOST_TEST(ran.err.find("1 refused: The message is too long.") != std::string::npos, ran.err);
  std::vector<std::string> texts;
  for (const auto& m : json_lines(ana.run({"history", "general", "--json"}).out))
    texts.push_back(m.at("text").get<std::string>());
  const std::vector<std::string> expected{"antes", "después"};
  BOOST_TEST(texts == expected, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(empty_input_sends_nothing, Town) {
  Process send = ana.start({"send", "general", "-"}, true);
  send.close_input();
  BOOST_TEST(send.wait(30'000).value_or(-1) == 0, send.err());
  BOOST_TEST(ana.run({"history", "general", "--json"}).out.empty());
}

BOOST_FIXTURE_TEST_CASE(enrolling_twice_in_one_profile_is_refused, Town) {
  const Ran ran = ana.run({"enrol", broker.invite("beto"), "--timeout", "10"});
  BOOST_TEST(ran.code != 0);
  BOOST_TEST(!ran.err.empty());
  BOOST_TEST(ana.run({"whoami"}).out.find("ana") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(presets_are_shown_with_their_place_and_locks_hold_against_options) {
  TempDir dir;
  Cli ana(dir, "ana");  // gives --profile
  std::ofstream(ana.presets()) << "[cli]\ntimeout_s = 5\n[presets]\nlocked = [\"cli.timeout_s\"]\n";
  const Ran shown = ana.run({"config"});
  BOOST_TEST(shown.code == 0, shown.err);
  BOOST_TEST(shown.err == "");
  BOOST_TEST(shown.out.find("timeout_s = 5 ") != std::string::npos, shown.out);
  BOOST_TEST(shown.out.find("# " + ana.presets().string() + ":2:13\n") != std::string::npos,
             shown.out);
  BOOST_TEST(shown.out.find("# command line\n") != std::string::npos, shown.out);
  const Ran refused = ana.run({"--timeout", "9", "config"});
  BOOST_TEST(refused.code == 2, "exit " << refused.code);
  BOOST_TEST(refused.err.find("--timeout cannot be used here") != std::string::npos, refused.err);

  std::ofstream(ana.presets()) << "[cli]\ntimeout = 5\n";
  const Ran broken = ana.run({"config"});
  BOOST_TEST(broken.code == 0, broken.err);
  BOOST_TEST(broken.err.find(ana.presets().string() + ":2:1: unknown key \"timeout\"") !=
                 std::string::npos,
             broken.err);
  BOOST_TEST(broken.out.find("timeout_s = 60 ") != std::string::npos, broken.out);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
