#include "common/config/write.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tertulia::config {

namespace {

// Where the comments begin, unless a value is longer.
constexpr std::size_t kCommentColumn = 40;

std::string in_toml(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\u{:04x}", byte);
    else
      out += c;
  }
  return out + '"';
}
std::string in_toml(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) out += (out.size() > 1 ? ", " : "") + in_toml(item);
  return out + "]";
}
std::string in_toml(std::uint64_t number) { return std::to_string(number); }
std::string in_toml(bool yes) { return yes ? "true" : "false"; }

// A comment ends with its line, whatever a file is called.
std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return text;
}

}  // namespace

template <class Config>
std::string toml_value(const KeyOf<Config>& key, const Config& config) {
  return std::visit([&](const auto& kind) { return in_toml(config.*kind.member); }, key.value);
}

template <class Config>
std::string effective_config(const Table<Config>& table, const Loaded<Config>& loaded,
                             std::string_view title) {
  std::string out = fmt::format("# {}\n", one_line(std::string(title)));
  for (const std::string& file : loaded.files) out += fmt::format("# read: {}\n", one_line(file));
  const bool reloads = table.reloads();
  std::string_view section;
  for (const auto& key : table.keys) {
    if (key.section != section) out += fmt::format("\n[{}]\n", key.section);
    section = key.section;
    const auto origin = loaded.origins.find(fmt::format("{}.{}", key.section, key.name));
    const std::string from =
        origin == loaded.origins.end() ? "default" : one_line(to_string(origin->second));
    const std::string_view applies = !reloads                            ? ""
                                     : key.applies == Applies::at_reload ? "; changes at a reload"
                                                                         : "; changes at a restart";
    out += fmt::format("{:<{}}  # {}{}\n",
                       fmt::format("{} = {}", key.name, toml_value(key, loaded.config)),
                       kCommentColumn, from, applies);
  }
  return out;
}

template std::string toml_value(const KeyOf<BrokerConfig>&, const BrokerConfig&);
template std::string effective_config(const Table<BrokerConfig>&, const LoadedConfig&,
                                      std::string_view);

template std::string toml_value(const KeyOf<ClientPresets>&, const ClientPresets&);
template std::string effective_config(const Table<ClientPresets>&, const Loaded<ClientPresets>&,
                                      std::string_view);

}  // namespace tertulia::config
