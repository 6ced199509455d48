#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>

#include "common/base/file.hpp"
#include "common/config/client_keys.hpp"
#include "common/config/client_presets.hpp"
#include "common/config/write.hpp"
#include "tests/unit/scratch_directory.hpp"

using namespace tertulia;
namespace fs = std::filesystem;

namespace {

struct Presets {
  test::ScratchDirectory dir;
  PresetFiles files{dir / "administrator.toml", dir / "user.toml"};

  PresetsRead read(std::string_view administrator, std::string_view user = "") {
    write_file_durably(files.administrator, as_bytes(administrator));
    write_file_durably(files.user, as_bytes(user));
    return read_presets(files);
  }
  // Complaint n without the directory in front.
  std::string complaint(const PresetsRead& read, std::size_t n) const {
    const std::string place = files.user.parent_path().string() + "/";
    const std::string& text = read.complaints.at(n);
    return text.starts_with(place) ? text.substr(place.size()) : text;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(config_presets)

BOOST_AUTO_TEST_CASE(without_files_the_defaults_hold_and_nothing_is_said) {
  Presets presets;
  const PresetsRead read = read_presets(presets.files);
  BOOST_TEST((read.loaded.config == ClientPresets{}));
  BOOST_TEST(read.complaints.empty());
  BOOST_TEST((read_presets({presets.dir / "nowhere/client.toml", {}}).complaints.empty()));
}

BOOST_AUTO_TEST_CASE(the_users_own_settings_win_key_by_key) {
  Presets presets;
  const auto read = presets.read("[cli]\ntimeout_s = 5\n[window]\ncolor_scheme = \"dark\"\n",
                                 "[window]\ncolor_scheme = \"light\"\n");
  BOOST_TEST(read.complaints.empty());
  BOOST_TEST(read.loaded.config.cli_timeout_s == 5u);
  BOOST_TEST(read.loaded.config.window_color_scheme == "light");
  BOOST_TEST(read.loaded.origins.at("window.color_scheme").file == presets.files.user.string());
}

BOOST_AUTO_TEST_CASE(what_is_locked_stays_as_the_administrator_has_it) {
  Presets presets;
  const auto read = presets.read(
      "[window]\ncolor_scheme = \"dark\"\n"
      "[presets]\nlocked = [\"window.color_scheme\", \"cli.timeout_s\"]\n",
      "[window]\ncolor_scheme = \"light\"\nlanguage = \"es\"\n[cli]\ntimeout_s = 1\n");
  BOOST_TEST(read.loaded.config.window_color_scheme == "dark");
  BOOST_TEST(read.loaded.config.cli_timeout_s ==
             ClientPresets{}.cli_timeout_s);  // not set: default
  BOOST_TEST(read.loaded.config.window_language == "es");
  BOOST_TEST(read.loaded.origins.at("window.color_scheme").file ==
             presets.files.administrator.string());
  BOOST_TEST(read.loaded.origins.count("cli.timeout_s") == 0u);
  BOOST_REQUIRE(read.complaints.size() == 2u);
  BOOST_TEST(presets.complaint(read, 0) ==
             "user.toml:2:16: window.color_scheme is locked by the administrator, and this line "
             "has no effect");
  BOOST_TEST(presets.complaint(read, 1).starts_with("user.toml:5:13: cli.timeout_s is locked"));

  BOOST_TEST(read.refusal("--timeout", "cli.timeout_s")
                 .starts_with("--timeout cannot be used here: your administrator has locked "
                              "cli.timeout_s ("));
  BOOST_TEST(read.refusal("--profile", "profile.directory") == "");
}

BOOST_AUTO_TEST_CASE(a_user_locks_nothing_and_unlocks_nothing) {
  Presets presets;
  const auto read = presets.read("[presets]\nlocked = [\"log.level\"]\n",
                                 "[presets]\nlocked = []\n[log]\nlevel = \"debug\"\n");
  BOOST_TEST(read.is_locked("log.level"));
  BOOST_TEST(read.loaded.config.log_level == "warning");
  BOOST_TEST(read.complaints.size() == 2u);
  const auto locks = presets.read("", "[presets]\nlocked = [\"log.level\"]\n");
  BOOST_TEST(!locks.is_locked("log.level"));
  BOOST_TEST(locks.complaints.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_broken_file_is_as_none_and_its_mistakes_are_said) {
  Presets presets;
  const auto users = presets.read("[cli]\ntimeout_s = 5\n", "[cli]\ntimeout = 7\n[window\n");
  BOOST_TEST(users.loaded.config.cli_timeout_s == 5u);
  BOOST_REQUIRE(users.complaints.size() == 2u);
  BOOST_TEST(presets.complaint(users, 0).starts_with("user.toml:3:"));
  BOOST_TEST(presets.complaint(users, 1) ==
             "user.toml: because of that, no setting of this file holds");

  const auto administrators =
      presets.read("[cli]\ntimout_s = 5\nx = 1\n", "[window]\nlanguage = \"es\"\n");
  BOOST_TEST(administrators.loaded.config.window_language == "es");
  BOOST_TEST(administrators.loaded.config.cli_timeout_s == ClientPresets{}.cli_timeout_s);
  BOOST_REQUIRE(administrators.complaints.size() == 3u);
  BOOST_TEST(presets.complaint(administrators, 0) ==
             "administrator.toml:2:1: unknown key \"timout_s\" in [cli]; did you mean timeout_s?");

  fs::remove(presets.files.administrator);
  fs::create_directory(presets.files.administrator);
  const auto folder = read_presets(presets.files);
  BOOST_TEST(folder.loaded.config.window_language == "es");
  BOOST_REQUIRE(folder.complaints.size() == 1u);
  BOOST_TEST(folder.complaints[0].find("cannot be read") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(values_that_cannot_be_are_refused) {
  Presets presets;
  for (const char* bad :
       {"[server]\nfingerprints = [\"1f3a\"]\n",
        "[server]\nfingerprints = [\"1F3A 0000 0000 0000 0000 0000 0000 0000\"]\n",
        "[server]\naddresses = [\"chat\"]\n", "[profile]\ndirectory = \"relative\"\n",
        "[profile]\ndirectory = \"%x/a\"\n", "[profile]\ndirectory = \"/a%\"\n",
        "[window]\ncolor_scheme = \"pink\"\n", "[window]\nlanguage = \"../x\"\n",
        "[log]\nlevel = \"loud\"\n", "[presets]\nlocked = [\"timeout_s\"]\n",
        "[presets]\nlocked = [\"presets.locked\"]\n"}) {
    BOOST_TEST(presets.read(bad).complaints.size() == 2u, bad);
    BOOST_TEST((presets.read(bad).loaded.config == ClientPresets{}));
  }
  const auto good = presets.read(
      "[server]\nfingerprints = [\"1f3a 0000 0000 0000 0000 0000 0000 ffff\"]\n"
      "addresses = [\"tcp://[2001:db8::1]:5570\"]\n[log]\nlevel = \"debug\"\n");
  BOOST_TEST(good.complaints.empty());
  BOOST_TEST((log_level(good.loaded.config) == log::Level::debug));
}

BOOST_AUTO_TEST_CASE(the_profiles_directory_has_its_letters_filled_in) {
  ::setenv("HOME", "/home/ana", 1);
  ::setenv("XDG_DATA_HOME", "relative", 1);
  ClientPresets presets;
  BOOST_TEST(profile_directory(presets).string() == "/home/ana/.local/share/tertulia/default");
  ::setenv("XDG_DATA_HOME", "/data", 1);
  BOOST_TEST(profile_directory(presets).string() == "/data/tertulia/default");
  presets.profile_directory = "%h/100%%/t";
  BOOST_TEST(profile_directory(presets).string() == "/home/ana/100%/t");
  presets.profile_directory = "/srv/%u/t";
  const std::string mine = profile_directory(presets).string();
  BOOST_TEST(mine.size() > std::string("/srv//t").size());
  BOOST_TEST(mine.find('%') == mine.npos);
}

BOOST_AUTO_TEST_CASE(what_is_printed_is_read_back_the_same) {
  Presets presets;
  const auto read = presets.read("[cli]\ntimeout_s = 5\n", "[window]\nlanguage = \"es\"\n");
  const std::string text = config::effective_config(config::client_table(), read.loaded, "Title");
  BOOST_TEST(text.find("/administrator.toml:2:13\n") != text.npos, text);
  BOOST_TEST(text.find("changes at") == text.npos);  // clients read their settings at the start
  const auto again = presets.read(text);
  BOOST_TEST(again.complaints.empty());
  BOOST_TEST((again.loaded.config == read.loaded.config));
}

BOOST_AUTO_TEST_SUITE_END()
