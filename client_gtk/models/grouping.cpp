#include "client_gtk/models/grouping.hpp"

#include <ctime>

namespace tertulia::gtk {

std::uint64_t shown_at_ms(const client::Message& message) {
  return message.logged_at_ms != 0 ? message.logged_at_ms : message.sent_at_ms;
}

std::int64_t local_day(std::uint64_t unix_ms) {
  const std::time_t seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm local{};
  if (localtime_r(&seconds, &local) == nullptr) return 0;
  const std::int64_t shifted = static_cast<std::int64_t>(seconds) + local.tm_gmtoff;
  constexpr std::int64_t day_seconds = 24 * 60 * 60;
  // rounds down also before 1970
  return (shifted - (shifted < 0 ? day_seconds - 1 : 0)) / day_seconds;
}

GroupFacts facts_of(const client::Message& message) {
  return {message.sender, message.own, shown_at_ms(message), message.room_seq};
}

bool starts_day(const GroupFacts* before, const GroupFacts& now) {
  return before == nullptr || local_day(before->shown_at_ms) != local_day(now.shown_at_ms);
}

bool starts_group(const GroupFacts* before, const GroupFacts& now) {
  if (starts_day(before, now)) return true;
  if (before->sender != now.sender || before->own != now.own) return true;
  return now.shown_at_ms > before->shown_at_ms &&
         now.shown_at_ms - before->shown_at_ms > group_pause_ms;
}

bool is_first_unread(const GroupFacts* before, const GroupFacts& now, std::uint64_t read_up_to) {
  if (now.room_seq == 0 || now.room_seq <= read_up_to) return false;
  return before == nullptr ? now.room_seq == read_up_to + 1 : before->room_seq <= read_up_to;
}

}  // namespace tertulia::gtk
