#include <boost/test/unit_test.hpp>
#include <random>
#include <system_error>

#include "common/base/file.hpp"
#include "common/config/config.hpp"
#include "common/config/keys.hpp"
#include "tests/unit/scratch_directory.hpp"

using namespace tertulia;

namespace {

std::vector<std::string> errors_of(std::string_view text) {
  const auto result = parse_config(text, "t.toml");
  std::vector<std::string> out;
  if (!result)
    for (const auto& e : result.error()) out.push_back(to_string(e));
  return out;
}

// The only error of a text; "" when it is right.
std::string error_of(std::string_view text) {
  const auto errors = errors_of(text);
  BOOST_TEST(errors.size() <= 1u);
  return errors.empty() ? "" : errors[0];
}

BrokerConfig config_of(std::string_view text) {
  const auto result = parse_config(text, "t.toml");
  if (!result) BOOST_FAIL(to_string(result.error()[0]));
  return *result;
}

const std::string kShipped = TERTULIA_SOURCE_DIR "/config/tertuliad.toml";

}  // namespace

BOOST_AUTO_TEST_SUITE(config_parse)

BOOST_AUTO_TEST_CASE(an_empty_file_is_the_defaults) {
  BOOST_TEST((config_of("") == BrokerConfig{}));
  BOOST_TEST((config_of("# nothing\n[limits]\n") == BrokerConfig{}));
}

BOOST_AUTO_TEST_CASE(the_shipped_file_is_the_defaults_and_names_every_key) {
  const auto result = load_config(kShipped);
  if (!result) BOOST_FAIL(to_string(result.error()[0]));
  BOOST_TEST((result->config == BrokerConfig{}));
  BOOST_TEST(result->warnings.empty());

  const Bytes content = read_file(kShipped, 1 << 20);
  const std::string text = "\n" + std::string(as_text(content));
  for (const auto& key : config::keys()) {
    const auto section = text.find("\n[" + std::string(key.section) + "]\n");
    BOOST_REQUIRE_MESSAGE(section != text.npos, "no section " << key.section);
    const auto end = text.find("\n[", section + 1);
    const auto at = text.find("\n" + std::string(key.name) + " = ", section);
    BOOST_TEST((at != text.npos && at < end), key.section << "." << key.name << " is missing");
    BOOST_TEST(!key.doc.empty());
  }
}

BOOST_AUTO_TEST_CASE(every_key_takes_its_value) {
  const auto c = config_of(R"(
[server]
name = "escuela-7.example"
[listen]
commands = "tcp://127.0.0.1:6000"
broadcast = "tcp://[::1]:6001"
advertise = ["tcp://chat.example.org:6000", "tcp://[2001:db8::1]:6000"]
[data]
dir = "/srv/t"
[admin]
socket = "/srv/t/a.sock"
[broadcast]
link = "curve"
[discovery]
avahi = false
[log]
console_bodies = true
[limits]
max_connections = 100000
workers = 64
readers = 16
io_threads = 1
frame_bytes_max = 1_048_576
queue_frames_max = 64
queue_bytes_max = 1048576
handshake_s = 1
idle_ping_s = 600
)");
  BOOST_TEST(c.server_name == "escuela-7.example");
  BOOST_TEST(c.listen_commands == "tcp://127.0.0.1:6000");
  BOOST_TEST(c.listen_broadcast == "tcp://[::1]:6001");
  BOOST_TEST(c.listen_advertise.size() == 2u);
  BOOST_TEST(c.listen_advertise.at(1) == "tcp://[2001:db8::1]:6000");
  BOOST_TEST(c.data_dir == "/srv/t");
  BOOST_TEST(c.admin_socket == "/srv/t/a.sock");
  BOOST_TEST(!c.discovery_avahi);
  BOOST_TEST(c.log_console_bodies);
  BOOST_TEST(c.max_connections == 100000u);
  BOOST_TEST(c.workers == 64u);
  BOOST_TEST(c.readers == 16u);
  BOOST_TEST(c.io_threads == 1u);
  BOOST_TEST(c.frame_bytes_max == 1048576u);
  BOOST_TEST(c.queue_frames_max == 64u);
  BOOST_TEST(c.queue_bytes_max == 1048576u);
  BOOST_TEST(c.handshake_s == 1u);
  BOOST_TEST(c.idle_ping_s == 600u);
}

