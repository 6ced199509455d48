// Presets of the clients: what the administrator of a fleet sets for every user of a machine
// (/etc/tertulia/client.toml), and what the user sets for himself (~/.config/tertulia/client.toml).
//
// Any thread; no state. A client starts whatever is in the files: what cannot be used is said, and
// the defaults hold.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/log.hpp"
#include "common/config/config.hpp"

namespace tertulia {

// The values here are the defaults; client_keys.cpp has the ranges and what they are for.
struct ClientPresets {
  std::vector<std::string> server_fingerprints;
  std::vector<std::string> server_addresses;
  bool discovery_avahi = true;
  std::string profile_directory = "%d/tertulia/default";
  std::string window_color_scheme = "system";
  std::string window_language;
  std::uint64_t window_enrol_timeout_s = 20;
  std::uint64_t cli_timeout_s = 60;
  std::string log_level = "warning";
  std::vector<std::string> locked;  // "section.name"

  bool operator==(const ClientPresets&) const = default;
};

struct PresetFiles {
  std::filesystem::path administrator;
  std::filesystem::path user;  // empty: none
};

// /etc/tertulia/client.toml, or what TERTULIA_PRESETS names; client.toml below XDG_CONFIG_HOME.
PresetFiles preset_files();

struct PresetsRead {
  Loaded<ClientPresets> loaded;
  std::vector<std::string> complaints;  // a line each; with them the rest is still good

  // The sentence that refuses an option of the command line; empty: the user may use it.
  std::string refusal(std::string_view option, std::string_view key) const;
  bool is_locked(std::string_view key) const;
};

// A file that is missing is no mistake. One with a mistake counts as missing, and the complaints
// have every mistake with its place. What the administrator has locked stays as he set it.
PresetsRead read_presets(const PresetFiles& files);

// profile_directory with its % letters filled in.
std::filesystem::path profile_directory(const ClientPresets& presets);
log::Level log_level(const ClientPresets& presets);

}  // namespace tertulia
