#include "client/cli/run_command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/file.hpp"

// glibc 2.36 forgot to say that this is C
extern "C" {
#include <sys/pidfd.h>
}

extern char** environ;

namespace tertulia::cli {

namespace {
struct Pipe {
  UniqueFd read, write;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno("pipe");
    read.reset(ends[0]);
    write.reset(ends[1]);
  }
};

void need(int error, const char* what) {
  if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

// In a process group of its own, so that what it starts can be ended with it, and with the signals
// as a shell has them: ours are blocked.
pid_t spawn(const std::string& command, const std::map<std::string, std::string>& environment,
            int in, int out) {
  posix_spawn_file_actions_t files;
  need(::posix_spawn_file_actions_init(&files), "posix_spawn_file_actions_init");
  need(::posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO), "adddup2");
  need(::posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO), "adddup2");
  posix_spawnattr_t attributes;
  need(::posix_spawnattr_init(&attributes), "posix_spawnattr_init");
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
  std::vector<std::string> variables;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string variable(*at);
    if (!environment.contains(variable.substr(0, variable.find('=')))) variables.push_back(variable);
  }
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  std::vector<char*> pointers;
  for (auto& variable : variables) pointers.push_back(variable.data());
  pointers.push_back(nullptr);
  std::string shell = "sh", flag = "-c", text = command;
  char* arguments[] = {shell.data(), flag.data(), text.data(), nullptr};
  pid_t pid = 0;
  const int error =
      ::posix_spawn(&pid, "/bin/sh", &files, &attributes, arguments, pointers.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  need(error, "cannot start /bin/sh");
  return pid;
}

void set_nonblocking(int fd) {
  if (::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) throw_errno("fcntl");
}
// What is there, up to a pipe's content: who writes faster than this reads does not keep the deadline
// nor the stop from being looked at. Closed at its end.
void take_output(UniqueFd& from, std::size_t bytes_max, CommandRun& run) {
  char chunk[16384];
  for (int reads = 0; from && reads < 4;) {
    const ssize_t n = ::read(from.get(), chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    ++reads;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) throw_errno("read");
    if (n == 0) from.reset();
    const std::size_t room = bytes_max - run.output.size();
    run.output_cut = run.output_cut || static_cast<std::size_t>(n) > room;
    run.output.append(chunk, std::min(room, static_cast<std::size_t>(n)));
  }
}
}  // namespace

CommandRun run_command(const std::string& command, const std::string& input,
                       const std::map<std::string, std::string>& environment,
                       std::uint64_t timeout_ms, std::size_t output_bytes_max, int stop_fd) {
  Pipe in, out;
  CommandRun run;
  const pid_t pid = spawn(command, environment, in.read.get(), out.write.get());
  in.read.reset();
  out.write.reset();
  set_nonblocking(in.write.get());
  set_nonblocking(out.read.get());
  const UniqueFd ended(::pidfd_open(pid, 0));
  if (!ended) throw_errno("pidfd_open");
  const std::uint64_t deadline = timeout_ms == 0 ? UINT64_MAX : monotonic_ms() + timeout_ms;
  std::size_t written = 0;
  for (bool over = false; !over;) {
    if (written == input.size()) in.write.reset();
    // A descriptor of -1 is left out
    pollfd fds[] = {{ended.get(), POLLIN, 0},
                    {stop_fd, POLLIN, 0},
                    {out.read.get(), POLLIN, 0},
                    {in.write.get(), POLLOUT, 0}};
    const std::uint64_t now = monotonic_ms();
    const int wait_ms = deadline == UINT64_MAX ? -1
                        : now >= deadline
                            ? 0
                            : static_cast<int>(std::min<std::uint64_t>(deadline - now, 60'000));
    if (::poll(fds, std::size(fds), wait_ms) < 0 && errno != EINTR) throw_errno("poll");
    // What it has said before its end is there by now; what it left behind may hold the pipe open.
    over = fds[0].revents != 0;
    run.stopped = !over && fds[1].revents != 0;
    run.timed_out = !over && !run.stopped && monotonic_ms() >= deadline;
    if (run.stopped || run.timed_out) {
      ::kill(-pid, SIGKILL);
      break;
    }
    if (fds[3].revents != 0) {
      const ssize_t n = ::write(in.write.get(), input.data() + written, input.size() - written);
      if (n >= 0)
        written += static_cast<std::size_t>(n);
      else if (errno != EAGAIN && errno != EINTR)
        written = input.size();  // it does not want to know
    }
    if (over || fds[2].revents != 0) take_output(out.read, output_bytes_max, run);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) throw_errno("waitpid");
  run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return run;
}

}  // namespace tertulia::cli
