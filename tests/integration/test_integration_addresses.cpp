// Where a server is found: IPv6, a broadcast port that is blocked, a server that has moved.
#include <ifaddrs.h>
#include <netinet/in.h>

#include <cstdio>
#include <fstream>

#include "common/base/clock.hpp"
#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

bool machine_has_ipv6() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return false;
  bool found = false;
  for (const ifaddrs* a = all; a != nullptr; a = a->ifa_next)
    found = found || (a->ifa_addr != nullptr && a->ifa_addr->sa_family == AF_INET6);
  ::freeifaddrs(all);
  return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(addresses)

BOOST_AUTO_TEST_CASE(over_ipv6) {
  if (!machine_has_ipv6()) {
    std::puts("SKIP: over_ipv6: this machine has no IPv6 address");
    return;
  }
  TestBroker broker({.host = "[::1]"});
  Cli ana(broker.temp(), "ana");
  ana.enrol(broker.invite("ana"));
  const Ran sent = ana.run({"send", "general", "seis"});
  BOOST_TEST(sent.code == 0, sent.err);
  RawClient beto(broker.invite("beto"));
  beto.join();
  BOOST_TEST(beto.whole_history(beto.device.room("general").id).size() == 1u);
}

BOOST_AUTO_TEST_CASE(messages_come_when_the_broadcast_port_is_blocked) {
  // The client looks for the broadcast port on the host of the command port; nobody listens there
  TestBroker broker({.broadcast_host = "127.0.0.2"});
  Cli ana(broker.temp(), "ana");
  ana.enrol(broker.invite("ana"));
  RawClient beto(broker.invite("beto"));
  BOOST_REQUIRE(beto.enrol()->has_enrolled());
  beto.connect();
  BOOST_REQUIRE(beto.hello()->has_welcome());
  const RoomId general = beto.device.room("general").id;
  Process listen = ana.start({"listen", "general", "--json"});
  BOOST_REQUIRE(
      wait_until([&] { return listen.err().find("listening") != std::string::npos; }, 60'000));
  const std::uint64_t said = monotonic_ms();
  BOOST_REQUIRE(beto.submit(general, {"sin difusión"})->has_ack());
  bool heard = false;
  for (const auto deadline = Deadline::in_ms(50'000); !heard && !deadline.over();) {
    const auto line = listen.line(deadline);
    heard = line && line->find("sin difusión") != std::string::npos;
  }
  BOOST_TEST(heard, listen.err());
  BOOST_TEST_MESSAGE("heard after " << monotonic_ms() - said << " ms");
  // It says why it is slow
  BOOST_TEST(listen.err().find("Broadcasts are blocked") != std::string::npos, listen.err());
}

BOOST_AUTO_TEST_CASE(a_preset_address_finds_a_server_that_has_moved) {
  TestBroker broker;
  Cli ana(broker.temp(), "ana");
  ana.enrol(broker.invite("ana"));
  const std::string invite = broker.invite("beto");  // names the old address
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  broker.move_to_other_ports();
  broker.start();
  std::ofstream(ana.presets()) << "[server]\naddresses = [\"" << broker.command_address()
                               << "\"]\n";
  const Ran found = ana.run({"send", "general", "hallada"});
  BOOST_TEST(found.code == 0, found.err);
  Cli beto(broker.temp(), "beto");
  beto.enrol(invite);

  // The address belongs to the servers that are named, and ana's is none of them
  TestBroker other;
  Cli caro(other.temp(), "caro");
  caro.enrol(other.invite("caro"));
  const std::string account = caro.run({"whoami", "--json"}).out;
  const std::string key = "\"server_fingerprint\":\"";
  BOOST_REQUIRE_MESSAGE(account.find(key) != std::string::npos, account);
  const std::string fingerprint = account.substr(account.find(key) + key.size(), 39);
  std::ofstream(ana.presets()) << "[server]\nfingerprints = [\"" << fingerprint
                               << "\"]\naddresses = [\"" << other.command_address() << "\"]\n";
  const Ran still = ana.run({"send", "general", "sigue"});
  BOOST_TEST(still.code == 0, still.err);
  Cli dora(broker.temp(), "dora");
  const Ran refused = dora.run({"enrol", broker.invite("dora")});
  BOOST_TEST(refused.code == 1, "exit " << refused.code);
  BOOST_TEST(refused.err.find("your administrator does not allow") != std::string::npos,
             refused.err);
  dora.enrol(other.invite("dora"));
}

// What Avahi itself does is in avahi_test.py; here stands a program in its place.
BOOST_AUTO_TEST_CASE(a_server_that_has_moved_is_found_where_it_announces_itself) {
  TestBroker broker, other;
  Cli ana(broker.temp(), "ana");
  ana.enrol(broker.invite("ana"));
  const std::string status = broker.ctl({"status", "--json"}).out;
  const std::string key = "\"server_id\":\"";
  BOOST_REQUIRE_MESSAGE(status.find(key) != std::string::npos, status);
  const std::string id = status.substr(status.find(key) + key.size(), 64);
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  broker.move_to_other_ports();
  broker.start();

  const auto programs = broker.dir() / "programs";
  std::filesystem::create_directory(programs);
  const auto announced = [&](std::initializer_list<std::uint16_t> ports) {
    std::ofstream script(programs / "avahi-browse");
    script << "#!/bin/sh\n";
    for (const auto port : ports)
      script << "echo '=;lo;IPv4;Tertulia;_tertulia._tcp;local;mesa.local;127.0.0.1;" << port
             << ";\"server_id=" << id << "\"'\n";
    script.close();
    std::filesystem::permissions(programs / "avahi-browse", std::filesystem::perms::owner_all);
  };
  ana.path_variable = programs.string() + ":/usr/bin:/bin";
  // Another server that takes this one's name is dialled, and its key gives it away
  announced({other.command_port()});
  const Ran lost = ana.run({"send", "general", "perdida", "--timeout", "6"});
  BOOST_TEST(lost.code == 3, "exit " << lost.code << ": " << lost.err);
  announced({other.command_port(), broker.command_port()});
  const Ran found = ana.run({"send", "general", "hallada", "--timeout", "60"});
  BOOST_TEST(found.code == 0, found.err);
  // It is remembered
  std::filesystem::remove(programs / "avahi-browse");
  const Ran again = ana.run({"send", "general", "sigue", "--timeout", "60"});
  BOOST_TEST(again.code == 0, again.err);
}

BOOST_AUTO_TEST_CASE(a_server_on_loopback_is_not_announced) {
  TestBroker broker;
  const auto services = broker.dir() / "services";
  std::filesystem::create_directory(services);
  const auto file = services / "tertulia.service";
  std::ofstream(file) << "of an earlier run";
  const Ran loopback = broker.ctl({"announce", "--directory", services.string()});
  BOOST_TEST(loopback.code == 0, loopback.err);
  BOOST_TEST(!std::filesystem::exists(file));
  const Ran none = broker.ctl({"announce", "--directory", (broker.dir() / "no-avahi").string()});
  BOOST_TEST(none.code == 0, none.err);
  BOOST_TEST(none.err == "");
  // It needs no broker to withdraw
  std::ofstream(file) << "of an earlier run";
  broker.stop();
  const Ran withdrawn = broker.ctl({"announce", "--withdraw", "--directory", services.string()});
  BOOST_TEST(withdrawn.code == 0, withdrawn.err);
  BOOST_TEST(!std::filesystem::exists(file));
}

BOOST_AUTO_TEST_CASE(an_address_given_by_hand_finds_a_server_that_has_moved) {
  TestBroker broker;
  Cli ana(broker.temp(), "ana");
  ana.enrol(broker.invite("ana"));
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  broker.move_to_other_ports();
  broker.start();
  const Ran lost = ana.run({"send", "general", "perdida", "--timeout", "2"});
  BOOST_TEST(lost.code == 3, "exit " << lost.code << ": " << lost.err);
  const Ran found = ana.run(
      {"--server", broker.command_address(), "send", "general", "hallada", "--timeout", "30"});
  BOOST_TEST(found.code == 0, found.err);
  // The server's new card told where it is: from now on without the hand
  const Ran later = ana.run({"send", "general", "otra", "--timeout", "30"});
  BOOST_TEST(later.code == 0, later.err);
  const auto messages = json_lines(ana.run({"history", "general", "--json"}).out);
  BOOST_TEST(messages.size() == 3u);
}

BOOST_AUTO_TEST_CASE(an_address_of_another_server_is_refused_and_the_old_one_still_works) {
  TestBroker broker, other({.server_name = "otra"});
  Cli ana(broker.temp(), "ana");
  ana.enrol(broker.invite("ana"));
  const Ran ran =
      ana.run({"--server", other.command_address(), "send", "general", "hola", "--timeout", "30"});
  // All known addresses are tried, and the pinned key decides
  BOOST_TEST((ran.code == 0 || ran.code == 1), "exit " << ran.code << ": " << ran.err);
  const Ran again = ana.run({"send", "general", "hola", "--timeout", "30"});
  BOOST_TEST(again.code == 0, again.err);
}

BOOST_AUTO_TEST_CASE(a_client_that_stays_follows_a_broker_that_comes_back_elsewhere) {
  // Two addresses in the card: the client that lost one tries the other
  TestBroker broker;
  const std::uint16_t second = free_port();
  broker.options.listen_more =
      fmt::format("advertise = [\"tcp://127.0.0.1:{}\", \"tcp://127.0.0.1:{}\"]\n",
                  broker.command_port(), second);
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  broker.write_config();
  broker.start();
  Cli ana(broker.temp(), "ana");
  ana.enrol(broker.invite("ana"));
  BOOST_REQUIRE_EQUAL(ana.run({"send", "general", "hola"}).code, 0);
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  broker.move_commands_to(second);
  broker.start();
  const Ran ran = ana.run({"send", "general", "aquí", "--timeout", "30"});
  BOOST_TEST(ran.code == 0, ran.err);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
