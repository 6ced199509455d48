#include "common/base/log.hpp"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "common/base/clock.hpp"

namespace tertulia::log {

namespace {
std::atomic<int> most_verbose{static_cast<int>(Level::info)};
std::atomic<Sink> own_sink{nullptr};

const char* name(Level level) {
  switch (level) {
    case Level::error: return "error";
    case Level::warning: return "warning";
    case Level::notice: return "notice";
    case Level::info: return "info";
    case Level::debug: return "debug";
  }
  return "?";
}
}  // namespace

void set_level(Level level) { most_verbose = static_cast<int>(level); }
bool enabled(Level level) { return static_cast<int>(level) <= most_verbose; }

void set_sink(Sink sink) { own_sink = sink; }

namespace {
void write_to_stderr(Level level, std::string_view line) {
  static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  std::string out = journal ? fmt::format("<{}>", static_cast<int>(level))
                            : fmt::format("{} {}: ", rfc3339_ms(wall_ms()), name(level));
  // One event is one line, whatever a peer managed to get into it.
  for (char c : line) out += (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) ? '?' : c;
  out += '\n';
  const char* p = out.data();
  std::size_t left = out.size();
  while (left > 0) {
    const ssize_t n = ::write(STDERR_FILENO, p, left);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // nobody reads stderr: there is no place left to say so
    p += n;
    left -= static_cast<std::size_t>(n);
  }
}

void hand_on(Level level, const Event* event, std::span<const Field> fields,
             std::string_view line) {
  const Sink sink = own_sink;
  if (sink == nullptr || !sink(level, event, fields, line)) write_to_stderr(level, line);
}
}  // namespace

void write(Level level, std::string_view line) {
  if (enabled(level)) hand_on(level, nullptr, {}, line);
}

void write(const Event& event, std::span<const Field> fields, std::string_view line) {
  if (enabled(event.level)) hand_on(event.level, &event, fields, line);
}

}  // namespace tertulia::log
