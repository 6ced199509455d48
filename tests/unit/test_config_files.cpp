#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "common/base/file.hpp"
#include "common/config/keys.hpp"
#include "common/config/parse.hpp"
#include "tests/unit/scratch_directory.hpp"

using namespace tertulia;
namespace fs = std::filesystem;

namespace {

// A directory with tertuliad.toml and, beside it, conf.d.
struct Files {
  test::ScratchDirectory dir;
  fs::path main = dir / "tertuliad.toml";

  explicit Files(std::string_view text) {
    fs::create_directory(dir / "conf.d");
    write_file_durably(main, as_bytes(text));
  }
  void drop_in(const std::string& name, std::string_view text) {
    write_file_durably(dir / "conf.d" / name, as_bytes(text));
  }
  LoadedConfig loaded() const {
    auto result = load_config(main);
    if (!result) BOOST_FAIL(to_string(result.error()[0]));
    return *std::move(result);
  }
  // The mistakes, each without the scratch directory in front.
  std::vector<std::string> errors() const {
    const auto result = load_config(main);
    std::vector<std::string> out;
    if (result) return out;
    for (const auto& e : result.error()) {
      const std::string text = to_string(e);
      BOOST_REQUIRE(text.starts_with(main.parent_path().string() + "/"));
      out.push_back(text.substr(main.parent_path().string().size() + 1));
    }
    return out;
  }
  std::string origin(const LoadedConfig& loaded, const std::string& key) const {
    const auto at = loaded.origins.find(key);
    if (at == loaded.origins.end()) return "";
    return to_string(at->second).substr(main.parent_path().string().size() + 1);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(config_files)

BOOST_AUTO_TEST_CASE(drop_ins_win_in_the_order_of_their_names) {
  Files files("[limits]\nworkers = 1\nreaders = 2\nidle_ping_s = 7\n");
  files.drop_in("90-late.toml", "[limits]\nworkers = 9\n");
  files.drop_in("10-early.toml", "\n[limits]\n  workers = 4\nreaders = 3\n[data]\ndir = \"/d\"\n");
  const LoadedConfig loaded = files.loaded();
  BOOST_TEST(loaded.config.workers == 9u);
  BOOST_TEST(loaded.config.readers == 3u);
  BOOST_TEST(loaded.config.idle_ping_s == 7u);
  BOOST_TEST(loaded.config.data_dir == "/d");
  BOOST_TEST(files.origin(loaded, "limits.workers") == "conf.d/90-late.toml:2:11");
  BOOST_TEST(files.origin(loaded, "limits.readers") == "conf.d/10-early.toml:4:11");
  BOOST_TEST(files.origin(loaded, "limits.idle_ping_s") == "tertuliad.toml:4:15");
  BOOST_TEST(loaded.origins.count("limits.io_threads") == 0u);
  BOOST_TEST(loaded.files.size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_list_in_a_drop_in_takes_the_place_of_the_whole_list) {
  Files files("[listen]\nadvertise = [\"tcp://a:1\", \"tcp://b:1\"]\n");
  files.drop_in("a.toml", "[listen]\nadvertise = [\"tcp://c:1\"]\n");
  BOOST_TEST(files.loaded().config.listen_advertise == std::vector<std::string>{"tcp://c:1"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_not_a_drop_in_is_not_read) {
  Files files("");
  for (const char* name : {"README", "x.toml.dpkg-old", "x.toml~", ".hidden.toml", "toml"})
    files.drop_in(name, "this is not TOML");
  BOOST_TEST((files.loaded().config == BrokerConfig{}));
  BOOST_TEST(files.loaded().warnings.empty());
  files.drop_in("habit.conf", "[limits]\nworkers = 1\n");
  BOOST_REQUIRE(files.loaded().warnings.size() == 1u);
  BOOST_TEST((files.loaded().config == BrokerConfig{}));
  BOOST_TEST(to_string(files.loaded().warnings[0]).find("/conf.d/habit.conf: this file is not") !=
             std::string::npos);
  fs::remove_all(files.dir / "conf.d");
  BOOST_TEST((files.loaded().config == BrokerConfig{}));
}

BOOST_AUTO_TEST_CASE(every_mistake_of_every_file_is_named) {
  Files files("[limits]\nworkers = 65\nreaders = 0\n");
  files.drop_in("b.toml", "[limits]\nwrokers = 1\n");
  files.drop_in("a.toml", "[limits\n");
  files.drop_in("c.toml", "[log]\nconsole_bodies = true\n");
  const auto errors = files.errors();
  BOOST_REQUIRE(errors.size() == 4u);
  const char* const places[] = {"tertuliad.toml:2:11: limits.workers must be",
                                "tertuliad.toml:3:11: limits.readers must be",
                                "conf.d/a.toml:1:", "conf.d/b.toml:2:1: unknown key \"wrokers\""};
  for (std::size_t i = 0; i < 4; ++i) BOOST_TEST(errors[i].starts_with(places[i]), errors[i]);
}

BOOST_AUTO_TEST_CASE(values_of_two_files_that_do_not_go_together_are_shown_where_they_meet) {
  Files files("[listen]\ncommands = \"tcp://*:6000\"\n");
  files.drop_in("x.toml", "[listen]\nbroadcast = \"tcp://*:6000\"\n");
  const auto errors = files.errors();
  BOOST_REQUIRE(errors.size() == 1u);
  BOOST_TEST(errors[0].starts_with("conf.d/x.toml:2:13: listen.broadcast and"), errors[0]);

  // The other value is a default: the place is that of the one that was written.
  Files one("[listen]\ncommands = \"tcp://*:5571\"\n");
  BOOST_REQUIRE(one.errors().size() == 1u);
  BOOST_TEST(one.errors()[0].starts_with("tertuliad.toml:2:12: "), one.errors()[0]);
}

BOOST_AUTO_TEST_CASE(a_drop_in_that_cannot_be_read_is_a_mistake_beside_the_others) {
  Files files("[limits]\nworkers = 65\n");
  fs::create_directory(files.dir / "conf.d" / "folder.toml");
  fs::create_symlink("/nowhere/at/all", files.dir / "conf.d" / "dangling.toml");
  BOOST_REQUIRE(::mkfifo((files.dir / "conf.d" / "pipe.toml").c_str(), 0600) == 0);
  files.drop_in("large.toml", std::string(kConfigFileBytesMax + 1, '#'));
  std::vector<std::string> wanted{"conf.d/dangling.toml: ", "conf.d/folder.toml: ",
                                  "conf.d/large.toml: ", "conf.d/pipe.toml: "};
  if (::geteuid() != 0) {
    files.drop_in("closed.toml", "");
    fs::permissions(files.dir / "conf.d" / "closed.toml", fs::perms::none);
    wanted.insert(wanted.begin(), "conf.d/closed.toml: this drop-in cannot be read: Permission");
  }
  wanted.push_back("tertuliad.toml:2:11: ");
  const auto errors = files.errors();
  BOOST_REQUIRE(errors.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i)
    BOOST_TEST(errors[i].starts_with(wanted[i]), errors[i]);
}

BOOST_AUTO_TEST_CASE(drop_ins_are_bounded_in_number) {
  Files files("");
  for (std::size_t i = 0; i < kDropInsMax; ++i) files.drop_in(std::to_string(i) + ".toml", "");
  BOOST_TEST(files.errors().empty());
  files.drop_in("one-more.toml", "");
  BOOST_REQUIRE(files.errors().size() == 1u);
  BOOST_TEST(files.errors()[0].starts_with("conf.d: 65 drop-ins are too many"));
}

BOOST_AUTO_TEST_CASE(a_main_file_that_is_not_there_is_not_made_good_by_drop_ins) {
  Files files("");
  files.drop_in("a.toml", "");
  fs::remove(files.main);
  BOOST_CHECK_THROW(load_config(files.main), std::system_error);
}

BOOST_AUTO_TEST_CASE(what_differs_is_found_by_key) {
  BrokerConfig a, b;
  BOOST_TEST(config::differing(a, b).empty());
  b.max_connections = 5;
  b.data_dir = "/elsewhere";
  const auto keys = config::differing(a, b);
  BOOST_REQUIRE(keys.size() == 2u);
  BOOST_TEST(keys[0]->name == "dir");
  BOOST_TEST((keys[0]->applies == config::Applies::at_restart));
  BOOST_TEST(keys[1]->name == "max_connections");
  BOOST_TEST((keys[1]->applies == config::Applies::at_reload));
}

// Nothing has been renamed since the first release: the mechanism is shown with names made up here.
BOOST_AUTO_TEST_CASE(a_former_name_is_accepted_with_a_warning_that_has_the_new_one) {
  constexpr std::array kFormer{
      config::FormerName{"limits", "clients_max", "limits", "max_connections"},
      config::FormerName{"network", "commands", "listen", "commands"},
  };
  config::Table<BrokerConfig> table = config::table();
  table.former = kFormer;
  const auto parse = [&](std::string a, std::string b = "") {
    const std::array texts{config::SourceText{"a.toml", std::move(a)},
                           config::SourceText{"b.toml", std::move(b)}};
    return config::parse(table, texts);
  };

  const auto old = parse("[limits]\nclients_max = 7\n[network]\n commands = \"tcp://*:6000\"\n");
  BOOST_REQUIRE(old.has_value());
  BOOST_TEST(old->config.max_connections == 7u);
  BOOST_TEST(old->config.listen_commands == "tcp://*:6000");
  BOOST_TEST(to_string(old->origins.at("limits.max_connections")) == "a.toml:2:15");
  BOOST_REQUIRE(old->warnings.size() == 2u);
  BOOST_TEST(to_string(old->warnings[0]) ==
             "a.toml:2:1: limits.clients_max is now called limits.max_connections; the old name "
             "still works, but write the new one");
  BOOST_TEST(to_string(old->warnings[1]).starts_with("a.toml:4:2: network.commands is now called"));

  // A drop-in wins whatever name it uses.
  const auto over = parse("[limits]\nmax_connections = 8\n", "[limits]\nclients_max = 9\n");
  BOOST_TEST(over.value().config.max_connections == 9u);

  // Both in one file: the name of today.
  for (const char* text : {"[limits]\nclients_max = 7\nmax_connections = 8\n",
                           "[limits]\nmax_connections = 8\nclients_max = 7\n"}) {
    const auto both = parse(text);
    BOOST_TEST(both.value().config.max_connections == 8u);
    BOOST_REQUIRE(both->warnings.size() == 1u);
    BOOST_TEST(to_string(both->warnings[0]).find("both are set here") != std::string::npos);
  }

  // What is wrong with the value is said of today's key, at the place where it stands.
  const auto wrong = parse("[limits]\nclients_max = 0\n[network]\nport = 1\n");
  BOOST_REQUIRE(!wrong.has_value());
  BOOST_REQUIRE(wrong.error().size() == 2u);
  BOOST_TEST(to_string(wrong.error()[0]) ==
             "a.toml:2:15: limits.max_connections must be from 1 to 100000, not 0");
  BOOST_TEST(to_string(wrong.error()[1]) == "a.toml:4:1: unknown key \"port\" in [network]");
}

BOOST_AUTO_TEST_CASE(a_former_name_leads_to_a_key_of_today_and_is_none) {
  for (const auto& f : config::table().former) {
    BOOST_TEST(config::table().find(f.new_section, f.new_name) != nullptr, f.new_name);
    BOOST_TEST(config::table().find(f.section, f.name) == nullptr, f.name);
  }
}

BOOST_AUTO_TEST_SUITE_END()
