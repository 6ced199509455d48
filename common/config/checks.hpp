// What texts of a configuration must look like. Each says what is wrong as the end of a sentence
// ("must …"), or nothing. Any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace tertulia::config {

// The bound of a number that has none of its own: TOML's largest.
inline constexpr std::uint64_t kNoMax = std::numeric_limits<std::int64_t>::max();

// The name stands in signed checkpoints as the key name of C2SP signed-note, which allows neither
// spaces nor plus signs; letters, digits, dots and dashes are also safe in file and host names.
std::optional<std::string> check_name(std::string_view v);

std::optional<std::string> check_listen(std::string_view v);          // tcp://*:5570
std::optional<std::string> check_advertise(std::string_view v);       // tcp://chat.example.org:5570
std::optional<std::string> check_directory(std::string_view v);       // an absolute path
std::optional<std::string> check_socket(std::string_view v);          // a path that unix(7) takes
std::optional<std::string> check_socket_or_none(std::string_view v);  // the same, or empty
std::optional<std::string> check_loopback_or_none(
    std::string_view v);  // 127.0.0.1:9570, [::1]:9570

}  // namespace tertulia::config
