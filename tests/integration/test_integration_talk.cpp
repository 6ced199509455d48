// Two people talk through tertulia-cli: both hear the same, in the same order, once.
#include <regex>

#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

// `listen` says on stderr when it has caught up: from then on it prints what comes.
void wait_until_it_listens(Process& listen) {
  const bool listens =
      wait_until([&] { return listen.err().find("listening") != std::string::npos; }, 30'000);
  BOOST_REQUIRE_MESSAGE(listens, "listen does not say that it listens: " << listen.err());
}

// The next `count` lines.
std::vector<nlohmann::json> read_messages(Process& listen, std::size_t count) {
  std::vector<nlohmann::json> out;
  const auto deadline = Deadline::in_ms(30'000);
  while (out.size() < count) {
    const auto line = listen.line(deadline);
    BOOST_REQUIRE_MESSAGE(line, "listen ended early after " << out.size() << ": " << listen.err());
    out.push_back(nlohmann::json::parse(*line));
  }
  return out;
}

struct Town {
  TestBroker broker;
  Cli ana{broker.temp(), "ana"}, beto{broker.temp(), "beto"};
  Town() {
    ana.enrol(broker.invite("ana"));
    beto.enrol(broker.invite("beto"));
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(talk)

BOOST_FIXTURE_TEST_CASE(two_clients_hear_the_same_in_the_same_order, Town) {
  Process at_ana = ana.start({"listen", "general", "--json"});
  Process at_beto = beto.start({"listen", "general", "--json"});
  wait_until_it_listens(at_ana);
  wait_until_it_listens(at_beto);
  const std::vector<std::pair<Cli*, std::string>> said{
      {&ana, "¿Qué tal, mañana?"}, {&beto, "Bien 🎉 y tú?"},   {&ana, "una lista:\n- una\n- dos"},
      {&beto, "ñandú, pingüino"},  {&ana, "👩‍🚀 sube"}, {&beto, "fin\n\ncon línea vacía"}};
  for (const auto& [who, text] : said) {
    const Ran sent = who->run({"send", "general", text});
    BOOST_REQUIRE_MESSAGE(sent.code == 0, sent.err);
  }
  const auto heard_by_ana = read_messages(at_ana, said.size());
  const auto heard_by_beto = read_messages(at_beto, said.size());
  for (std::size_t i = 0; i < said.size(); ++i) {
    BOOST_TEST(heard_by_ana[i].at("text").get<std::string>() == said[i].second);
    BOOST_TEST(heard_by_ana[i] == heard_by_beto[i]);
    BOOST_TEST(heard_by_ana[i].at("sender").get<std::string>() ==
               (said[i].first == &ana ? "ana" : "beto"));
  }
  BOOST_TEST(at_ana.terminate(20'000).value_or(-1) == 0);
  BOOST_TEST(at_beto.terminate(20'000).value_or(-1) == 0);
}

BOOST_FIXTURE_TEST_CASE(a_json_line_has_every_field_in_its_form, Town) {
  BOOST_REQUIRE_EQUAL(ana.run({"send", "general", "hola"}).code, 0);
  const Ran ran = beto.run({"history", "general", "--json", "--limit", "5"});
  BOOST_REQUIRE_MESSAGE(ran.code == 0, ran.err);
  const auto lines = json_lines(ran.out);
  BOOST_REQUIRE_EQUAL(lines.size(), 1u);
  const auto& m = lines.front();
  BOOST_TEST(m.at("seq").get<std::uint64_t>() > 0);
  BOOST_TEST(m.at("room_seq").get<std::uint64_t>() == 1u);
  BOOST_TEST(m.at("room").get<std::string>() == "general");
  BOOST_TEST(m.at("sender").get<std::string>() == "ana");
  BOOST_TEST(m.at("text").get<std::string>() == "hola");
  BOOST_TEST(m.at("kind").get<std::string>() == "text");
  const std::regex hex("[0-9a-f]{32}[0-9a-f:/-]*"),
      time(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)");
  BOOST_TEST(std::regex_match(m.at("device").get<std::string>(), std::regex("[0-9a-f]{32}")));
  BOOST_TEST(std::regex_match(m.at("id").get<std::string>(), hex));
  BOOST_TEST(std::regex_match(m.at("sent_at").get<std::string>(), time));
  BOOST_TEST(std::regex_match(m.at("logged_at").get<std::string>(), time));
}

BOOST_FIXTURE_TEST_CASE(what_was_said_meanwhile_is_there_after_a_reconnect, Town) {
  Process at_beto = beto.start({"listen", "general", "--json"});
  wait_until_it_listens(at_beto);
  at_beto.kill9();
  const auto lines = numbered("meanwhile", 30);
  BOOST_REQUIRE_EQUAL(ana.run({"send", "general", "-"}, joined(lines)).code, 0);
  const Ran ran = beto.run({"history", "general", "--json", "--limit", "100"});
  BOOST_REQUIRE_MESSAGE(ran.code == 0, ran.err);
  std::vector<std::string> seen;
  for (const auto& m : json_lines(ran.out)) seen.push_back(m.at("text").get<std::string>());
  BOOST_TEST(beginning_with(seen, "meanwhile") == lines, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_listener_goes_on_after_the_broker_was_restarted, Town) {
  Process at_beto = beto.start({"listen", "general", "--json"});
  wait_until_it_listens(at_beto);
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  broker.start();
  const Ran sent = ana.run({"send", "general", "otra vez aquí"});
  BOOST_REQUIRE_MESSAGE(sent.code == 0, sent.err);
  const auto heard = read_messages(at_beto, 1);
  BOOST_TEST(heard.front().at("text").get<std::string>() == "otra vez aquí");
}

BOOST_FIXTURE_TEST_CASE(listen_with_a_count_ends_by_itself, Town) {
  Process at_beto = beto.start({"listen", "general", "--json", "--count", "3"});
  wait_until_it_listens(at_beto);
  const auto lines = numbered("count", 3);
  BOOST_REQUIRE_EQUAL(ana.run({"send", "general", "-"}, joined(lines)).code, 0);
  BOOST_TEST(at_beto.wait(20'000).value_or(-1) == 0);
  BOOST_TEST(lines_of(at_beto.out()).size() == 3u);
}

BOOST_FIXTURE_TEST_CASE(the_console_prints_who_said_what, Town) {
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  broker.options.console = true;
  broker.start();
  BOOST_REQUIRE_EQUAL(ana.run({"send", "general", "a la consola, señor"}).code, 0);
  const bool printed = wait_until(
      [&] {
        for (const auto& line : lines_of(broker.process().out()))
          if (line.find("a la consola, señor") != std::string::npos &&
              line.find("ana") != std::string::npos && line.find("general") != std::string::npos)
            return true;
        return false;
      },
      20'000);
  BOOST_TEST(printed, broker.process().out());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
