// The table of configuration keys: it alone drives parsing, checking, suggestions and the test that
// config/tertuliad.toml is complete.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/config/config.hpp"

namespace tertulia::config {

// Says what is wrong with a value, as the end of a sentence ("must …"); nothing: it is right.
using TextCheck = std::optional<std::string> (*)(std::string_view);

// Each kind of value knows the member that takes it; the member's initial value is the default.
struct TextKey {
  std::string BrokerConfig::*member;
  TextCheck check;
};
struct ListKey {
  std::vector<std::string> BrokerConfig::*member;
  std::size_t items_max;
  TextCheck check;  // for each item
};
struct NumberKey {
  std::uint64_t BrokerConfig::*member;
  std::uint64_t min;
  std::uint64_t max;
};
struct BoolKey {
  bool BrokerConfig::*member;
};

struct Key {
  std::string_view section;
  std::string_view name;
  std::variant<TextKey, ListKey, NumberKey, BoolKey> value;
  std::string_view doc;  // one line, for --help and documents
};

std::span<const Key> keys();

// nullptr: there is no such key in that section.
const Key* find_key(std::string_view section, std::string_view name);
bool is_section(std::string_view name);

// What was probably meant, as the end of a sentence ("; did you mean …?"), or nothing.
std::string suggest_section(std::string_view written);
std::string suggest_key(std::string_view section, std::string_view written);

}  // namespace tertulia::config
