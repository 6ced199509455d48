// What tertuliad tells a service manager (sd_notify(3)): a socket of the test's own is the manager.
#include <csignal>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/integration/scenario.hpp"
#include "tests/support/service_manager.hpp"

namespace tertulia::test {

namespace {

// Remote ends of the established connections to a port: the same ones later are the same connections.
std::set<std::string> established(std::uint16_t port) {
  std::set<std::string> out;
  std::string line, number, local, remote, state;
  for (const char* family : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream table(family);
    std::getline(table, line);
    while (std::getline(table, line)) {
      std::istringstream(line) >> number >> local >> remote >> state;
      if (state == "01" && local.ends_with(fmt::format(":{:04X}", port))) out.insert(remote);
    }
  }
  return out;
}

std::uint32_t ping_every_ms(RawClient& client) {
  const auto reply = client.hello();
  BOOST_REQUIRE_MESSAGE(reply && reply->has_welcome(), describe(reply));
  return reply->welcome().ping_every_ms();
}
std::string card_of(RawClient& client) {
  const auto reply = client.hello();
  BOOST_REQUIRE_MESSAGE(reply && reply->has_welcome(), describe(reply));
  return reply->welcome().card();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(service)

BOOST_AUTO_TEST_CASE(it_says_ready_when_it_serves_and_stopping_when_it_stops) {
  TempDir dir;
  ServiceManager manager(dir / "notify");
  TestBroker broker({.env = manager.env()});
  BOOST_TEST(manager.hears("READY=1"));
  BOOST_TEST(manager.hears("STATUS=Serving 0 clients"));
  BOOST_TEST(manager.count("WATCHDOG=1") == 0u);  // nobody asked for it
  BOOST_TEST(broker.stop().value_or(-1) == 0);
  BOOST_TEST(manager.hears("STOPPING=1"));
}

BOOST_AUTO_TEST_CASE(the_watchdog_is_fed_while_every_thread_turns) {
  TempDir dir;
  ServiceManager manager(dir / "notify");
  TestBroker broker({.console = true, .env = manager.env("400000")});
  BOOST_TEST(wait_until([&] { return manager.count("WATCHDOG=1") >= 5; }, 20'000));
  RawClient ana(broker.invite("ana"));
  ana.join();
  const auto before = manager.count("WATCHDOG=1");
  BOOST_TEST(wait_until([&] { return manager.count("WATCHDOG=1") >= before + 5; }, 20'000));
}

BOOST_AUTO_TEST_CASE(the_watchdog_starves_while_the_disk_hangs_and_is_fed_again_after) {
  TempDir dir;
  ServiceManager manager(dir / "notify");
  TestBroker broker({.faults = true, .env = manager.env("400000")});
  BOOST_TEST(wait_until([&] { return manager.count("WATCHDOG=1") >= 2; }, 20'000));
  broker.disk().set("hang_fsync");
  Process waits({.argv = {tertuliactl_path(), "--data", broker.data().string(), "invite", "ana"},
                 .env = {},
                 .output = dir / "invite",
                 .input = false,
                 .directory = {}});
  BOOST_TEST(wait_until(
      [&] { return broker.err().find("no sign of life from t-log") != std::string::npos; },
      20'000));
  const auto starved = manager.count("WATCHDOG=1");
  // Other threads go on: an administrator still sees how it is
  BOOST_TEST(broker.ctl({"status"}).code == 0);
  BOOST_TEST(manager.count("WATCHDOG=1") == starved);
  broker.disk().set("");
  BOOST_TEST(wait_until([&] { return manager.count("WATCHDOG=1") > starved; }, 20'000));
  BOOST_TEST(waits.wait(20'000).value_or(-1) == 0);
}

BOOST_AUTO_TEST_CASE(a_watchdog_meant_for_another_process_is_not_fed) {
  TempDir dir;
  ServiceManager manager(dir / "notify");
  auto env = manager.env("100000");
  env["WATCHDOG_PID"] = "1";
  TestBroker broker({.env = env});
  BOOST_TEST(manager.hears("READY=1"));
  for (int i = 0; i < 20; ++i) BOOST_TEST(broker.ctl({"status"}).code == 0);
  BOOST_TEST(manager.count("WATCHDOG=1") == 0u);
}

BOOST_AUTO_TEST_CASE(a_reload_takes_what_it_can_and_drops_no_connection) {
  TempDir dir;
  ServiceManager manager(dir / "notify");
  TestBroker broker({.env = manager.env()});
  RawClient ana(broker.invite("ana"));
  ana.join();
  // The invite's connection goes by itself
  BOOST_REQUIRE(wait_until([&] { return established(broker.command_port()).size() == 1; }, 20'000));
  const auto before = established(broker.command_port());
  broker.options.config_more = "[limits]\nidle_ping_s = 7\nworkers = 3\n";
  for (std::size_t n = 1; n <= 3; ++n) {
    broker.write_config();
    broker.process().signal(SIGHUP);
    BOOST_TEST(wait_until([&] { return manager.count("RELOADING=1") == n; }, 20'000));
    BOOST_TEST(wait_until([&] { return manager.count("READY=1") == n + 1; }, 20'000));
    BOOST_TEST(ping_every_ms(ana) == 7000u);
  }
  BOOST_TEST(broker.err().find("changed: limits.idle_ping_s") != std::string::npos, broker.err());
  BOOST_TEST(broker.err().find("limits.workers will apply at the next restart") !=
             std::string::npos);
  BOOST_TEST(established(broker.command_port()) == before);
}

BOOST_AUTO_TEST_CASE(a_reload_with_a_mistake_keeps_everything_and_says_where) {
  TempDir dir;
  ServiceManager manager(dir / "notify");
  TestBroker broker({.env = manager.env()});
  RawClient ana(broker.invite("ana"));
  ana.join();
  broker.options.config_more = "[limits]\nidle_ping_s = 0\nmax_conections = 3\n";
  broker.write_config();
  broker.process().signal(SIGHUP);
  BOOST_TEST(wait_until([&] { return manager.count("READY=1") == 2; }, 20'000));
  for (const char* word : {"idle_ping_s must be", "did you mean max_connections", "stays"})
    BOOST_TEST(broker.err().find(word) != std::string::npos, broker.err());
  BOOST_TEST(ping_every_ms(ana) == 5000u);
  // More connections than this process may have files
  broker.options.config_more = "[limits]\nidle_ping_s = 9\nmax_connections = 100000\n";
  broker.write_config();
  broker.process().signal(SIGHUP);
  BOOST_TEST(wait_until([&] { return manager.count("READY=1") == 3; }, 20'000));
  BOOST_TEST(broker.err().find("LimitNOFILE") != std::string::npos, broker.err());
  BOOST_TEST(ping_every_ms(ana) == 5000u);
}

BOOST_AUTO_TEST_CASE(a_reload_turns_the_console_on_and_off) {
  TestBroker broker;
  RawClient ana(broker.invite("ana"));
  ana.join();
  const RoomId general = ana.device.rooms.begin()->first;
  const auto reload = [&](const std::string& more, const std::string& word) {
    broker.options.config_more = more;
    broker.write_config();
    broker.process().signal(SIGHUP);
    BOOST_TEST(wait_until([&] { return broker.err().find(word) != std::string::npos; }, 20'000));
  };
  // An ack comes before t-publisher looks at the console: it is done with a message when it has
  // sent a later one. What is said before the subscription is there is not heard.
  int said = 0;
  const auto hears = [&] {
    const std::string text = fmt::format("unseen {}", ++said);
    return ana.submit(general, {text}) && ana.wait_heard(text, 200);
  };
  BOOST_REQUIRE(wait_until(hears, 20'000));
  BOOST_REQUIRE(ana.submit(general, {"after it"}));
  BOOST_REQUIRE(ana.wait_heard("after it"));
  reload("[log]\nconsole_bodies = true\n", "changed: log.console_bodies");
  BOOST_REQUIRE(ana.submit(general, {"shown"}));
  BOOST_TEST(wait_until([&] { return broker.process().out().find("shown") != std::string::npos; },
                        20'000));
  reload("[limits]\nidle_ping_s = 6\n", "changed: log.console_bodies, limits.idle_ping_s");
  BOOST_REQUIRE(ana.submit(general, {"hidden"}));
  BOOST_TEST(broker.stop().value_or(-1) == 0);
  BOOST_TEST(broker.process().out().find("unseen") == std::string::npos);
  BOOST_TEST(broker.process().out().find("hidden") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_reload_that_advertises_another_address_makes_a_new_card) {
  TestBroker broker;
  RawClient ana(broker.invite("ana"));
  ana.join();
  const auto before = card_of(ana);
  broker.options.listen_more = "advertise = [\"tcp://chat.example.org:5570\"]";
  broker.write_config();
  broker.process().signal(SIGHUP);
  BOOST_TEST(wait_until([&] { return card_of(ana) != before; }, 20'000));
  BOOST_TEST(card_of(ana).find("tcp://chat.example.org:5570") != std::string::npos);
  BOOST_TEST(broker.verify() == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
