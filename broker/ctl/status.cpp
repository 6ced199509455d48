// `tertuliactl status`, its live view, and `tertuliactl metrics`.
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "broker/ctl/commands.hpp"
#include "broker/ctl/status_page.hpp"
#include "common/base/clock.hpp"
#include "common/base/file.hpp"

namespace tertulia::ctl {

namespace {
using nlohmann::json;

constexpr std::size_t kColumnsWithoutTerminal = 100;
constexpr int kEveryMs = 1000;

const char* colour_of(PageLine::Tone tone) {
  switch (tone) {
    case PageLine::Tone::title: return "\x1b[1m";
    case PageLine::Tone::good: return "\x1b[32m";
    case PageLine::Tone::warning: return "\x1b[1;33m";
    case PageLine::Tone::plain: return "";
  }
  return "";
}

// https://no-color.org
bool wants_colour() {
  const char* const no = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1 && (no == nullptr || *no == '\0');
}

std::string block_of(const std::vector<PageLine>& lines, bool colour, std::string_view line_end,
                     std::size_t lines_max) {
  std::string out;
  for (std::size_t i = 0; i < lines.size() && i < lines_max; ++i) {
    const char* const begin = colour ? colour_of(lines[i].tone) : "";
    out += begin;
    out += lines[i].text;
    if (*begin != '\0') out += "\x1b[0m";
    out += line_end;
  }
  return out;
}

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw_errno("standard output");
}

// The other screen of the terminal, without echo; as it was before when it goes.
class Screen {
 public:
  Screen() {
    termios now{};
    if (::tcgetattr(STDIN_FILENO, &now) == 0) {
      before_ = now;
      now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      ::tcsetattr(STDIN_FILENO, TCSANOW, &now);
    }
    print("\x1b[?1049h\x1b[?25l");
  }
  ~Screen() {
    if (before_) ::tcsetattr(STDIN_FILENO, TCSANOW, &*before_);
    std::fputs("\x1b[?25h\x1b[?1049l", stdout);
    std::fflush(stdout);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  static winsize size() {
    winsize w{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0) w.ws_col = 80, w.ws_row = 24;
    return w;
  }
  void draw(const std::vector<PageLine>& lines) const {
    const auto rows = static_cast<std::size_t>(size().ws_row);
    print("\x1b[H" + block_of(lines, wants_colour(), "\x1b[K\r\n", rows > 1 ? rows - 1 : 1) +
          "\x1b[J");
  }

 private:
  std::optional<termios> before_;
};

UniqueFd stop_signals() {
  sigset_t stops;
  sigemptyset(&stops);
  for (const int s : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&stops, s);
  ::sigprocmask(SIG_BLOCK, &stops, nullptr);
  UniqueFd fd(::signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) throw_errno("signalfd");
  return fd;
}

// True: go on after a second (or when the window's size changed); false: q, or a signal.
bool next_second(const UniqueFd& signals, bool keys) {
  pollfd polled[] = {{signals.get(), POLLIN, 0}, {keys ? STDIN_FILENO : -1, POLLIN, 0}};
  const std::uint64_t end = monotonic_ms() + kEveryMs;
  for (;;) {
    const std::uint64_t now = monotonic_ms();
    if (now >= end) return true;
    const int n = ::poll(polled, 2, static_cast<int>(end - now));
    if (n <= 0) return true;
    if (polled[0].revents != 0) return false;
    char key = 0;
    const ssize_t got = ::read(STDIN_FILENO, &key, 1);
    if (got == 1 && (key == 'q' || key == 'Q' || key == 3)) return false;
    if (got <= 0) polled[1].fd = -1;  // no more keys will come
  }
}
}  // namespace

int status(const Target& target, bool as_json) {
  const json s = ask(target, {{"command", "status"}});
  if (as_json) {
    fmt::print("{}\n", s.dump());
    return exit_good;
  }
  const std::size_t columns =
      ::isatty(STDOUT_FILENO) == 1 ? Screen::size().ws_col : kColumnsWithoutTerminal;
  print(block_of(status_page(s, json(), 0, columns), wants_colour(), "\n", SIZE_MAX));
  return exit_good;
}

int status_watch(const Target& target) {
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  const UniqueFd signals = stop_signals();
  std::optional<Screen> screen;
  json before;
  std::uint64_t before_ms = 0;
  do {
    std::vector<PageLine> lines;
    try {
      json now = ask(target, {{"command", "status"}});
      const std::uint64_t now_ms = monotonic_ms();
      const std::size_t columns = terminal ? Screen::size().ws_col : kColumnsWithoutTerminal;
      lines = status_page(now, before, static_cast<double>(now_ms - before_ms) / 1000, columns);
      before = std::move(now);
      before_ms = now_ms;
    } catch (const Failure& f) {
      // A broker that restarts comes back; one that was never there is a mistake
      if (before.is_null()) throw;
      lines = {{PageLine::Tone::warning, f.sentence}, {PageLine::Tone::plain, "Waiting for it."}};
    }
    if (terminal && !screen) screen.emplace();
    if (screen)
      screen->draw(lines);
    else
      print(block_of(lines, false, "\n", SIZE_MAX) + "\n");
  } while (next_second(signals, terminal));
  return exit_good;
}

int metrics(const Target& target) {
  print(ask(target, {{"command", "metrics"}}).value("text", ""));
  return exit_good;
}

}  // namespace tertulia::ctl
