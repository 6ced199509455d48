// The command line of `tertulia`.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "client_gtk/app/adwaita.hpp"
#include "common/config/client_presets.hpp"

namespace tertulia::gtk {

struct Options {
  std::filesystem::path profile;
  std::string invite;  // empty, or tertulia:…
  adwaita::ColorScheme color_scheme = adwaita::ColorScheme::system;
  bool bench_first_frame = false;
  ClientPresets presets;
};

// nullopt: the program ends with exit_code (0 after --help and --version, 2 after an error, both
// already printed).
std::optional<Options> parse_options(int argc, char** argv, const PresetsRead& presets,
                                     int& exit_code);

}  // namespace tertulia::gtk
