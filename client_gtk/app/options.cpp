#include "client_gtk/app/options.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "client_gtk/version.hpp"

namespace tertulia::gtk {
namespace {

constexpr int exit_usage = 2;

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, const PresetsRead& presets,
                                     int& exit_code) {
  Options options;
  options.presets = presets.loaded.config;
  options.profile = profile_directory(options.presets);
  std::string color_scheme = options.presets.window_color_scheme;
  CLI::App app{"Team messages on your own machine", "tertulia"};
  const auto* profile =
      app.add_option("--profile", options.profile,
                     "Directory of the profile (default: $XDG_DATA_HOME/tertulia/default)");
  const auto* scheme =
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
  for (const auto& [option, key] :
       {std::pair(profile, "profile.directory"), {scheme, "window.color_scheme"}}) {
    const std::string refusal =
        option->count() == 0 ? "" : presets.refusal(option->get_name(), key);
    if (refusal.empty()) continue;
    std::fprintf(stderr, "%s\n", refusal.c_str());
    exit_code = exit_usage;
    return std::nullopt;
  }
  if (color_scheme == "light") options.color_scheme = adwaita::ColorScheme::light;
  if (color_scheme == "dark") options.color_scheme = adwaita::ColorScheme::dark;
  return options;
}

}  // namespace tertulia::gtk
