#include "client/cli/secret_input.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/file.hpp"

namespace tertulia::cli {

namespace {

// Room for the longest and for what is too long, so that the text never moves in memory.
constexpr std::size_t kBytesMax = client::passphrase_bytes_max + 1;

// While it lives the terminal shows nothing, and signals come as bytes: nobody is left without echo.
class Silent {
 public:
  explicit Silent(int fd) : fd_(fd) {
    if (::tcgetattr(fd_, &before_) != 0) throw_errno("cannot ask the terminal for its settings");
    termios now = before_;
    now.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG);
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    if (::tcsetattr(fd_, TCSAFLUSH, &now) != 0) throw_errno("cannot silence the terminal");
  }
  ~Silent() { ::tcsetattr(fd_, TCSAFLUSH, &before_); }
  Silent(const Silent&) = delete;
  Silent& operator=(const Silent&) = delete;

 private:
  const int fd_;
  termios before_{};
};

// False: at the end of the input.
bool next_byte(int fd, char& c) {
  for (;;) {
    const ssize_t n = ::read(fd, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("cannot read the passphrase");
    return n == 1;
  }
}

void say_to(int fd, std::string_view text) {
  if (::write(fd, text.data(), text.size()) < 0) throw_errno("cannot write to the terminal");
}

void drop_last_character(std::string& text) {
  while (!text.empty() && (text.back() & 0xC0) == 0x80) text.pop_back();
  if (!text.empty()) text.pop_back();
}

}  // namespace

std::optional<client::Passphrase> ask_passphrase(const std::string& prompt) {
  if (::isatty(STDIN_FILENO) == 0 && ::isatty(STDERR_FILENO) == 0) return std::nullopt;
  const UniqueFd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC));
  if (!terminal) return std::nullopt;
  const Silent silent(terminal.get());
  say_to(terminal.get(), prompt);
  std::string text;
  text.reserve(kBytesMax);
  bool cancelled = false;
  for (char c = 0;;) {
    constexpr char ctrl_c = 3, ctrl_d = 4, backspace = 8, ctrl_u = 21, erase = 127;
    if (!next_byte(terminal.get(), c) || c == ctrl_c || c == ctrl_d) cancelled = true;
    if (cancelled || c == '\n' || c == '\r') break;
    if (c == erase || c == backspace)
      drop_last_character(text);
    else if (c == ctrl_u)
      text.clear();
    else if (text.size() < kBytesMax)
      text += c;
  }
  say_to(terminal.get(), "\n");
  client::Passphrase out(std::move(text));
  if (cancelled) return std::nullopt;
  return out;
}

client::Passphrase read_passphrase(const std::filesystem::path& file) {
  UniqueFd opened;
  if (file != "-") {
    opened.reset(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!opened) throw_errno("cannot open " + file.string());
  }
  std::string text;
  text.reserve(kBytesMax);
  for (char c = 0; next_byte(opened ? opened.get() : STDIN_FILENO, c) && c != '\n';)
    if (text.size() < kBytesMax) text += c;
  if (text.ends_with('\r')) text.pop_back();
  return client::Passphrase(std::move(text));
}

}  // namespace tertulia::cli
