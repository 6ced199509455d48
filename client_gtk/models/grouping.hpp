// How messages are grouped in a timeline: a group has one author and no pause longer than
// group_pause_ms; a day starts at local midnight. Pure functions, any thread.
#pragma once

#include <cstdint>

#include "client/engine/engine.hpp"

namespace tertulia::gtk {

inline constexpr std::uint64_t group_pause_ms = 5 * 60 * 1000;

// What grouping looks at; a row keeps it.
struct GroupFacts {
  UserId sender;
  bool own = false;
  std::uint64_t shown_at_ms = 0;
  std::uint64_t room_seq = 0;
};
GroupFacts facts_of(const client::Message& message);

// The time that is shown: the log's, or the writer's while the message is not in the log.
std::uint64_t shown_at_ms(const client::Message& message);

// Days since 1970 in local time (TZ).
std::int64_t local_day(std::uint64_t unix_ms);

// before: the message above, or nullptr.
bool starts_day(const GroupFacts* before, const GroupFacts& now);
bool starts_group(const GroupFacts* before, const GroupFacts& now);
// The line "new messages" stands above the first message after read_up_to.
bool is_first_unread(const GroupFacts* before, const GroupFacts& now, std::uint64_t read_up_to);

}  // namespace tertulia::gtk
