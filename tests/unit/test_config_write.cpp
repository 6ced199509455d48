#include <boost/test/unit_test.hpp>

#include "common/config/keys.hpp"
#include "common/config/parse.hpp"
#include "common/config/write.hpp"

using namespace tertulia;

namespace {

LoadedConfig loaded(const std::string& text, const std::string& file = "t.toml") {
  const config::SourceText source{file, text};
  auto result = config::parse(config::table(), std::span(&source, 1));
  if (!result) BOOST_FAIL(to_string(result.error()[0]));
  return *std::move(result);
}

std::string printed(const LoadedConfig& config) {
  return config::effective_config(config::table(), config, "A title");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(config_write)

BOOST_AUTO_TEST_CASE(what_is_written_is_read_back_the_same) {
  BOOST_TEST((loaded(printed(loaded(""))).config == BrokerConfig{}));

  BrokerConfig odd;
  odd.server_name = "otra";
  odd.listen_advertise = {"tcp://a:1", "tcp://[::1]:2"};
  odd.data_dir = "/with \"quotes\", a \\, a tab\t, a line\nand año\x7f";
  odd.log_console_bodies = !odd.log_console_bodies;
  odd.queue_bytes_max = 9'223'372'036'854'775'807u;
  LoadedConfig source;
  source.config = odd;
  source.origins["data.dir"] = {"a file\nwith = \"lines\"", 3, 4};
  source.files = {"a file\nwith = \"lines\""};
  BOOST_TEST((loaded(printed(source)).config == odd));
}

BOOST_AUTO_TEST_CASE(every_key_is_written_with_where_its_value_comes_from) {
  const std::string text = printed(loaded("[limits]\nworkers = 3\n", "/etc/t.toml"));
  BOOST_TEST(text.starts_with("# A title\n# read: /etc/t.toml\n\n[server]\n"));
  for (const auto& key : config::keys())
    BOOST_TEST(text.find("\n" + std::string(key.name) + " = ") != text.npos, key.name);
  const auto line = [&](const std::string& key) {
    const auto at = text.find("\n" + key + " = ") + 1;
    return text.substr(at, text.find('\n', at) - at);
  };
  BOOST_TEST(line("workers").ends_with("  # /etc/t.toml:2:11; changes at a restart"));
  BOOST_TEST(line("readers").ends_with("  # default; changes at a restart"));
  BOOST_TEST(line("idle_ping_s").ends_with("  # default; changes at a reload"));
}

BOOST_AUTO_TEST_SUITE_END()
