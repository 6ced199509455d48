// What was probably meant by a name that is not in a table of keys, as the end of a sentence
// ("; did you mean …?"), or nothing. Any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tertulia::config {

struct KeyName {
  std::string_view section;
  std::string_view name;
};

std::string suggest_section(std::span<const KeyName> keys, std::string_view written);
std::string suggest_key(std::span<const KeyName> keys, std::string_view section,
                        std::string_view written);

}  // namespace tertulia::config