BOOST_AUTO_TEST_CASE(unknown_names_say_what_was_meant) {
  BOOST_TEST(error_of("[limits]\nmax_conections = 5\n") ==
             "t.toml:2:1: unknown key \"max_conections\" in [limits]; did you mean "
             "max_connections?");
  BOOST_TEST(error_of("[limits]\n  wrokers = 5\n") ==
             "t.toml:2:3: unknown key \"wrokers\" in [limits]; did you mean workers?");
  BOOST_TEST(error_of("[limits]\nconnections = 5\n") ==
             "t.toml:2:1: unknown key \"connections\" in [limits]; did you mean max_connections?");
  BOOST_TEST(error_of("[server]\nadvertise = []\n") ==
             "t.toml:2:1: unknown key \"advertise\" in [server]; did you mean advertise in "
             "[listen]?");
  BOOST_TEST(error_of("[limit]\nworkers = 1\n") ==
             "t.toml:1:2: unknown section [limit]; did you mean [limits]?");
  BOOST_TEST(error_of("[limits]\nfrobnicate = 1\n") ==
             "t.toml:2:1: unknown key \"frobnicate\" in [limits]");
  BOOST_TEST(error_of("workers = 1\n") ==
             "t.toml:1:1: key \"workers\" is in no section; did you mean workers in [limits]?");
  BOOST_TEST(error_of("limits = 1\n") ==
             "t.toml:1:1: limits is a section, not a number: write [limits] on a line of its own");
  BOOST_TEST(error_of("[limits.more]\nx = 1\n") == "t.toml:1:9: unknown key \"more\" in [limits]");
}

BOOST_AUTO_TEST_CASE(wrong_types_are_named) {
  BOOST_TEST(error_of("[limits]\nworkers = \"4\"\n") ==
             "t.toml:2:11: limits.workers must be a whole number, not a text");
  BOOST_TEST(error_of("[limits]\nworkers = 1.5\n") ==
             "t.toml:2:11: limits.workers must be a whole number, not a number with a fraction");
  BOOST_TEST(error_of("[log]\nconsole_bodies = 1\n") ==
             "t.toml:2:18: log.console_bodies must be true or false, not a number");
  BOOST_TEST(error_of("[server]\nname = [\"a\"]\n") ==
             "t.toml:2:8: server.name must be a text in quotes, not a list");
  BOOST_TEST(error_of("[data]\ndir = 2026-01-01\n") ==
             "t.toml:2:7: data.dir must be a text in quotes, not a date or time");
  BOOST_TEST(error_of("[listen]\nadvertise = \"tcp://a:1\"\n") ==
             "t.toml:2:13: listen.advertise must be a list of texts, such as [\"…\", \"…\"], "
             "not a text");
  BOOST_TEST(error_of("[listen]\nadvertise = [7]\n") ==
             "t.toml:2:14: listen.advertise: each item must be a text in quotes, not a number");
}

BOOST_AUTO_TEST_CASE(ranges_hold_at_their_borders) {
  for (const auto& key : config::keys()) {
    const auto* number = std::get_if<config::NumberKey<BrokerConfig>>(&key.value);
    if (number == nullptr) continue;
    const auto with = [&](std::string value) {
      return "[" + std::string(key.section) + "]\n" + std::string(key.name) + " = " + value + "\n";
    };
    BOOST_TEST(error_of(with(std::to_string(number->min))) == "");
    BOOST_TEST(error_of(with(std::to_string(number->max))) == "");
    BOOST_TEST(error_of(with("-1")).find("must be ") != std::string::npos, key.name);
    if (number->min > 0)
      BOOST_TEST(error_of(with(std::to_string(number->min - 1))) != "", key.name);
    BOOST_TEST(error_of(with(std::to_string(number->max + 1))) != "", key.name);
  }
  BOOST_TEST(error_of("[limits]\nreaders = 17\n") ==
             "t.toml:2:11: limits.readers must be from 1 to 16, not 17");
  BOOST_TEST(error_of("[limits]\nqueue_bytes_max = 5\n") ==
             "t.toml:2:19: limits.queue_bytes_max must be at least 1048576, not 5");
}

BOOST_AUTO_TEST_CASE(names_that_a_checkpoint_can_carry) {
  for (const char* name : {"t", "tertulia", "a.b-c", "7eleven"})
    BOOST_TEST(error_of("[server]\nname = \"" + std::string(name) + "\"\n") == "", name);
  for (const std::string& name :
       {std::string(""), std::string("-a"), std::string(".a"), std::string("a b"),
        std::string("a+b"), std::string("año"), std::string("a/b"), std::string(64, 'a')})
    BOOST_TEST(error_of("[server]\nname = \"" + name + "\"\n") != "", name);
}

