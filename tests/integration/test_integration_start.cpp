// Starting and stopping tertuliad: what it refuses, in words, and what stays the same.
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

Ran run_broker(TestBroker& broker, const std::vector<std::string>& args,
               const std::map<std::string, std::string>& env = {}) {
  static int number = 0;
  std::vector<std::string> argv{tertuliad_path()};
  argv.insert(argv.end(), args.begin(), args.end());
  return run(argv, broker.dir() / fmt::format("refused-{}", ++number), 20'000, {}, env);
}

void check_refused(const Ran& ran, const std::string& word) {
  BOOST_TEST(ran.code > 0, "exit " << ran.code << ": " << ran.err);
  BOOST_TEST(ran.code < 128, "exit " << ran.code << ": " << ran.err);
  BOOST_TEST(ran.err.find(word) != std::string::npos, "no \"" << word << "\" in: " << ran.err);
  BOOST_TEST(ran.err.find("terminate called") == std::string::npos, ran.err);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(start)

BOOST_AUTO_TEST_CASE(three_errors_in_a_config_are_all_said_with_their_places) {
  TestBroker broker({.start = false});
  std::ofstream(broker.config()) << "[server]\n"
                                    "nmae = \"prueba\"\n"
                                    "[listen]\n"
                                    "commands = 5570\n"
                                    "[broadcast]\n"
                                    "link = \"telegraph\"\n";
  for (const auto& args : std::vector<std::vector<std::string>>{
           {"--config", broker.config().string(), "--check-config"},
           {"--config", broker.config().string(), "--data", broker.data().string()}}) {
    const Ran ran = run_broker(broker, args);
    BOOST_TEST(ran.code == 2, "exit " << ran.code << ": " << ran.err);
    const std::string file = broker.config().string();
    for (const char* place : {":2:", ":4:", ":6:"})
      BOOST_TEST(ran.err.find(file + place) != std::string::npos, place << " in " << ran.err);
    BOOST_TEST(ran.err.find("did you mean") != std::string::npos, ran.err);
    BOOST_TEST(ran.err.find("name") != std::string::npos, ran.err);
    BOOST_TEST(!std::filesystem::exists(broker.database()));  // nothing was started
  }
  broker.write_config();
  const Ran good = run_broker(broker, {"--config", broker.config().string(), "--check-config"});
  BOOST_TEST(good.code == 0, good.err);
}

BOOST_AUTO_TEST_CASE(drop_ins_are_read_and_warnings_are_said_at_check_and_start) {
  TestBroker broker({.start = false});
  const auto drop_ins = broker.dir() / "conf.d";
  std::filesystem::create_directory(drop_ins);
  std::ofstream(drop_ins / "name.toml") << "[server]\nname = \"otra\"\n";
  std::ofstream(drop_ins / "habit.conf") << "[server]\nname = \"nadie\"\n";
  const std::string warning = (drop_ins / "habit.conf").string() + ": this file is not read";
  const Ran check = run_broker(broker, {"--config", broker.config().string(), "--check-config"});
  BOOST_TEST(check.code == 0, check.err);
  BOOST_TEST(check.err.find(warning) != std::string::npos, check.err);
  BOOST_TEST(check.out.find("name.toml") != std::string::npos, check.out);
  broker.start();
  BOOST_TEST(broker.err().find(warning) != std::string::npos, broker.err());
  // It answers a moment before it says so
  BOOST_TEST(
      wait_until([&] { return broker.err().find("otra serves on") != std::string::npos; }, 20'000));
}

BOOST_AUTO_TEST_CASE(the_printed_configuration_says_where_it_comes_from_and_can_be_fed_back) {
  TestBroker broker({.start = false});
  std::filesystem::create_directory(broker.dir() / "conf.d");
  std::ofstream(broker.dir() / "conf.d" / "small.toml") << "[limits]\nmax_connections = 50\n";
  const std::vector<std::string> args{"--config", broker.config().string(), "--print-config"};
  std::vector<std::string> with_data = args;
  with_data.insert(with_data.end(), {"--data", broker.data().string()});
  const Ran printed = run_broker(broker, with_data);
  BOOST_REQUIRE_MESSAGE(printed.code == 0, printed.err);
  BOOST_TEST(!std::filesystem::exists(broker.database()));  // nothing was started
  const auto line_of = [&](const std::string& key) {
    const auto at = printed.out.find("\n" + key + " = ");
    BOOST_REQUIRE_MESSAGE(at != std::string::npos, key << " in " << printed.out);
    return printed.out.substr(at + 1, printed.out.find('\n', at + 1) - at - 1);
  };
  BOOST_TEST(line_of("max_connections").find("/conf.d/small.toml:2:19; ") != std::string::npos);
  BOOST_TEST(line_of("dir").find("# command line") != std::string::npos);
  BOOST_TEST(line_of("workers").find("# default") != std::string::npos);

  std::filesystem::remove_all(broker.dir() / "conf.d");
  std::ofstream(broker.config()) << printed.out;
  const Ran again = run_broker(broker, args);
  BOOST_REQUIRE_MESSAGE(again.code == 0, again.err);
  const auto values = [](const std::string& text) {
    std::istringstream lines(text);
    std::string out;
    for (std::string line; std::getline(lines, line);)
      if (!line.starts_with('#')) out += line.substr(0, line.find("  #")) + "\n";
    return out;
  };
  BOOST_TEST(values(again.out) == values(printed.out));
}

BOOST_AUTO_TEST_CASE(a_config_that_is_no_toml_or_not_there_is_refused) {
  TestBroker broker({.start = false});
  std::ofstream(broker.config()) << "[server\nname = ";
  check_refused(run_broker(broker, {"--config", broker.config().string()}), "tertuliad.toml");
  check_refused(run_broker(broker, {"--config", "/nonexistent/t.toml"}), "/nonexistent/t.toml");
  BOOST_TEST(run_broker(broker, {"--nonsense"}).code == 2);
}

BOOST_AUTO_TEST_CASE(a_second_broker_on_one_directory_is_refused) {
  TestBroker broker, other({.start = false});
  check_refused(
      run_broker(broker, {"--config", other.config().string(), "--data", broker.data().string()}),
      broker.data().string());
  // The first one goes on
  RawClient ana(broker.invite("ana"));
  ana.join();
}

BOOST_AUTO_TEST_CASE(a_port_in_use_is_refused_with_its_address) {
  TestBroker broker, other({.start = false});
  check_refused(
      run_broker(broker, {"--config", broker.config().string(), "--data", other.data().string()}),
      "tcp://127.0.0.1:");
}

BOOST_AUTO_TEST_CASE(memory_and_network_disks_are_refused) {
  TestBroker broker({.start = false, .faults = true});
  check_refused(run_broker(broker, {"--config", broker.config().string(), "--data",
                                    "/dev/shm/tertulia-refused"}),
                "/dev");
  BOOST_TEST(!std::filesystem::exists("/dev/shm/tertulia-refused"));
  broker.disk().set("nfs");
  check_refused(
      run_broker(broker, {"--config", broker.config().string(), "--data", broker.data().string()},
                 broker.disk().env()),
      "network file system");
  BOOST_TEST(!std::filesystem::exists(broker.database()));
}

BOOST_AUTO_TEST_CASE(keys_that_others_may_read_or_that_are_missing_are_refused) {
  TestBroker broker;
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  const auto key = broker.data() / "keys" / "log.key";
  const std::vector<std::string> args{"--config", broker.config().string(), "--data",
                                      broker.data().string()};
  BOOST_REQUIRE_EQUAL(::chmod(key.c_str(), 0644), 0);
  check_refused(run_broker(broker, args), "chmod");
  BOOST_REQUIRE_EQUAL(::chmod(key.c_str(), 0600), 0);
  std::filesystem::rename(key, broker.dir() / "away");
  check_refused(run_broker(broker, args), "log.key");
  std::filesystem::rename(broker.dir() / "away", key);
  broker.start();
}

BOOST_AUTO_TEST_CASE(sigterm_and_sigint_end_it_with_0_and_a_start_finds_the_same_server) {
  TestBroker broker;
  const Ran before = broker.ctl({"log", "key"});
  BOOST_REQUIRE_MESSAGE(before.code == 0, before.err);
  RawClient ana(broker.invite("ana"));
  ana.join();
  BOOST_TEST(broker.stop().value_or(-1) == 0);
  const Ran stopped = broker.ctl({"log", "key"});
  BOOST_TEST(stopped.out == before.out);
  broker.start();
  broker.process().signal(SIGINT);
  BOOST_TEST(broker.wait_exit(20'000).value_or(-1) == 0);
  broker.start();
  BOOST_TEST(broker.ctl({"log", "key"}).out == before.out);
  ana.disconnect();
  ana.rejoin();
}

BOOST_AUTO_TEST_CASE(init_makes_keys_once_and_never_again) {
  TestBroker broker({.start = false});
  const std::vector<std::string> args{"--config", broker.config().string(), "--data",
                                      broker.data().string(), "--init"};
  const Ran first = run_broker(broker, args);
  BOOST_REQUIRE_MESSAGE(first.code == 0, first.err);
  BOOST_TEST(first.out.find("prueba has the fingerprint ") == 0, first.out);
  const auto key = broker.data() / "keys" / "identity.key";
  struct stat made {
  }, after{};
  BOOST_REQUIRE_EQUAL(::stat(key.c_str(), &made), 0);
  const Ran second = run_broker(broker, args);
  BOOST_TEST(second.code == 0, second.err);
  BOOST_TEST(second.out == first.out);
  BOOST_REQUIRE_EQUAL(::stat(key.c_str(), &after), 0);
  BOOST_TEST(made.st_ino == after.st_ino);
  broker.start();
  check_refused(run_broker(broker, args), broker.data().string());  // a broker serves it
}

BOOST_AUTO_TEST_CASE(keys_given_as_credentials_are_used_in_place_of_their_files) {
  TestBroker broker;
  RawClient ana(broker.invite("ana"));
  ana.join();
  const std::string before = broker.ctl({"log", "key"}).out;
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  const auto credentials = broker.dir() / "credentials";
  std::filesystem::create_directory(credentials);
  for (const char* key : {"transport.key", "log.key", "kek.key"})
    std::filesystem::rename(broker.data() / "keys" / key, credentials / key);
  check_refused(
      run_broker(broker, {"--config", broker.config().string(), "--data", broker.data().string()}),
      "credential");
  broker.options.env = {{"CREDENTIALS_DIRECTORY", credentials.string()}};
  broker.start();
  ana.disconnect();
  ana.rejoin();
  BOOST_TEST(broker.stop().value_or(-1) == 0);
  for (const char* key : {"transport.key", "log.key", "kek.key"})
    BOOST_TEST(!std::filesystem::exists(broker.data() / "keys" / key), key);
  // A credential that is no key is named
  std::ofstream(credentials / "log.key") << "short";
  check_refused(
      run_broker(broker, {"--config", broker.config().string(), "--data", broker.data().string()},
                 broker.options.env),
      "log.key is not a key");
}

BOOST_AUTO_TEST_CASE(tertuliactl_says_when_no_broker_runs) {
  TestBroker broker({.start = false});
  const Ran ctl = broker.ctl({"invite", "ana"});
  BOOST_TEST(ctl.code != 0);
  BOOST_TEST(!ctl.err.empty());
  BOOST_TEST(ctl.out.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
