// Data of earlier versions (tests/fixtures) under today's programs, and restarts that lose nothing.
#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "common/base/clock.hpp"
#include "tests/integration/scenario.hpp"
#include "tests/support/service_manager.hpp"

namespace tertulia::test {

namespace {

namespace fs = std::filesystem;

// The archive, unpacked where the broker's data and the clients' profiles are.
void unpack(TestBroker& broker, const std::string& archive) {
  fs::remove_all(broker.data());
  const Ran ran =
      run({"/bin/tar", "-xzf", fmt::format("{}/tests/fixtures/{}", TERTULIA_SOURCE_DIR, archive),
           "--no-same-owner", "-C", broker.dir().string()},
          broker.dir() / "tar", 20'000);
  BOOST_REQUIRE_MESSAGE(ran.code == 0, ran.err);
}

std::vector<std::string> texts(const std::string& json_lines) {
  std::vector<std::string> out;
  for (const auto& line : lines_of(json_lines)) {
    const auto message = nlohmann::json::parse(line, nullptr, false);
    if (message.is_object() && message.contains("text")) out.push_back(message["text"]);
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(upgrade)

BOOST_AUTO_TEST_CASE(data_of_schema_1_is_served_verified_read_and_written_on) {
  TestBroker broker({.start = false, .server_name = "antigua"});
  unpack(broker, "schema-1.tar.gz");
  // Before the broker of this version has seen it, it is not this version's to verify
  BOOST_TEST(broker.verify().find("start this version of tertuliad once") != std::string::npos);
  broker.start();
  BOOST_TEST(broker.err().find("a copy of before is") != std::string::npos, broker.err());
  BOOST_TEST(broker.verify() == "");
  const auto json = nlohmann::json::parse(broker.ctl({"status", "--json"}).out, nullptr, false);
  BOOST_TEST(json["log_size"].get<std::uint64_t>() == 23u);
  BOOST_TEST(json["users"].get<std::uint64_t>() == 5u);
  std::ifstream key(broker.dir() / "key.txt");
  std::ostringstream of_then;
  of_then << key.rdbuf();
  BOOST_TEST(broker.ctl({"log", "key"}).out == of_then.str());

  const std::string server = fmt::format("127.0.0.1:{}", broker.command_port());
  Cli ana(broker.temp(), "ana"), beto(broker.temp(), "beto");
  const Ran sent = ana.run({"--server", server, "send", "general", "written today"});
  BOOST_TEST(sent.code == 0, sent.err);
  const Ran read = beto.run({"--server", server, "history", "general", "--json"});
  BOOST_TEST(read.code == 0, read.err);
  BOOST_TEST(texts(read.out) ==
                 (std::vector<std::string>{"line 1 of ana", "line 2 of ana", "line 3 of ana",
                                           "ñandú, 日本, 🎉", "the last of ana", "written today"}),
             boost::test_tools::per_element());
  // An invite that was open then is open now
  BOOST_TEST(broker.ctl({"invite-list"}).out.find("elsa") != std::string::npos);
  BOOST_TEST(broker.verify() == "");
  BOOST_TEST(broker.stop().value_or(-1) == 0);
  broker.start();  // and again, with nothing to carry over
  BOOST_TEST(broker.err().find("a copy of before is") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_long_start_asks_the_service_manager_for_time_and_says_what_it_does) {
  TestBroker broker({.start = false, .server_name = "antigua"});
  unpack(broker, "schema-1.tar.gz");
  const fs::path wal = broker.database().string() + "-wal";
  std::ofstream(wal, std::ios::app).close();
  fs::resize_file(wal, 100u << 20);  // long, whatever is in it
  ServiceManager manager(broker.dir() / "notify");
  broker.options.env = manager.env();
  broker.start();
  BOOST_TEST(manager.hears("READY=1"));
  const auto& lines = manager.lines();
  const auto ready = std::find(lines.begin(), lines.end(), "READY=1");
  const auto heard_before = [&](const std::string& beginning) {
    return std::any_of(lines.begin(), ready,
                       [&](const auto& line) { return line.starts_with(beginning); });
  };
  for (const char* line :
       {"EXTEND_TIMEOUT_USEC=", "STATUS=Reading the write-ahead log, 100 MiB.",
        "STATUS=Copying the database", "STATUS=Carrying the database into its new form."})
    BOOST_TEST(heard_before(line), line);
  BOOST_TEST(broker.verify() == "");
}

BOOST_AUTO_TEST_CASE(a_migration_without_space_for_its_copy_changes_nothing) {
  TestBroker broker({.start = false, .faults = true, .server_name = "antigua"});
  unpack(broker, "schema-1.tar.gz");
  broker.disk().set("enospc");
  BOOST_CHECK_THROW(broker.start(), std::runtime_error);
  BOOST_TEST((broker.err().find("nothing was changed") != std::string::npos ||
              broker.err().find("No space left") != std::string::npos),
             broker.err());
  broker.disk().set("");
  broker.start();
  BOOST_TEST(broker.verify() == "");
}

BOOST_AUTO_TEST_CASE(clients_are_back_by_themselves_after_a_restart_and_nothing_is_lost) {
  TestBroker broker;
  std::vector<std::unique_ptr<Cli>> clients;
  std::vector<Process> senders;
  for (const char* name : {"ana", "beto", "carla"}) {
    clients.push_back(std::make_unique<Cli>(broker.temp(), name));
    clients.back()->enrol(broker.invite(name));
    senders.push_back(clients.back()->start({"--timeout", "60", "send", "general", "-"}, true));
  }
  Process listener = clients[0]->start({"listen", "general", "--json"});
  int line = 0;
  const auto say = [&](int until) {
    for (; line < until; ++line)
      for (std::size_t i = 0; i < senders.size(); ++i)
        senders[i].write(fmt::format("{} {}\n", i, line));
  };
  const auto heard = [&](const std::string& text) {
    return listener.out().find(fmt::format("\"{}\"", text)) != std::string::npos;
  };
  // Until the listener is there: it shows what comes from then on
  BOOST_TEST(wait_until(
      [&] {
        say(line + 1);
        return heard(fmt::format("0 {}", line - 1)) || heard(fmt::format("0 {}", line - 2));
      },
      60'000));
  std::uint64_t slowest_ms = 0;
  for (const bool clean : {true, false}) {
    if (clean)
      BOOST_TEST(broker.stop().value_or(-1) == 0);
    else
      broker.kill9();
    broker.start();
    const std::uint64_t up = monotonic_ms();
    say(line + 100);
    BOOST_TEST(wait_until([&] { return heard(fmt::format("2 {}", line - 1)); }, 60'000));
    slowest_ms = std::max(slowest_ms, monotonic_ms() - up);
  }
  BOOST_TEST_MESSAGE("after a restart a message is through, both clients being back, in "
                     << slowest_ms << " ms");
  for (auto& s : senders) {
    s.close_input();
    BOOST_TEST(s.wait(60'000).value_or(-1) == 0, s.err());
  }
  const Ran read = clients[1]->run({"history", "general", "--json", "--limit", "100000"});
  const auto all = texts(read.out);
  BOOST_TEST(all.size() == senders.size() * static_cast<std::size_t>(line));
  for (std::size_t i = 0; i < senders.size(); ++i) {
    std::vector<std::string> wanted;
    for (int n = 0; n < line; ++n) wanted.push_back(fmt::format("{} {}", i, n));
    BOOST_TEST(beginning_with(all, fmt::format("{} ", i)) == wanted,
               boost::test_tools::per_element());
  }
  BOOST_TEST(broker.verify() == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
