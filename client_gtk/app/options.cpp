#include "client_gtk/app/options.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "client_gtk/version.hpp"

namespace tertulia::gtk {
namespace {

constexpr int exit_usage = 2;

std::filesystem::path default_profile() {
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data == '/') {
    return std::filesystem::path(data) / "tertulia" / "default";
  }
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home != nullptr ? home : "/") / ".local/share/tertulia/default";
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
  Options options;
  options.profile = default_profile();
  std::string color_scheme;
  CLI::App app{"Team messages on your own machine", "tertulia"};
  app.add_option("--profile", options.profile,
                 "Directory of the profile (default: $XDG_DATA_HOME/tertulia/default)");
  app.add_option("--color-scheme", color_scheme, "light or dark, whatever the desktop says")
      ->check(CLI::IsMember({"light", "dark"}));
  app.add_flag("--bench-first-frame", options.bench_first_frame,
               "Print the time to the first frame and the memory after 1,000 rows, and quit");
  app.add_option("invite", options.invite, "An invite: tertulia://…")
      ->check([](const std::string& text) {
        return text.starts_with("tertulia:") ? std::string()
                                             : "an invite starts with tertulia: , this is " + text;
      });
  app.set_version_flag("--version", std::string("tertulia ") + program_version);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : exit_usage;
    return std::nullopt;
  }
  if (color_scheme == "light") options.color_scheme = adwaita::ColorScheme::light;
  if (color_scheme == "dark") options.color_scheme = adwaita::ColorScheme::dark;
  return options;
}

}  // namespace tertulia::gtk
