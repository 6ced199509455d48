// Rooms, members, devices and their ends, with real clients: who is in hears, who is out is out.
#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

constexpr std::uint64_t kMsMax = 20'000;

struct Town {
  TestBroker broker;
  Cli ana{broker.temp(), "ana"}, beto{broker.temp(), "beto"}, carla{broker.temp(), "carla"};
  Town() {
    ana.enrol(broker.invite("ana"));
    beto.enrol(broker.invite("beto"));
    carla.enrol(broker.invite("carla"));
  }
  ~Town() { BOOST_TEST(broker.verify() == ""); }

  static void good(const Ran& ran) { BOOST_TEST(ran.code == 0, ran.err); }
  static void refused(const Ran& ran, const std::string& why) {
    BOOST_TEST(ran.code == 1);
    BOOST_TEST(ran.err.find(why) != std::string::npos, ran.err);
  }
  static std::vector<std::string> said(Cli& who, const std::string& room) {
    std::vector<std::string> out;
    for (const auto& m : json_lines(who.run({"history", room, "--json"}).out))
      out.push_back(m.at("text").get<std::string>());
    return out;
  }
};

using Words = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(rooms)

BOOST_FIXTURE_TEST_CASE(a_room_is_made_joined_written_to_and_left, Town) {
  good(beto.run({"room", "create", "cocina", "--topic", "Lo que se come"}));
  refused(carla.run({"send", "cocina", "hola"}), "You are in no room");
  BOOST_TEST(carla.run({"rooms", "--all"}).out.find("cocina") != std::string::npos);
  good(carla.run({"join", "cocina"}));
  good(carla.run({"send", "cocina", "hola"}));
  good(beto.run({"send", "cocina", "qué tal"}));
  BOOST_TEST(said(carla, "cocina") == (Words{"hola", "qué tal"}));
  refused(carla.run({"room", "change", "cocina", "--topic", "mía"}), "You may not");
  good(beto.run({"room", "change", "cocina", "--name", "la cocina"}));
  good(carla.run({"leave", "la cocina"}));
  refused(carla.run({"send", "la cocina", "adiós"}), "You are in no room");
}

BOOST_FIXTURE_TEST_CASE(a_private_room_is_for_those_who_were_added, Town) {
  good(beto.run({"room", "create", "sótano", "--kind", "private"}));
  BOOST_TEST(carla.run({"rooms", "--all"}).out.find("sótano") == std::string::npos);
  refused(carla.run({"join", "sótano"}), "There is no room");
  good(beto.run({"room", "add", "sótano", "carla"}));
  good(carla.run({"send", "sótano", "gracias"}));
  good(beto.run({"room", "remove", "sótano", "carla"}));
  refused(carla.run({"send", "sótano", "¿por qué?"}), "not a member");
  BOOST_TEST(said(beto, "sótano") == (Words{"gracias"}));
}

BOOST_FIXTURE_TEST_CASE(whoever_is_added_hears_at_once_and_whoever_is_removed_no_more, Town) {
  good(beto.run({"room", "create", "taller", "--kind", "private"}));
  Process listening = carla.start({"listen", "--json"});
  BOOST_REQUIRE(
      wait_until([&] { return listening.err().find("listening") != std::string::npos; }, kMsMax));
  good(beto.run({"room", "add", "taller", "carla"}));
  good(beto.run({"send", "taller", "para carla"}));
  BOOST_REQUIRE(
      wait_until([&] { return listening.out().find("para carla") != std::string::npos; }, kMsMax));
  good(beto.run({"room", "remove", "taller", "carla"}));
  good(beto.run({"send", "taller", "sin carla"}));
  // In a room that both are in: when it has come, what came before it would have come too
  good(beto.run({"send", "general", "fin"}));
  BOOST_REQUIRE(
      wait_until([&] { return listening.out().find("fin") != std::string::npos; }, kMsMax));
  BOOST_TEST(listening.out().find("sin carla") == std::string::npos);
  BOOST_TEST(listening.terminate(kMsMax).has_value());
}

