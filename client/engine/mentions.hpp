// Who is meant by "@name" in a text (docs/protocol.md, "What changes make of a message"). Any thread; a pure function.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.hpp"

namespace tertulia::client {

inline constexpr std::size_t mentions_max = 256;  // of one message; names beyond it notify nobody

struct Mentionable {
  UserId user;
  std::string name;  // the user name: lower case, docs/protocol.md "Names"
};

// Users whose "@name" stands in the text, each once, in the order of their first; "@room" is the zero
// id. The longest name that fits counts; it is not part of a longer word on either side, and case does
// not matter. `people`: those who can be meant.
std::vector<UserId> mentions_of(std::string_view text, std::span<const Mentionable> people);

}  // namespace tertulia::client
