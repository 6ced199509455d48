// link: lets a further device of this user in. The link goes to standard output, for `enrol` there;
// what is asked and said to standard error.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "client/cli/commands.hpp"
#include "client/cli/output.hpp"
#include "client/cli/qr_text.hpp"
#include "common/base/clock.hpp"

namespace tertulia::cli {

namespace {

constexpr std::uint64_t kGraceMs = 5'000;   // after the link's end, for the engine to say so
constexpr std::uint64_t kCancelMs = 2'000;  // to tell the server that nobody is let in
constexpr std::size_t kAnswerBytesMax = 256;

class LinkCommand {
 public:
  explicit LinkCommand(const Arguments& a) : a_(a), client_(a, quiet_options()) {}
  int run();

 private:
  std::optional<int> take(const client::Event& event);
  void read_answer();
  void decide(std::string answer);

  const Arguments& a_;
  Client client_;
  std::uint64_t deadline_ = 0;
  std::string code_;  // of who asks; empty: nobody, or it has been decided
  std::string input_;
};

void show(const std::string& link, std::uint64_t expires_at_ms) {
  print_line(link);
  if (::isatty(STDOUT_FILENO) != 0) {
    std::string code = qr_text(link);
    print_lines(code);
  }
  const std::uint64_t minutes =
      (expires_at_ms - std::min(expires_at_ms, wall_ms()) + 59'999) / 60'000;
  say(fmt::format("On the new device, within {} minutes: tertulia-cli enrol LINK, or paste it into "
                  "the window. Whoever has the link may ask to come in; it is you who lets in.",
                  minutes),
      exit_done);
}

// Set: it is over.
std::optional<int> LinkCommand::take(const client::Event& event) {
  if (const auto* opened = std::get_if<client::DeviceLinkOpened>(&event)) {
    show(opened->link, opened->expires_at_ms);
    const std::uint64_t now = wall_ms();
    deadline_ =
        monotonic_ms() + kGraceMs + (opened->expires_at_ms > now ? opened->expires_at_ms - now : 0);
  }
  if (const auto* asked = std::get_if<client::DeviceLinkAsked>(&event)) {
    code_ = asked->code;
    std::fprintf(
        stderr,
        "A device called %s with the code %s wants to be a device of yours. Let it in only "
        "if it is yours and shows this code.\nLet it in? [y/N] ",
        harmless(asked->device_name).c_str(), code_.c_str());
  }
  if (const auto* ended = std::get_if<client::DeviceLinkEnded>(&event)) {
    if (!ended->ok) return say(ended->reason, exit_refused);
    return say(
        fmt::format("The device {} is yours now.", to_hex(ended->device.view()).substr(0, 12)),
        exit_done);
  }
  return std::nullopt;
}

// "y", or the code itself as the new device shows it: for scripts, which have no eyes.
void LinkCommand::decide(std::string answer) {
  const auto is_filler = [](char c) { return c == ' ' || c == '\r' || c == '\t'; };
  std::erase_if(answer, is_filler);
  std::string digits = code_;
  std::erase_if(digits, is_filler);
  code_.clear();
  client_.engine().answer_link(answer == "y" || answer == "Y" || answer == "yes" ||
                               answer == digits);
}

void LinkCommand::read_answer() {
  char chunk[kAnswerBytesMax];
  const ssize_t n = ::read(STDIN_FILENO, chunk, sizeof chunk);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (n < 0) throw_errno("cannot read standard input");
  input_.append(chunk, static_cast<std::size_t>(n));
  const std::size_t end = input_.find('\n');
  if (n > 0 && end == input_.npos && input_.size() < kAnswerBytesMax) return;
  decide(input_.substr(0, end));
  input_.clear();
}

int LinkCommand::run() {
  if (const auto code = require_account(client_)) return *code;
  deadline_ = monotonic_ms() + std::uint64_t{a_.timeout_s} * 1000;
  if (const auto code = wait_online(client_, deadline_)) return *code;
  client_.engine().link_device(a_.device_name, 1);
  bool cancelled = false;
  for (;;) {
    for (const auto& event : client_.wait(deadline_, !code_.empty()))
      if (const auto code = take(event)) return *code;
    if (client_.stdin_ready()) read_answer();
    if (client_.interrupted() && !std::exchange(cancelled, true)) {
      client_.engine().answer_link(false);
      deadline_ = monotonic_ms() + kCancelMs;
    }
    if (client_.hopeless()) return say(problem_sentence(client_.link()), exit_refused);
    if (monotonic_ms() >= deadline_) return say(problem_sentence(client_.link()), exit_unreachable);
  }
}

}  // namespace

int link(const Arguments& a) { return LinkCommand(a).run(); }

}  // namespace tertulia::cli
