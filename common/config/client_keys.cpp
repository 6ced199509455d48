#include "common/config/client_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/config/checks.hpp"

namespace tertulia::config {

namespace {

constexpr std::size_t kServersMax = 16;
constexpr std::size_t kAddressesMax = 16;
constexpr std::size_t kLockedMax = 64;
constexpr std::size_t kProfileBytesMax = 1024;
constexpr std::size_t kLanguageBytesMax = 64;

std::optional<std::string> check_fingerprint(std::string_view v) {
  constexpr std::size_t kWords = 8, kDigits = 4;
  bool good = v.size() == kWords * (kDigits + 1) - 1;
  for (std::size_t i = 0; good && i < v.size(); ++i)
    good = i % (kDigits + 1) == kDigits
               ? v[i] == ' '
               : (v[i] >= '0' && v[i] <= '9') || (v[i] >= 'a' && v[i] <= 'f');
  if (good) return std::nullopt;
  return "must be a server's fingerprint, eight words of four hexadecimal digits, as tertuliactl "
         "status prints it";
}

std::optional<std::string> check_profile(std::string_view v) {
  constexpr std::string_view kLetters = "dhu%";
  if (!v.starts_with('/') && !v.starts_with("%d") && !v.starts_with("%h"))
    return "must be an absolute path, or begin with %d or %h";
  if (v.size() > kProfileBytesMax || v.find('\0') != v.npos)
    return fmt::format("must be at most {} bytes long", kProfileBytesMax);
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (v[i] != '%') continue;
    if (++i == v.size() || kLetters.find(v[i]) == kLetters.npos)
      return "must have one of d, h, u and % after each %";
  }
  return std::nullopt;
}

template <std::size_t N>
std::optional<std::string> check_one_of(std::string_view v,
                                        const std::array<std::string_view, N>& words) {
  if (std::find(words.begin(), words.end(), v) != words.end()) return std::nullopt;
  return fmt::format("must be one of {}", fmt::join(words, ", "));
}

std::optional<std::string> check_color_scheme(std::string_view v) {
  return check_one_of(v, std::array<std::string_view, 3>{"system", "light", "dark"});
}

std::optional<std::string> check_level(std::string_view v) {
  return check_one_of(
      v, std::array<std::string_view, 5>{"error", "warning", "notice", "info", "debug"});
}

std::optional<std::string> check_language(std::string_view v) {
  const bool good =
      v.size() <= kLanguageBytesMax && std::all_of(v.begin(), v.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' || c == '@';
      });
  if (good) return std::nullopt;
  return "must be a language such as \"es\" or \"pt_BR\", or several with : between them";
}

std::optional<std::string> check_locked(std::string_view v) {
  for (const auto& key : client_table().keys)
    if (key.section != "presets" && v == fmt::format("{}.{}", key.section, key.name))
      return std::nullopt;
  return "must name a key as section.name, for example profile.directory";
}

using C = ClientPresets;
using Key = KeyOf<ClientPresets>;

constexpr std::array kKeys{
    Key{"server", "fingerprints", ListKey{&C::server_fingerprints, kServersMax, check_fingerprint},
        "servers whose invites are accepted; empty: of every server", Applies::at_restart,
        "Each is the fingerprint that tertuliactl status prints. A profile that is enrolled "
        "already "
        "goes on working."},
    Key{"server", "addresses", ListKey{&C::server_addresses, kAddressesMax, check_advertise},
        "further addresses of the server, tried after those that invite and server name",
        Applies::at_restart,
        "For example [\"tcp://chat.example.org:5570\"], for a server that was moved while some "
        "clients were off. A server is known by its key alone: an address opens no door to another "
        "one. Where fingerprints names servers, only their profiles use these addresses."},
    Key{"discovery", "avahi", BoolKey{&C::discovery_avahi},
        "look for a known server on the local network when none of its addresses answers",
        Applies::at_restart,
        "Only for the server that a profile is enrolled with, by its key, so that nothing new is "
        "trusted. It takes avahi-browse (package avahi-utils) and a server that announces itself; "
        "without them nothing happens."},
    Key{"profile", "directory", TextKey{&C::profile_directory, check_profile},
        "where keys and messages of a user are kept", Applies::at_restart,
        "%d is $XDG_DATA_HOME or ~/.local/share, %h the home directory, %u the user's name, %% a "
        "percent sign. It has to be on a local disk: where homes are on the network, use for "
        "example "
        "\"/var/local/tertulia/%u\", in a directory that each user may write to. --profile wins."},
    Key{"window", "color_scheme", TextKey{&C::window_color_scheme, check_color_scheme},
        "how the window looks: \"system\" (as the desktop says), \"light\" or \"dark\"",
        Applies::at_restart, "--color-scheme wins."},
    Key{"window", "language", TextKey{&C::window_language, check_language},
        "language of the window, such as \"es\"; empty: as the desktop says", Applies::at_restart,
        "The environment variable LANGUAGE wins."},
    Key{"window", "enrol_timeout_s", NumberKey{&C::window_enrol_timeout_s, 1, 600},
        "seconds that the window waits for a server's answer to an invite"},
    Key{"cli", "timeout_s", NumberKey{&C::cli_timeout_s, 0, 86400},
        "seconds that tertulia-cli waits for the server", Applies::at_restart, "--timeout wins."},
    Key{"log", "level", TextKey{&C::log_level, check_level},
        "what the clients write on standard error: \"error\", \"warning\", \"notice\", \"info\" or "
        "\"debug\", each with all before it"},
    Key{"presets", "locked", ListKey{&C::locked, kLockedMax, check_locked},
        "keys that users cannot set for themselves, as \"section.name\"", Applies::at_restart,
        "For example [\"profile.directory\"]: the user's own file and the options of the command "
        "line "
        "then have no effect on it. It keeps a fleet alike; it is no protection against a user, "
        "who "
        "can run any program. In the administrator's file only."},
};

constexpr Table<ClientPresets> kTable{kKeys};

}  // namespace

const Table<ClientPresets>& client_table() { return kTable; }

}  // namespace tertulia::config
