// A message as somebody names it on the command line: "#123" is its room_seq, else the beginning of
// its id as --json prints it. Main thread only.
#pragma once

#include <optional>
#include <string>

#include "client/cli/client.hpp"

namespace tertulia::cli {

// How far back an id is looked for; a room_seq is found however old it is.
inline constexpr std::uint32_t id_search_messages = 10'000;
inline constexpr std::size_t id_digits_min = 8;

// The message, as it stands in the log; else the exit code, and everything has been said.
std::optional<int> find_message(Client& client, const RoomId& room, const std::string& ref,
                                std::uint64_t deadline_ms, client::Message& out);

}  // namespace tertulia::cli
