#include <fmt/format.h>

#include <algorithm>

#include "common/base/bytes.hpp"
#include "common/base/file.hpp"
#include "common/config/config.hpp"
#include "common/config/keys.hpp"
#include "common/config/parse.hpp"

namespace tertulia {

namespace {

namespace fs = std::filesystem;
using config::SourceText;

std::string read_text(const fs::path& path) {
  return std::string(as_text(read_file(path, kConfigFileBytesMax)));
}

// The drop-ins' names in order; one error when the directory cannot be listed or holds too many. The
// drop-ins of systemd end in .conf, and who writes one by habit would wait for its effect in vain.
std::vector<fs::path> drop_ins(const fs::path& directory, std::vector<ConfigError>& errors,
                               std::vector<ConfigError>& warnings) {
  std::vector<fs::path> out;
  std::error_code failed;
  fs::directory_iterator entry(directory, failed);
  if (failed == std::errc::no_such_file_or_directory) return out;
  for (; !failed && entry != fs::directory_iterator(); entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    if (name.ends_with(".toml") && !name.starts_with('.')) out.push_back(entry->path());
    if (name.ends_with(".conf") && !name.starts_with('.'))
      warnings.push_back(
          {entry->path().string(), 0, 0, "this file is not read: a drop-in's name ends in .toml"});
  }
  if (failed)
    errors.push_back(
        {directory.string(), 0, 0,
         fmt::format("the drop-ins in this directory cannot be listed: {}", failed.message())});
  std::sort(out.begin(), out.end());
  if (out.size() > kDropInsMax) {
    errors.push_back({directory.string(), 0, 0,
                      fmt::format("{} drop-ins are too many: at most {} are read; put several "
                                  "settings into one file",
                                  out.size(), kDropInsMax)});
    out.clear();
  }
  return out;
}

}  // namespace

std::string to_string(const ConfigError& e) {
  if (e.line == 0) return fmt::format("{}: {}", e.file, e.message);
  return fmt::format("{}:{}:{}: {}", e.file, e.line, e.column, e.message);
}

std::string to_string(const ConfigOrigin& o) {
  if (o.line == 0) return o.file;
  return fmt::format("{}:{}:{}", o.file, o.line, o.column);
}

ConfigResult parse_config(std::string_view text, const std::string& filename) {
  const SourceText source{filename, std::string(text)};
  auto loaded = config::parse(config::table(), std::span(&source, 1));
  if (!loaded) return fail(std::move(loaded).error());
  return std::move(loaded->config);
}

LoadResult load_config(const fs::path& path) {
  std::vector<ConfigError> errors, warnings;
  std::vector<SourceText> texts{{path.string(), read_text(path)}};
  for (const fs::path& file : drop_ins(path.parent_path() / "conf.d", errors, warnings)) {
    std::error_code failed;
    if (!fs::is_regular_file(file, failed)) {
      errors.push_back({file.string(), 0, 0, "this drop-in is not a file that can be read"});
      continue;
    }
    try {
      texts.push_back({file.string(), read_text(file)});
    } catch (const std::system_error& e) {
      errors.push_back({file.string(), 0, 0,
                        fmt::format("this drop-in cannot be read: {}", e.code().message())});
    }
  }
  auto loaded = config::parse(config::table(), texts);
  if (!loaded) errors.insert(errors.end(), loaded.error().begin(), loaded.error().end());
  if (!errors.empty()) return fail(std::move(errors));
  loaded->warnings.insert(loaded->warnings.end(), warnings.begin(), warnings.end());
  return loaded;
}

}  // namespace tertulia