BOOST_AUTO_TEST_CASE(endpoints) {
  for (const char* good : {"tcp://*:1", "tcp://0.0.0.0:65535", "tcp://[::]:5570", "tcp://eth0:80",
                           "tcp://chat.example.org:5570"})
    BOOST_TEST(error_of("[listen]\ncommands = \"" + std::string(good) + "\"\n") == "", good);
  for (const char* bad :
       {"", "*:5570", "tcp://", "tcp://*", "tcp://*:", "tcp://*:0", "tcp://*:65536", "tcp://*:-1",
        "tcp://*:5570x", "tcp://:5570", "udp://*:5570", "ipc:///tmp/x", "tcp://::1:5570",
        "tcp://[]:5570", "tcp://[::1:5570", "tcp://a b:5570", "tcp://*:99999999999999999999"})
    BOOST_TEST(error_of("[listen]\ncommands = \"" + std::string(bad) + "\"\n") != "", bad);
  BOOST_TEST(error_of("[listen]\nadvertise = [\"tcp://*:5570\"]\n") ==
             "t.toml:2:14: listen.advertise: each item must name an address that clients can "
             "reach; * says nothing to them, not \"tcp://*:5570\"");
  BOOST_TEST(error_of("[listen]\nbroadcast = \"tcp://*:5570\"\n") ==
             "t.toml:2:13: listen.broadcast and listen.commands must differ; both are "
             "\"tcp://*:5570\"");
}

BOOST_AUTO_TEST_CASE(the_sealed_link_is_not_there_yet) {
  BOOST_TEST(error_of("[broadcast]\nlink = \"sealed\"\n") ==
             "t.toml:2:8: broadcast.link must be \"curve\": the sealed link is not in this "
             "version, not \"sealed\"");
  BOOST_TEST(error_of("[broadcast]\nlink = \"none\"\n") != "");
}

BOOST_AUTO_TEST_CASE(a_unix_socket_has_a_short_path) {
  BOOST_TEST(error_of("[admin]\nsocket = \"/" + std::string(106, 'a') + "\"\n") == "");
  BOOST_TEST(error_of("[admin]\nsocket = \"/" + std::string(107, 'a') + "\"\n") != "");
  BOOST_TEST(error_of("[admin]\nsocket = \"admin.sock\"\n") != "");
}

BOOST_AUTO_TEST_CASE(all_errors_come_at_once_in_the_order_of_the_file) {
  const auto errors = errors_of(R"([limits]
workers = 65
bananas = 1
readers = "x"

[sever]
name = "x"

[listen]
advertise = ["tcp://ok:1", 7, "nonsense"]
)");
  BOOST_REQUIRE(errors.size() == 6u);
  const char* const places[] = {"t.toml:2:11: ", "t.toml:3:1: ",   "t.toml:4:11: ",
                                "t.toml:6:2: ",  "t.toml:10:28: ", "t.toml:10:31: "};
  for (std::size_t i = 0; i < 6; ++i) BOOST_TEST(errors[i].starts_with(places[i]), errors[i]);
}

BOOST_AUTO_TEST_CASE(what_is_not_toml_is_refused_with_its_place) {
  BOOST_TEST(error_of("[limits]\nworkers = \n").starts_with("t.toml:2:"));
  BOOST_TEST(error_of("[limits]\nworkers = 1\nworkers = 2\n").starts_with("t.toml:3:"));
  BOOST_TEST(error_of("[limits\n").starts_with("t.toml:1:"));
  BOOST_TEST(error_of("[server]\nname = \"\xff\"\n").starts_with("t.toml:2:"));
  BOOST_TEST(error_of(std::string(5000, '[')) != "");
  for (const char* text :
       {"[[[", "[[=", "[[[a]]]", "[", "[]", "[[]]", "=", "a", "a=", "\"", "'", "\xc3", "a\r"})
    BOOST_TEST(error_of(text) != "", text);
  for (const auto& e : errors_of("[server]\n\"a\\nb\" = 1\nname = \"x\\ny\"\n"))
    BOOST_TEST(e.find('\n') == e.npos);
}

// Whatever is in the file, the answer is a configuration or a list of mistakes with places.
BOOST_AUTO_TEST_CASE(a_damaged_file_is_answered) {
  const Bytes shipped = read_file(kShipped, 1 << 20);
  constexpr std::string_view kHits = "[]=\"'\n.,{}#0e-+:\\\xc3 \r\t\x01";
  std::minstd_rand random(20261123);
  const auto below = [&](std::size_t n) { return random() % n; };
  for (int round = 0; round < 5000; ++round) {
    std::string text(as_text(shipped));
    text = text.substr(below(text.size()), 1 + below(400));
    for (std::size_t hits = 1 + below(3); hits > 0; --hits)
      text[below(text.size())] = kHits[below(kHits.size())];
    const auto result = parse_config(text, "t.toml");
    if (result) continue;
    BOOST_REQUIRE(!result.error().empty());
    for (const auto& e : result.error()) BOOST_REQUIRE((e.line > 0 && e.column > 0));
  }
}

BOOST_AUTO_TEST_CASE(a_file_that_is_not_there_is_the_environments_fault) {
  test::ScratchDirectory dir;
  BOOST_CHECK_THROW(load_config(dir / "none.toml"), std::system_error);
  write_file_durably(dir / "t.toml", as_bytes("[limits]\nworkers = 3\n"));
  BOOST_TEST(load_config(dir / "t.toml").value().config.workers == 3u);
}

BOOST_AUTO_TEST_SUITE_END()
