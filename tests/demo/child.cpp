#include "tests/demo/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "common/base/clock.hpp"
#include "tests/demo/ending.hpp"

namespace tertulia::demo {

namespace {

constexpr std::size_t kErrorsBytesMax = 1 << 20;
constexpr std::uint64_t kEndMs = 3000;

// Runs between fork and exec: only calls that signal-safety(7) allows.
[[noreturn]] void become(char* const* argv, int output, int errors, pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::setpgid(0, 0);
  const int input = ::open("/dev/null", O_RDONLY);
  const bool ready = ::prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && ::getppid() == parent &&
                     ::dup2(input, STDIN_FILENO) >= 0 && ::dup2(output, STDOUT_FILENO) >= 0 &&
                     ::dup2(errors, STDERR_FILENO) >= 0;
  if (ready) ::execv(argv[0], argv);
  ::_exit(127);
}

}  // namespace

Child::Child(std::string name, const std::vector<std::string>& argv,
             const std::filesystem::path& errors)
    : name_(std::move(name)),
      errors_(errors) {
  if (::access(argv[0].c_str(), X_OK) != 0) throw_errno("cannot run " + argv[0]);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno("pipe");
  output_fd_.reset(ends[0]);
  const UniqueFd output(ends[1]);
  if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) throw_errno("fcntl");
  const UniqueFd error_file(::open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!error_file) throw_errno("cannot create " + errors.string());

  std::vector<char*> words;
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw_errno("fork");
  if (pid_ == 0) become(words.data(), output.get(), error_file.get(), parent);
  exit_fd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!exit_fd_) throw_errno("pidfd_open");
}

Child::~Child() {
  if (pid_ > 0) end(monotonic_ms() + kEndMs);
}

void Child::read_output() {
  std::array<char, 65536> chunk;
  while (output_fd_) {
    const ssize_t n = ::read(output_fd_.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) throw_errno("cannot read what " + name_ + " prints");
    if (n == 0) {
      output_fd_.reset();
      if (!partial_.empty()) lines_.push_back(std::move(partial_));
      partial_.clear();
      return;
    }
    partial_.append(chunk.data(), static_cast<std::size_t>(n));
    for (std::size_t end; (end = partial_.find('\n')) != partial_.npos;) {
      lines_.push_back(partial_.substr(0, end));
      partial_.erase(0, end + 1);
    }
  }
}

std::vector<std::string> Child::take_lines() {
  read_output();
  return std::exchange(lines_, {});
}

// True when it has ended; takes all of its output on the way, since a full pipe would hold it up.
bool Child::reap() {
  read_output();
  if (code_) return true;
  int status = 0;
  const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
  if (ended < 0) throw_errno("waitpid");
  if (ended != pid_) return false;
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  read_output();
  return true;
}

std::optional<int> Child::wait(std::uint64_t deadline_ms) {
  while (!reap()) {
    const std::uint64_t now = monotonic_ms();
    if (now >= deadline_ms) return std::nullopt;
    if (asked_to_end()) throw Interrupted();
    pollfd fds[] = {{exit_fd_.get(), POLLIN, 0}, {output_fd_.get(), POLLIN, 0}};
    poll_for(fds, 2, static_cast<int>(deadline_ms - now));
  }
  return code_;
}

void Child::terminate() {
  if (!code_) ::kill(pid_, SIGTERM);
}

int Child::end(std::uint64_t deadline_ms) {
  terminate();
  while (!reap()) {
    const std::uint64_t now = monotonic_ms();
    if (now >= deadline_ms) ::kill(pid_, SIGKILL);
    pollfd fds[] = {{exit_fd_.get(), POLLIN, 0}, {output_fd_.get(), POLLIN, 0}};
    poll_for(fds, 2, now >= deadline_ms ? -1 : static_cast<int>(deadline_ms - now));
  }
  return *code_;
}

std::string Child::errors() const {
  const Bytes content = read_file(errors_, kErrorsBytesMax);
  return std::string(as_text(content));
}

Ran run(const std::string& name, const std::vector<std::string>& argv,
        const std::filesystem::path& errors, std::uint64_t deadline_ms) {
  Child child(name, argv, errors);
  const auto code = child.wait(deadline_ms);
  if (!code) throw std::runtime_error(name + " did not end in time\n" + child.errors());
  return {*code, child.take_lines(), child.errors()};
}

}  // namespace tertulia::demo
