// What people and rooms may be called besides user names, which are common/wire/user_name's
// (docs/protocol.md, "Names"), and which names look alike. Any thread; no state.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tertulia::broker {

inline constexpr std::size_t shown_name_bytes_max = 128;  // rooms, display names, devices
inline constexpr std::size_t topic_bytes_max = 512;

// nullopt, or the sentence that says what is wrong. `what` begins the sentence: "A room name".
std::optional<std::string> shown_name_fault(std::string_view name, std::string_view what);
std::optional<std::string> topic_fault(std::string_view topic);

// Names that look alike have a skeleton in common: upper and lower case, composed and decomposed,
// letters of other scripts (Unicode UTS 39, section 4, by ICU). One of the name in small letters, and,
// where it is another, one of the name as it is written: Ideas is ideas, and looks like ldeas.
// Precondition: UTF-8.
std::vector<std::string> skeletons(std::string_view name);

}  // namespace tertulia::broker
