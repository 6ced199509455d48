// The server's keys change while people write: nothing is lost, nothing comes twice, and whoever was
// not there gets in again.
#include <fstream>

#include "common/base/clock.hpp"
#include "common/wire/card.hpp"
#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::uint64_t kSendMs = 180'000;
// "Client back" as the promise is five seconds; machines of CI get six times that.
constexpr std::uint64_t kBackMsMax = 30'000;

struct Town {
  TestBroker broker;
  Cli ana{broker.temp(), "ana"}, beto{broker.temp(), "beto"};
  explicit Town(TestBroker::Options options = {}) : broker(std::move(options)) {
    ana.enrol(broker.invite("ana"));
    beto.enrol(broker.invite("beto"));
  }
  Ran good(const std::vector<std::string>& args) {
    Ran ran = broker.ctl(args);
    BOOST_REQUIRE_MESSAGE(ran.code == 0, fmt::format("{}: {}", args.back(), ran.err));
    return ran;
  }
  // The line of `key list` with this name and state; empty: there is none.
  json key(const std::string& name, const std::string& state = "in use") {
    const Ran ran = broker.ctl({"key", "list", "--json"});
    if (ran.code != 0) return {};  // between two sockets
    for (const auto& line : json_lines(ran.out))
      if (line["key"] == name && line["state"] == state) return line;
    return {};
  }
  std::string public_part(const std::string& name) {
    const json line = key(name);
    return line.is_null() ? std::string() : line.value("public", "");
  }
  bool until_changed(const std::string& name, const std::string& before) {
    return wait_until(
        [&] {
          const std::string now = public_part(name);
          return !now.empty() && now != before;
        },
        60'000);
  }
  std::uint64_t messages() {
    const Ran ran = broker.ctl({"room", "show", "general", "--json"});
    return ran.code == 0 ? json::parse(ran.out).value("messages", std::uint64_t{0}) : 0;
  }
  bool until_messages(std::uint64_t count) {
    return wait_until([&] { return messages() >= count; }, 60'000);
  }
  std::vector<std::string> room(Cli& reader) {
    const Ran ran = reader.run({"history", "general", "--json", "--limit", "100000"});
    BOOST_REQUIRE_MESSAGE(ran.code == 0, ran.err);
    std::vector<std::string> out;
    std::uint64_t room_seq = 0;
    for (const auto& line : json_lines(ran.out)) {
      BOOST_REQUIRE(line["room_seq"] == ++room_seq);
      out.push_back(line["text"]);
    }
    return out;
  }
  void finish(Process& send) {
    send.close_input();
    const auto code = send.wait(kSendMs);
    BOOST_REQUIRE_MESSAGE(code == 0, "exit " << code.value_or(-1) << ": " << send.err());
  }
  fs::path key_file(const char* name) const { return broker.data() / "keys" / name; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(keys)

BOOST_FIXTURE_TEST_CASE(the_transport_key_changes_twice_under_a_sender, Town) {
  BOOST_TEST(broker.verify() == "");
  const auto lines = numbered("línea", 900);
  const auto part = [&](std::size_t n) {
    return joined({lines.begin() + n * 300, lines.begin() + (n + 1) * 300});
  };
  Process send = ana.start({"send", "general", "-", "--timeout", "120"}, true);
  const auto pid = broker.process().pid();
  std::uint64_t slowest_ms = 0;
  const std::vector<std::vector<std::string>> ways{{"--in", "2s"}, {"--now", "--yes"}};
  for (std::size_t n = 0; n < ways.size(); ++n) {
    BOOST_REQUIRE(send.write(part(n)));
    const std::string before = public_part("transport");
    std::vector<std::string> args{"key", "rotate", "transport"};
    args.insert(args.end(), ways[n].begin(), ways[n].end());
    good(args);
    BOOST_TEST(!key("transport", "next").is_null());
    BOOST_TEST(fs::exists(key_file("transport.next.key")));
    BOOST_REQUIRE(until_changed("transport", before));
    BOOST_TEST(!fs::exists(key_file("transport.next.key")));
    // Something that is written now arrives when the client is back.
    const std::uint64_t begun = monotonic_ms();
    BOOST_REQUIRE(send.write(lines[(n + 1) * 300 - 1] + " +\n"));
    BOOST_REQUIRE(wait_until([&] { return messages() >= (n + 1) * 301; }, kBackMsMax));
    slowest_ms = std::max(slowest_ms, monotonic_ms() - begun);
  }
  BOOST_TEST_MESSAGE("back after at most " << slowest_ms << " ms");
  BOOST_REQUIRE(send.write(part(2)));
  finish(send);
  BOOST_TEST(broker.process().pid() == pid);
  BOOST_TEST(broker.process().running());
  std::vector<std::string> wanted = lines;
  wanted.insert(wanted.begin() + 600, lines[599] + " +");
  wanted.insert(wanted.begin() + 300, lines[299] + " +");
  BOOST_TEST(room(ana) == wanted, boost::test_tools::per_element());
  BOOST_TEST(broker.verify() == "");
}

BOOST_FIXTURE_TEST_CASE(a_broker_killed_at_any_step_of_a_transport_change_is_reached_again, Town) {
  // Soon after the plan; and at moments around the two seconds after which it is due.
  const std::uint64_t moments_ms[] = {0, 1900, 2000, 2050, 2100, 2200};
  std::size_t said = 0;
  for (const std::uint64_t moment : moments_ms) {
    BOOST_REQUIRE_EQUAL(ana.run({"send", "general", fmt::format("before {}", said)}).code, 0);
    const std::string before = public_part("transport");
    Process listens = ana.start({"listen", "--count", "1"});
    BOOST_REQUIRE(
        wait_until([&] { return listens.err().find("listening") != std::string::npos; }, 30'000));
    good({"key", "rotate", "transport", "--now", "--yes"});
    const std::uint64_t planned = monotonic_ms();
    // Who is connected is told: the listener has put the card into their store.
    const std::string card = good({"server", "card"}).out;
    BOOST_REQUIRE(wait_until(
        [&] {
          return ana.run({"server-card", "--show"}).out == card;
        },
        30'000));
    BOOST_REQUIRE(wait_until([&] { return monotonic_ms() >= planned + moment; }, 30'000));
    broker.kill9();
    broker.start();
    BOOST_REQUIRE(until_changed("transport", before));
    // Who was connected follows: the same process hears what is said now.
    const Ran ran = ana.run({"send", "general", fmt::format("after {}", said++)});
    BOOST_REQUIRE_MESSAGE(ran.code == 0, ran.err);
    BOOST_REQUIRE_MESSAGE(listens.wait(kBackMsMax) == 0, listens.err());
    BOOST_TEST(!fs::exists(key_file("transport.next.key")));
  }
  BOOST_TEST(room(ana).size() == 2 * std::size(moments_ms));
  BOOST_TEST(broker.verify() == "");
}

BOOST_FIXTURE_TEST_CASE(who_missed_two_changes_is_told_what_to_do_and_gets_in_by_the_card, Town) {
  BOOST_REQUIRE_EQUAL(beto.run({"send", "general", "hola"}).code, 0);
  for (int n = 0; n < 2; ++n) {
    const std::string before = public_part("transport");
    good({"key", "rotate", "transport", "--now", "--yes"});
    BOOST_REQUIRE(until_changed("transport", before));
  }
  Process waits = beto.start({"send", "general", "por fin", "--timeout", "120"});
  const Ran lost = beto.run({"whoami"});
  BOOST_REQUIRE_EQUAL(lost.code, 0);
  BOOST_REQUIRE_EQUAL(waits.wait(60'000).value_or(-1), 1);
  BOOST_TEST(waits.err().find("tertuliactl server card") != std::string::npos, waits.err());
  BOOST_TEST(waits.err().find("tertulia-cli server-card") != std::string::npos, waits.err());

  const fs::path file = broker.dir() / "card.txt";
  const std::string card = good({"server", "card"}).out;
  std::ofstream(file) << card;
  const Ran taken = beto.run({"server-card", file.string()});
  BOOST_REQUIRE_MESSAGE(taken.code == 0, taken.err);
  const Ran again = beto.run({"server-card", "-"}, card);
  BOOST_TEST(again.code == 0, again.err);
  BOOST_TEST(beto.run({"server-card", "--show"}).out == card);
  const Ran sent = beto.run({"send", "general", "aquí estoy"});
  BOOST_REQUIRE_MESSAGE(sent.code == 0, sent.err);
  const std::vector<std::string> wanted{"hola", "por fin", "aquí estoy"};
  BOOST_TEST(room(beto) == wanted, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_card_is_refused_unless_it_is_the_servers_and_newer, Town) {
  BOOST_REQUIRE_EQUAL(beto.run({"send", "general", "hola"}).code, 0);
  const std::string card = good({"server", "card"}).out;
  good({"key", "rotate", "log"});
  BOOST_REQUIRE_EQUAL(beto.run({"send", "general", "otra"}).code, 0);
  BOOST_TEST(beto.run({"server-card", "-"}, card).code == 1);  // older
  BOOST_TEST(beto.run({"server-card", "-"}, "nothing of a card\n").code == 1);
  BOOST_TEST(beto.run({"server-card", "-"}, "").code == 1);
  BOOST_TEST(beto.run({"server-card"}).code == 2);

  const auto seed = crypto::Seed::parse(read_file(key_file("identity.key"), 64));
  const crypto::SigningKey identity(*seed), other{crypto::Seed::random()};
  const ServerId server = crypto::server_id(identity.public_key());
  const std::string newest = good({"server", "card"}).out;
  auto forged = wire::open_card(newest, identity.public_key(), server);
  BOOST_REQUIRE(forged);
  forged->curve = crypto::CurveKey(crypto::Seed::random()).public_key();
  ++forged->serial;
  BOOST_TEST(beto.run({"server-card", "-"}, wire::sign_card(*forged, other)).code == 1);
  BOOST_TEST(beto.run({"server-card", "--show"}).out == newest);
  BOOST_REQUIRE_EQUAL(beto.run({"send", "general", "sigo"}).code, 0);

  // Two cards of one number: nothing is sent any more, and it is said.
  --forged->serial;
  const Ran alarm = beto.run({"server-card", "-"}, wire::sign_card(*forged, identity));
  BOOST_TEST(alarm.code == 1);
  BOOST_TEST(alarm.err.find("never signs two") != std::string::npos, alarm.err);
  const Ran sent = beto.run({"send", "general", "nunca"});
  BOOST_TEST(sent.code == 1, sent.err);
  BOOST_TEST(sent.err.find("two different cards") != std::string::npos, sent.err);
  BOOST_TEST(room(ana).size() == 3u);
}

BOOST_FIXTURE_TEST_CASE(the_log_key_changes_under_a_sender_and_after_a_kill, Town) {
  const auto lines = numbered("línea", 600);
  Process send = ana.start({"send", "general", "-", "--timeout", "120"}, true);
  BOOST_REQUIRE(send.write(joined({lines.begin(), lines.begin() + 300})));
  BOOST_REQUIRE(until_messages(1));
  BOOST_TEST(broker.verify() == "");
  const std::string before = public_part("log");
  good({"key", "rotate", "log"});
  BOOST_TEST(public_part("log") != before);
  BOOST_TEST(key("log", "before").value("public", "") == before);
  broker.kill9();
  BOOST_REQUIRE(send.write(joined({lines.begin() + 300, lines.end()})));
  broker.start();
  finish(send);
  BOOST_TEST(room(ana) == lines, boost::test_tools::per_element());
  BOOST_TEST(broker.verify() == "");
  const auto history = lines_of(good({"log", "key", "--history"}).out);
  BOOST_REQUIRE(history.size() == 2u);
  BOOST_TEST(history[0].find(before) != std::string::npos);
  BOOST_TEST(good({"log", "key"}).out.find(public_part("log")) != std::string::npos);
  // Who was not there at the change verifies on: the card comes before the checkpoint.
  BOOST_TEST(room(beto) == lines, boost::test_tools::per_element());
  BOOST_REQUIRE_EQUAL(beto.run({"send", "general", "yo también"}).code, 0);
}

BOOST_FIXTURE_TEST_CASE(data_at_rest_is_sealed_again_under_load_and_kills, Town) {
  const auto lines = numbered("línea", 3000);
  Process send = ana.start({"send", "general", "-", "--timeout", "120"}, true);
  BOOST_REQUIRE(send.write(joined({lines.begin(), lines.begin() + 2000})));
  BOOST_REQUIRE(until_messages(2000));
  const Bytes old_kek = read_file(key_file("kek.key"), 64);
  good({"key", "rotate", "at-rest"});
  BOOST_TEST((read_file(key_file("kek.key"), 64) != old_kek));
  broker.kill9();
  broker.start();
  BOOST_REQUIRE(send.write(joined({lines.begin() + 2000, lines.end()})));
  finish(send);
  BOOST_REQUIRE(wait_until([&] { return !key("data").contains("remark"); }, 60'000));
  BOOST_TEST(key("data").value("place", "") == "2");
  BOOST_TEST(room(ana) == lines, boost::test_tools::per_element());
  BOOST_TEST(broker.verify() == "");
  const json topic_holds = key("room");
  BOOST_TEST(topic_holds.value("count", 0) == 1);

  good({"key", "rotate", "at-rest", "--only-wrap"});
  BOOST_TEST(key("data").value("place", "") == "2");
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  BOOST_TEST(broker.verify() == "");
  // The key file of before opens nothing any more.
  write_file_durably(key_file("kek.key"), old_kek);
  const std::string refused = broker.verify();
  BOOST_TEST(refused.find("kek.key") != std::string::npos, refused);
}

struct FullTown : Town {
  FullTown() : Town({.faults = true}) {}
  // What is refused on a full disk has changed nothing, neither in the files nor in the list.
  void check_refused(const std::vector<std::string>& rotation) {
    const auto files = [&] {
      std::map<std::string, Bytes> out;
      for (const auto& file : fs::directory_iterator(broker.data() / "keys"))
        out[file.path().filename()] = read_file(file.path(), 64);
      return out;
    };
    const auto before = files();
    const std::string card = good({"server", "card"}).out;
    const Ran ran = broker.ctl(rotation);
    BOOST_TEST(ran.code == 1, rotation[2] << ": " << ran.out);
    BOOST_TEST(!ran.err.empty());
    BOOST_TEST((files() == before), rotation[2]);
    BOOST_TEST(good({"server", "card"}).out == card, rotation[2]);
  }
  void fill() {
    broker.disk().set("enospc");
    BOOST_REQUIRE(wait_until([&] { return is_read_only(true); }, 30'000));
  }
  void free() {
    broker.disk().set("");
    BOOST_REQUIRE(wait_until([&] { return is_read_only(false); }, 30'000));
  }
  // An act tells: nothing else is written while people are quiet.
  bool is_read_only(bool wanted) {
    return (broker.ctl({"invite", fmt::format("carla{}", ++invited_)}).code != 0) == wanted;
  }

 private:
  int invited_ = 0;
};

BOOST_FIXTURE_TEST_CASE(a_full_disk_refuses_each_rotation_and_all_go_through_behind_it, FullTown) {
  const auto lines = numbered("línea", 300);
  Process send = ana.start({"send", "general", "-", "--timeout", "120"}, true);
  BOOST_REQUIRE(send.write(joined(lines)));
  finish(send);
  fill();
  check_refused({"key", "rotate", "at-rest"});
  check_refused({"key", "rotate", "log"});
  check_refused({"key", "rotate", "transport", "--now", "--yes"});
  BOOST_TEST(room(ana) == lines, boost::test_tools::per_element());
  free();

  const std::string log = public_part("log"), transport = public_part("transport");
  good({"key", "rotate", "log"});
  BOOST_TEST(public_part("log") != log);
  good({"key", "rotate", "at-rest"});
  fill();
  BOOST_TEST(room(ana) == lines, boost::test_tools::per_element());
  free();
  BOOST_REQUIRE(wait_until([&] { return !key("data").contains("remark"); }, 60'000));
  BOOST_TEST(key("data").value("place", "") == "2");

  // The date comes on the full disk: the key stays, and those who are there read on.
  good({"key", "rotate", "transport", "--in", "3s"});
  fill();
  BOOST_REQUIRE_MESSAGE(wait_until(
                            [&] {
                              return broker.err().find("takes its place when the disk has space") !=
                                     std::string::npos;
                            },
                            30'000),
                        broker.err());
  BOOST_TEST(public_part("transport") == transport);
  BOOST_TEST(room(ana) == lines, boost::test_tools::per_element());
  broker.disk().set("");
  BOOST_REQUIRE(until_changed("transport", transport));
  BOOST_TEST(room(ana) == lines, boost::test_tools::per_element());
  BOOST_REQUIRE_EQUAL(ana.run({"send", "general", "después"}).code, 0);
  BOOST_TEST(broker.verify() == "");
}

BOOST_FIXTURE_TEST_CASE(what_is_under_way_survives_removals_from_its_room, Town) {
  // Each removal brings a new key; after two, what was sealed under the first is sealed again.
  const auto lines = numbered("línea", 1500);
  Process send = ana.start({"send", "general", "-", "--timeout", "120"}, true);
  std::size_t removals = 0;
  for (std::size_t from = 0; from < lines.size(); from += 100) {
    BOOST_REQUIRE(send.write(joined({lines.begin() + from, lines.begin() + from + 100})));
    good({"room", "remove", "general", "beto"});
    good({"room", "add", "general", "beto"});
    good({"key", "rotate", "room", "general"});
    ++removals;
  }
  finish(send);
  BOOST_TEST(removals == 15u);
  BOOST_TEST(room(ana) == lines, boost::test_tools::per_element());
  BOOST_TEST(broker.verify() == "");
}

BOOST_FIXTURE_TEST_CASE(keys_that_are_credentials_change_by_the_administrators_hand, Town) {
  const fs::path credentials = broker.dir() / "credentials";
  fs::create_directory(credentials);
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  for (const char* name : {"transport.key", "log.key", "kek.key"})
    fs::rename(key_file(name), credentials / name);
  broker.options.env = {{"CREDENTIALS_DIRECTORY", credentials.string()}};
  broker.start();
  BOOST_TEST(key("transport").value("kept", "") == "credential");
  for (const char* which : {"log", "at-rest"}) {
    const Ran refused = broker.ctl({"key", "rotate", which});
    BOOST_TEST(refused.code == 1);
    BOOST_TEST(refused.err.find("systemd-creds encrypt") != std::string::npos, refused.err);
  }
  // The next ones, as the sentence says
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  for (const char* name : {"transport.next.key", "log.next.key", "kek.next.key"})
    write_file_durably(credentials / name, crypto::Seed::random().view());
  broker.start();
  const std::string transport = public_part("transport"), log = public_part("log");
  good({"key", "rotate", "log"});
  good({"key", "rotate", "at-rest"});
  // Who comes by once before the date follows.
  good({"key", "rotate", "transport", "--in", "20s"});
  BOOST_REQUIRE_EQUAL(ana.run({"send", "general", "hola"}).code, 0);
  good({"key", "rotate", "transport", "--now", "--yes"});
  BOOST_REQUIRE(until_changed("transport", transport));
  BOOST_TEST(public_part("log") != log);
  BOOST_REQUIRE_EQUAL(ana.run({"send", "general", "después"}).code, 0);
  BOOST_TEST(fs::is_empty(broker.data() / "keys") == false);  // identity.key
  BOOST_TEST(!fs::exists(key_file("transport.key")));
  // Also after another start; and when the next ones have got the names of those in use.
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  broker.start();
  BOOST_REQUIRE_EQUAL(ana.run({"send", "general", "todavía"}).code, 0);
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  for (const char* name : {"transport", "log", "kek"})
    fs::rename(credentials / fmt::format("{}.next.key", name),
               credentials / fmt::format("{}.key", name));
  broker.start();
  BOOST_REQUIRE_EQUAL(ana.run({"send", "general", "y ahora"}).code, 0);
  BOOST_TEST(room(ana).size() == 4u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
