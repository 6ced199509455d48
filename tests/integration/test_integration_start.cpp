// Starting and stopping tertuliad: what it refuses, in words, and what stays the same.
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <fstream>

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

BOOST_AUTO_TEST_CASE(tertuliactl_says_when_no_broker_runs) {
  TestBroker broker({.start = false});
  const Ran ctl = broker.ctl({"invite", "ana"});
  BOOST_TEST(ctl.code != 0);
  BOOST_TEST(!ctl.err.empty());
  BOOST_TEST(ctl.out.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
