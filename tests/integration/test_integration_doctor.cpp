// `tertuliactl doctor`: each thing that is broken is found, with a sentence and a cure.
#include <sys/stat.h>

#include <fstream>

#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

struct Findings {
  int code = -1;
  std::vector<nlohmann::json> all;
  // A finding of that level whose text, or cure, has this.
  bool has(const std::string& level, const std::string& words) const {
    return std::any_of(all.begin(), all.end(), [&](const auto& f) {
      return f["level"] == level &&
             (f["text"].template get<std::string>() + f["cure"].template get<std::string>())
                     .find(words) != std::string::npos;
    });
  }
  std::string text() const {
    std::string out;
    for (const auto& f : all) out += f.dump() + "\n";
    return out;
  }
};

Findings examine(TestBroker& broker, bool with_config = false) {
  std::vector<std::string> argv{tertuliactl_path(), "--data", broker.data().string()};
  if (with_config)
    argv = {tertuliactl_path(), "--config", broker.config().string(), "--socket",
            (broker.data() / "admin.sock").string()};
  argv.insert(argv.end(), {"doctor", "--json"});
  static int number = 0;
  const Ran ran = run(argv, broker.dir() / fmt::format("doctor-{}", ++number), 60'000);
  Findings out;
  out.code = ran.code;
  for (const auto& line : lines_of(ran.out)) out.all.push_back(nlohmann::json::parse(line));
  BOOST_TEST(ran.err.empty(), ran.err);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(doctor)

BOOST_AUTO_TEST_CASE(a_sound_broker_has_no_fault) {
  TestBroker broker;
  const auto found = examine(broker);
  BOOST_TEST(found.code == 0, found.text());
  for (const char* words : {"answers", "only the broker's user reads its data", "schema 8",
                            "are free", "from this machine: 127.0.0.1"})
    BOOST_TEST(found.has("ok", words), words << " in\n" << found.text());
}

BOOST_AUTO_TEST_CASE(a_stopped_broker_is_a_fault_and_its_data_is_looked_at) {
  TestBroker broker;
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  const auto found = examine(broker);
  BOOST_TEST(found.code == 1);
  BOOST_TEST(found.has("fault", "systemctl start tertuliad"), found.text());
  BOOST_TEST(found.has("ok", "schema 8"), found.text());
}

BOOST_AUTO_TEST_CASE(permissions_that_let_others_read_are_found_with_the_chmod) {
  TestBroker broker;
  const auto key = broker.data() / "keys" / "log.key";
  BOOST_REQUIRE_EQUAL(::chmod(key.c_str(), 0644), 0);
  const auto found = examine(broker);
  BOOST_TEST(found.code == 1);
  BOOST_TEST(found.has("fault", "chmod 600 " + key.string()), found.text());
}

BOOST_AUTO_TEST_CASE(a_mistake_in_the_configuration_is_named_with_its_line) {
  TestBroker broker;
  std::ofstream(broker.config(), std::ios::app) << "\n[limits]\nmax_conections = 3\n";
  const auto found = examine(broker, true);
  BOOST_TEST(found.code == 1);
  BOOST_TEST(found.has("fault", "did you mean max_connections"), found.text());
  BOOST_TEST(found.has("fault", broker.config().string() + ":"), found.text());
}

BOOST_AUTO_TEST_CASE(a_name_that_leads_nowhere_is_found_with_the_line_to_change) {
  TestBroker broker({.start = false,
                     .listen_more = "advertise = [\"tcp://chat.invalid:5570\"]",
                     .config_more = "[data]\ndir = \"/nonexistent/tertulia\"\n"});
  const auto found = examine(broker, true);
  BOOST_TEST(found.has("fault", "listen.advertise (" + broker.config().string() + ":"),
             found.text());
  BOOST_TEST(found.has("fault", "data.dir (" + broker.config().string() + ":"), found.text());
}

BOOST_AUTO_TEST_CASE(too_few_descriptors_name_the_line_that_asks_for_them) {
  TestBroker broker;
  std::ofstream(broker.config(), std::ios::app) << "\n[limits]\nmax_connections = 90000\n";
  const auto found = examine(broker, true);
  BOOST_TEST(found.has("fault", "limits.max_connections (" + broker.config().string() + ":"),
             found.text());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
