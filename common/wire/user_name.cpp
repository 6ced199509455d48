#include "common/wire/user_name.hpp"

#include <algorithm>

namespace tertulia::wire {

std::optional<std::string> user_name_fault(std::string_view name) {
  const bool good =
      !name.empty() && name.size() <= user_name_bytes_max &&
      std::all_of(name.begin(), name.end(),
                  [](char c) {
                    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
                           c == '_' || c == '-';
                  }) &&
      name.front() != '.' && name.front() != '_' && name.front() != '-';
  if (good) return std::nullopt;
  static_assert(user_name_bytes_max == 64);
  return "A user name has 1 to 64 lower-case letters a to z, digits and the signs . _ and -, and "
         "starts with a letter or a digit.";
}

}  // namespace tertulia::wire
