#include "broker/publisher/console.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

#include "common/base/clock.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::broker {

namespace {
constexpr std::size_t kLinesMax = 1 << 18;
constexpr std::size_t kLinesBytesMax = 64 * 1024 * 1024;
constexpr std::uint64_t kLastWordsMs = 500;
constexpr int kTurnMs = 100;  // how long a blocked terminal is waited for before `stopping` is read
constexpr std::size_t kWriteBytesMax = 4096;  // PIPE_BUF: after POLLOUT such a write never blocks

void append_visible(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F, the C1 control characters, are C2 80 to C2 9F.
    const bool c1 =
        c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c == '\n')
      out += "⏎ ";
    else if (c == '\t')
      out += ' ';
    else if (c1)
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(text[++i]));
    else if (c < 0x20 || c == 0x7f)
      out += fmt::format("\\x{:02x}", c);
    else
      out += text[i];
  }
}

std::string text_of(record::Kind kind, const record::Body& body) {
  pb::Body b;
  if (!b.ParseFromArray(body.bytes.data(), static_cast<int>(body.bytes.size())))
    return "(unreadable)";
  switch (kind) {
    case record::Kind::text: return b.text();
    case record::Kind::edit: return "(edit) " + b.text();
    case record::Kind::erase: return "(deleted a message)";
    case record::Kind::reaction: return "(reaction) " + b.text();
    case record::Kind::file: return "(file) " + b.file().name();
    default: return fmt::format("({})", record::kind_name(kind));
  }
}
}  // namespace

std::string console_line(std::uint64_t unix_ms, std::string_view room, std::string_view sender,
                         std::string_view text) {
  const auto seconds = static_cast<time_t>(unix_ms / 1000);
  tm local{};
  ::localtime_r(&seconds, &local);
  const long offset_minutes = local.tm_gmtoff / 60;
  std::string out = fmt::format(
      "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}{:02}:{:02} ", local.tm_year + 1900, local.tm_mon + 1,
      local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, offset_minutes < 0 ? '-' : '+',
      std::abs(offset_minutes) / 60, std::abs(offset_minutes) % 60);
  append_visible(out, room);
  out += ' ';
  append_visible(out, sender);
  out += ": ";
  append_visible(out, text);
  out += '\n';
  return out;
}

struct Console::Impl {
  explicit Impl(Metrics& counters) : metrics(counters), lines(kLinesMax, kLinesBytesMax) {}
  Metrics& metrics;
  Queue<std::string> lines;
  std::atomic<std::uint64_t> dropped{0};
  std::atomic<std::uint64_t> stop_at_ms{0};  // 0: not stopping
  std::thread thread;

  bool out_of_time() const {
    const std::uint64_t at = stop_at_ms;
    return at != 0 && monotonic_ms() > at;
  }
  void run();
  bool print(std::string_view text);  // false: nobody will ever read it, or time is over
};

void Console::Impl::run() {
  std::vector<std::string> batch;
  std::string block;
  bool readable = true;
  for (;;) {
    const bool last_turn = stop_at_ms != 0;
    if (!last_turn) lines.wait(-1);
    lines.take_all(batch);
    block.clear();
    for (const auto& line : batch) block += line;
    if (const auto n = dropped.exchange(0); n > 0)
      block += fmt::format("({} messages not shown: the console does not read fast enough)\n", n);
    if (readable) readable = print(block);
    metrics.add(readable ? Count::console_lines : Count::console_dropped, batch.size());
    if (last_turn) return;
  }
}

bool Console::Impl::print(std::string_view text) {
  while (!text.empty()) {
    pollfd p{STDOUT_FILENO, POLLOUT, 0};
    const int ready = ::poll(&p, 1, kTurnMs);
    if (ready < 0 && errno != EINTR) throw_errno("poll on standard output");
    if (out_of_time()) return false;
    if (ready <= 0) continue;
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), std::min(text.size(), kWriteBytesMax));
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) {
      log::warning("the console is gone ({}); messages are no longer shown", std::strerror(errno));
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

Console::Console(Metrics& metrics, FatalReport fatal) : impl_(std::make_unique<Impl>(metrics)) {
  impl_->thread = start_thread("t-console", std::move(fatal), [i = impl_.get()] { i->run(); });
}

Console::~Console() {
  impl_->stop_at_ms = monotonic_ms() + kLastWordsMs;
  impl_->lines.wake();
  impl_->thread.join();
}

Pulse Console::pulse() const { return pulse_of("t-console", impl_->lines); }

void Console::show(const Committed& committed) {
  for (const auto& e : committed.entries) {
    const Directory& d = *committed.directory;
    const Room* const room = d.room(e.room);
    const Device* const device = d.device(e.submission.device);
    const User* const user = device == nullptr ? nullptr : d.user(device->user);
    for (std::size_t i = 0; i < e.submission.messages.size() && i < e.bodies.size(); ++i) {
      std::string line = console_line(wall_ms(), room == nullptr ? "?" : room->name,
                                      user == nullptr ? "server" : user->name,
                                      text_of(e.submission.messages[i].kind, e.bodies[i]));
      const std::size_t bytes = line.size();
      if (!impl_->lines.push(std::move(line), bytes)) {
        ++impl_->dropped;
        impl_->metrics.add(Count::console_dropped);
      }
    }
  }
}

}  // namespace tertulia::broker
