// What a program says of itself: one line an event to stderr, `<priority>` in front when stderr is
// the journal (sd-daemon(3)), or to a sink that keeps fields. Any thread; a line is one write. Never
// a secret, never a message body, and no line that a stranger can cause as often as he likes.
#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace tertulia::log {

enum class Level { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

// An event that is told by name, so that it can be searched for and counted whatever its wording.
// Events of the broker are in broker/events.
struct Event {
  Level level;
  std::string_view name;        // snake_case
  std::string_view message_id;  // 32 hexadecimal digits; sd_journal_send(3)
};

// name: "device", "room", "seq", "reason" …; the journal shows it as TERTULIA_DEVICE.
struct Field {
  std::string_view name;
  std::string value;
};

// Takes every line that is written instead of stderr. event: nullptr for a line without a name. Must
// not throw, and says false when it could not: then the line goes to stderr.
using Sink = bool (*)(Level, const Event* event, std::span<const Field>, std::string_view line);
void set_sink(Sink sink);  // before threads start; nullptr: stderr

void set_level(Level most_verbose);  // before threads start
bool enabled(Level level);
void write(Level level, std::string_view line);
void write(const Event& event, std::span<const Field> fields, std::string_view line);

inline void event(const Event& what, std::initializer_list<Field> fields, std::string_view line) {
  if (enabled(what.level)) write(what, std::span(fields.begin(), fields.size()), line);
}

template <class... Args>
void error(fmt::format_string<Args...> f, Args&&... args) {
  write(Level::error, fmt::format(f, std::forward<Args>(args)...));
}
template <class... Args>
void warning(fmt::format_string<Args...> f, Args&&... args) {
  write(Level::warning, fmt::format(f, std::forward<Args>(args)...));
}
template <class... Args>
void notice(fmt::format_string<Args...> f, Args&&... args) {
  write(Level::notice, fmt::format(f, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> f, Args&&... args) {
  if (enabled(Level::info)) write(Level::info, fmt::format(f, std::forward<Args>(args)...));
}
template <class... Args>
void debug(fmt::format_string<Args...> f, Args&&... args) {
  if (enabled(Level::debug)) write(Level::debug, fmt::format(f, std::forward<Args>(args)...));
}

}  // namespace tertulia::log
