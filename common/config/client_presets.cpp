#include "common/config/client_presets.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "common/base/bytes.hpp"
#include "common/base/file.hpp"
#include "common/config/client_keys.hpp"
#include "common/config/parse.hpp"

namespace tertulia {

namespace {

namespace fs = std::filesystem;
using config::SourceText;

constexpr const char* kAdministratorsFile = "/etc/tertulia/client.toml";
constexpr const char* kLocked = "presets.locked";

// XDG Base Directory Specification: a relative or empty value counts as not set.
fs::path xdg_directory(const char* variable, const char* below_home) {
  if (const char* value = std::getenv(variable); value != nullptr && value[0] == '/') return value;
  const char* home = std::getenv("HOME");
  return fs::path(home != nullptr && home[0] != '\0' ? home : "/") / below_home;
}

std::string user_name() {
  std::array<char, 4096> memory{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &entry, memory.data(), memory.size(), &found) == 0 &&
      found != nullptr)
    return found->pw_name;
  return std::to_string(::geteuid());
}

// Adds the file to `texts` if it can be read.
void read_one(const fs::path& path, std::vector<SourceText>& texts,
              std::vector<std::string>& complaints) {
  if (path.empty()) return;
  std::error_code failed;
  const fs::file_status status = fs::status(path, failed);
  if (status.type() == fs::file_type::not_found) return;
  std::string why = failed ? failed.message() : "it is not a file";
  if (fs::is_regular_file(status)) {
    try {
      const Bytes content = read_file(path, kConfigFileBytesMax);
      texts.push_back({path.string(), std::string(as_text(content))});
      return;
    } catch (const std::system_error& e) {
      why = e.code().message();
    }
  }
  complaints.push_back(fmt::format("{}: this file cannot be read, and its settings do not hold: {}",
                                   path.string(), why));
}

Loaded<ClientPresets> parsed(const std::vector<SourceText>& texts,
                             const std::vector<SourceText>& otherwise,
                             std::vector<std::string>& complaints) {
  auto result = config::parse(config::client_table(), texts);
  if (result) return *std::move(result);
  for (const auto& error : result.error()) complaints.push_back(to_string(error));
  complaints.push_back(
      fmt::format("{}: because of that, no setting of this file holds", texts.back().file));
  // What was good without the last text is good.
  auto rest = config::parse(config::client_table(), otherwise);
  return rest ? *std::move(rest) : Loaded<ClientPresets>{};
}

}  // namespace

PresetFiles preset_files() {
  const char* named = std::getenv("TERTULIA_PRESETS");
  return {named != nullptr && named[0] != '\0' ? named : kAdministratorsFile,
          xdg_directory("XDG_CONFIG_HOME", ".config") / "tertulia/client.toml"};
}

bool PresetsRead::is_locked(std::string_view key) const {
  const auto& locked = loaded.config.locked;
  return std::find(locked.begin(), locked.end(), key) != locked.end();
}

std::string PresetsRead::refusal(std::string_view option, std::string_view key) const {
  if (!is_locked(key)) return "";
  return fmt::format("{} cannot be used here: your administrator has locked {} ({}).", option, key,
                     to_string(loaded.origins.at(kLocked)));
}

PresetsRead read_presets(const PresetFiles& files) {
  PresetsRead out;
  std::vector<SourceText> texts;
  read_one(files.administrator, texts, out.complaints);
  const auto administrators = parsed(texts, {}, out.complaints);
  if (administrators.files.empty()) texts.clear();
  out.loaded = administrators;

  const std::vector<SourceText> without_user = texts;
  read_one(files.user, texts, out.complaints);
  if (texts.size() > without_user.size()) {
    out.loaded = parsed(texts, without_user, out.complaints);
    std::vector<std::string> locked = administrators.config.locked;
    locked.emplace_back(kLocked);
    for (const auto& key : config::client_table().keys) {
      const std::string name = fmt::format("{}.{}", key.section, key.name);
      const auto origin = out.loaded.origins.find(name);
      if (origin == out.loaded.origins.end() || origin->second.file != texts.back().file ||
          std::find(locked.begin(), locked.end(), name) == locked.end())
        continue;
      out.complaints.push_back(fmt::format("{}: {} {}, and this line has no effect",
                                           to_string(origin->second), name,
                                           name == kLocked ? "is for the administrator's file only"
                                                           : "is locked by the administrator"));
      std::visit(
          [&](const auto& kind) {
            out.loaded.config.*kind.member = administrators.config.*kind.member;
          },
          key.value);
      const auto theirs = administrators.origins.find(name);
      if (theirs == administrators.origins.end())
        out.loaded.origins.erase(origin);
      else
        origin->second = theirs->second;
    }
  }
  for (const auto& warning : out.loaded.warnings) out.complaints.push_back(to_string(warning));
  return out;
}

fs::path profile_directory(const ClientPresets& presets) {
  std::string out;
  const std::string& from = presets.profile_directory;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] != '%') {
      out += from[i];
      continue;
    }
    switch (from[++i]) {  // check_profile lets no % stand at the end
      case 'd': out += xdg_directory("XDG_DATA_HOME", ".local/share").string(); break;
      case 'h': out += xdg_directory("HOME", "").string(); break;
      case 'u': out += user_name(); break;
      default: out += '%'; break;
    }
  }
  return out;
}

log::Level log_level(const ClientPresets& presets) {
  using enum log::Level;
  if (presets.log_level == "error") return error;
  if (presets.log_level == "notice") return notice;
  if (presets.log_level == "info") return info;
  if (presets.log_level == "debug") return debug;
  return warning;
}

}  // namespace tertulia