BOOST_FIXTURE_TEST_CASE(an_auditor_reads_every_room_and_the_record_says_so, Town) {
  Cli auditor{broker.temp(), "iris"};
  auditor.enrol(broker.invite("iris", "auditor"));
  good(beto.run({"room", "create", "sótano", "--kind", "private"}));
  good(beto.run({"send", "sótano", "abajo"}));
  good(beto.run({"direct", "carla"}));
  good(beto.run({"send", "@carla", "entre nosotros"}));
  const auto reads = [&] {
    const std::string told = broker.err();
    std::size_t count = 0;
    for (std::size_t at = 0; (at = told.find("auditor_read for iris", at)) != told.npos; ++at)
      ++count;
    return count;
  };
  BOOST_TEST(reads() == 0u);
  BOOST_TEST(said(auditor, "sótano") == (Words{"abajo"}));
  BOOST_TEST(said(auditor, "@beto, carla") == (Words{"entre nosotros"}));
  BOOST_TEST(reads() == 2u);
  // What is said later, page by page, and from a cache that holds some of it
  good(beto.run({"send", "sótano", "-"}, joined(numbered("línea", 1'500))));
  const Ran all = auditor.run({"history", "sótano", "--limit", "5000", "--json"});
  good(all);
  BOOST_TEST(json_lines(all.out).size() == 1'501u);
  BOOST_TEST(reads() <= 4u);  // two, or two more when an hour began meanwhile
  refused(auditor.run({"send", "sótano", "yo también"}), "You are in no room");
  refused(ana.run({"history", "sótano"}), "You are in no room");
}

BOOST_FIXTURE_TEST_CASE(the_same_people_have_the_same_direct_room, Town) {
  const Ran first = ana.run({"direct", "beto"});
  good(first);
  BOOST_TEST(first.out == "@beto\n");
  BOOST_TEST(beto.run({"direct", "ana"}).out == "@ana\n");
  Process listening = beto.start({"listen", "--json"});
  BOOST_REQUIRE(
      wait_until([&] { return listening.err().find("listening") != std::string::npos; }, kMsMax));
  good(ana.run({"send", "@beto", "solo para ti"}));
  BOOST_REQUIRE(wait_until(
      [&] { return listening.out().find("solo para ti") != std::string::npos; }, kMsMax));
  BOOST_TEST(listening.terminate(kMsMax).has_value());
  BOOST_TEST(said(beto, "@ana") == (Words{"solo para ti"}));
  // Three are another room than two
  BOOST_TEST(ana.run({"direct", "beto", "carla"}).out.find("carla") != std::string::npos);
  BOOST_TEST(said(beto, "@ana").size() == 1u);
  refused(ana.run({"direct", "nobody"}), "There is no user nobody");
}

BOOST_FIXTURE_TEST_CASE(what_is_read_on_one_device_is_read_on_the_others, Town) {
  Cli laptop{broker.temp(), "ana-laptop"};
  laptop.enrol(broker.invite("ana"));
  for (const char* text : {"uno", "dos", "tres"}) good(beto.run({"send", "general", text}));
  const auto unread = [](Cli& who) {
    return json_lines(who.run({"rooms", "--json"}).out).at(0).at("unread").get<std::uint64_t>();
  };
  BOOST_TEST(unread(ana) == 3u);
  good(ana.run({"read", "general", "2"}));
  BOOST_TEST(unread(laptop) == 1u);
  good(laptop.run({"read", "general"}));
  BOOST_TEST(unread(ana) == 0u);
  BOOST_TEST(unread(beto) == 3u);  // the cli that only sends does not read
  // Not in the log, and there after a stop all the same; after a crash a client says it again
  BOOST_TEST((broker.stop() == 0));
  broker.start();
  Cli desk{broker.temp(), "ana-desk"};
  desk.enrol(broker.invite("ana"));
  BOOST_TEST(unread(desk) == 0u);
  refused(ana.run({"read", "nowhere"}), "You are in no room");
}

BOOST_FIXTURE_TEST_CASE(who_is_there_is_told_unless_he_does_not_want_it, Town) {
  Process watching = carla.start({"listen", "--activity", "--json"});
  BOOST_REQUIRE(
      wait_until([&] { return watching.err().find("listening") != std::string::npos; }, kMsMax));
  const auto activity_of = [&](const std::string& user) {
    for (const auto& person : json_lines(ana.run({"who", "--json"}).out))
      if (person.at("user") == user) return person.at("activity").get<std::string>();
    return std::string("no such user");
  };
  BOOST_TEST(activity_of("beto") == "not there");
  {
    Process there = beto.start({"listen", "--active"});
    BOOST_REQUIRE(wait_until([&] { return activity_of("beto") == "there"; }, kMsMax));
    BOOST_REQUIRE(wait_until(
        [&] {
          return watching.out().find(R"({"user":"beto","activity":"there"})") != std::string::npos;
        },
        kMsMax));
    good(beto.run({"sharing", "--presence", "no"}));  // for programs that start after it
    BOOST_TEST(there.terminate(kMsMax).has_value());
  }
  Process hidden = beto.start({"listen", "--active"});
  BOOST_REQUIRE(
      wait_until([&] { return hidden.err().find("listening") != std::string::npos; }, kMsMax));
  BOOST_REQUIRE(wait_until([&] { return activity_of("beto") == "not there"; }, 2 * kMsMax));
  const auto devices = json_lines(beto.run({"devices", "--json"}).out);
  BOOST_TEST(devices.at(0).at("last_seen_ms").get<std::uint64_t>() > 0u);
  BOOST_TEST(hidden.terminate(kMsMax).has_value());
  BOOST_TEST(watching.terminate(kMsMax).has_value());
}

BOOST_FIXTURE_TEST_CASE(the_past_is_read_only_where_the_room_says_so, Town) {
  good(beto.run({"room", "create", "diario", "--past-readable", "no"}));
  good(beto.run({"send", "diario", "antes"}));
  good(carla.run({"join", "diario"}));
  good(beto.run({"send", "diario", "después"}));
  BOOST_TEST(said(carla, "diario") == (Words{"después"}));
  BOOST_TEST(said(beto, "diario") == (Words{"antes", "después"}));
  const Ran since = carla.run({"listen", "diario", "--since", "1", "--count", "1", "--json"});
  BOOST_TEST(since.out.find("después") != std::string::npos, since.out);
}

BOOST_FIXTURE_TEST_CASE(in_an_announcement_room_few_write_and_all_read, Town) {
  good(broker.ctl({"room", "create", "avisos", "--kind", "announcement", "--owner", "beto"}));
  good(carla.run({"join", "avisos"}));
  refused(carla.run({"send", "avisos", "yo también"}), "You may not write");
  good(beto.run({"send", "avisos", "mañana cerrado"}));
  good(beto.run({"room", "add", "avisos", "carla", "--as", "writer"}));
  good(carla.run({"send", "avisos", "hoy abierto"}));
  BOOST_TEST(said(carla, "avisos") == (Words{"mañana cerrado", "hoy abierto"}));
}

BOOST_FIXTURE_TEST_CASE(a_revoked_device_and_a_disabled_user_are_out_at_once, Town) {
  Process listening = carla.start({"listen"});
  BOOST_REQUIRE(
      wait_until([&] { return listening.err().find("listening") != std::string::npos; }, kMsMax));
  const auto devices = json_lines(carla.run({"devices", "--json"}).out);
  BOOST_REQUIRE_EQUAL(devices.size(), 1u);
  const std::string id = devices[0].at("device").get<std::string>();
  BOOST_TEST(broker.ctl({"device", "revoke", id}).code == 2);  // not without being asked
  good(broker.ctl({"device", "revoke", id, "--yes", "--reason", "lost"}));
  const auto code = listening.wait(kMsMax);
  BOOST_REQUIRE(code.has_value());
  BOOST_TEST(*code == 1, listening.err());
  BOOST_TEST(broker.ctl({"metrics"}).out.find("reason=\"revoked\"} 0") == std::string::npos);

  Process other = beto.start({"listen"});
  BOOST_REQUIRE(
      wait_until([&] { return other.err().find("listening") != std::string::npos; }, kMsMax));
  good(broker.ctl({"user", "disable", "beto", "--yes"}));
  BOOST_TEST(other.wait(kMsMax).value_or(-1) == 1);
  refused(ana.run({"direct", "beto"}), "disabled");
  good(broker.ctl({"user", "enable", "beto"}));
  good(beto.run({"send", "general", "de vuelta"}));
}

BOOST_FIXTURE_TEST_CASE(an_administrator_sees_and_changes_people_and_rooms, Town) {
  good(broker.ctl({"user", "role", "carla", "guest"}));
  BOOST_TEST(carla.run({"room", "create", "mía"}).code == 1);
  good(broker.ctl({"user", "rename", "carla", "carmen"}));
  good(broker.ctl({"room", "create", "obra", "--for-newcomers", "yes"}));
  broker.invite("dario");
  good(broker.ctl({"invite", "eva", "--role", "guest", "--rooms", "obra"}));
  const Ran shown = broker.ctl({"--json", "room", "show", "obra"});
  BOOST_REQUIRE_EQUAL(json_lines(shown.out).size(), 1u);
  BOOST_TEST(json_lines(shown.out)[0].at("members") == 2);
  BOOST_TEST(broker.ctl({"room", "list"}).out.find("for newcomers") != std::string::npos);
  BOOST_TEST(broker.ctl({"user", "list"}).out.find("carmen") != std::string::npos);
  BOOST_TEST(broker.ctl({"user", "show", "eva"}).out.find("obra") != std::string::npos);
  BOOST_TEST(broker.ctl({"device", "list", "ana"}).out.find("live") != std::string::npos);
  good(broker.ctl({"room", "add", "obra", "ana"}));
  good(broker.ctl({"key", "rotate", "room", "obra"}));
  good(ana.run({"send", "obra", "con llave nueva"}));
  good(broker.ctl({"room", "remove", "obra", "ana"}));
  good(broker.ctl({"room", "archive", "obra", "--yes"}));
  // Without a terminal nobody is asked, and what destroys is not done unless it was meant
  for (const auto& unsaid :
       {Words{"user", "disable", "ana"}, Words{"room", "archive", "general"}}) {
    const Ran ran = broker.ctl(unsaid);
    BOOST_TEST(ran.code == 2, unsaid[1]);
    BOOST_TEST(ran.err.find("--yes") != std::string::npos, ran.err);
  }
  good(ana.run({"send", "general", "aquí sigo"}));
  for (const auto& wrong :
       {Words{"user", "show", "nobody"}, Words{"room", "show", "nowhere"},
        Words{"room", "create", "GENERAL"}, Words{"user", "disable", "nobody", "--yes"},
        Words{"device", "revoke", "0123456789", "--yes"}})
    BOOST_TEST(broker.ctl(wrong).code == 1, wrong[1]);
}

BOOST_FIXTURE_TEST_CASE(rooms_and_people_are_there_after_a_restart, Town) {
  good(beto.run({"room", "create", "cocina"}));
  good(carla.run({"join", "cocina"}));
  good(ana.run({"direct", "beto"}));
  BOOST_REQUIRE(broker.stop() == std::optional<int>(0));
  broker.start();
  good(carla.run({"send", "cocina", "sigo aquí"}));
  good(ana.run({"send", "@beto", "y yo"}));
  refused(carla.run({"room", "change", "cocina", "--archived", "yes"}), "You may not");
  good(beto.run({"room", "change", "cocina", "--archived", "yes"}));
  refused(carla.run({"send", "cocina", "¿y ahora?"}), "archived");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
