// What a user may be called (docs/protocol.md, "Names"): whoever chooses a name learns it before the
// server says so. That it is nobody else's is the server's to know. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tertulia::wire {

inline constexpr std::size_t user_name_bytes_max = 64;

// nullopt, or the sentence that says what is wrong.
std::optional<std::string> user_name_fault(std::string_view name);

}  // namespace tertulia::wire
