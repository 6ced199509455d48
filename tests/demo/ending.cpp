#include "tests/demo/ending.hpp"

#include <signal.h>

#include <cerrno>
#include <ctime>

#include "common/base/file.hpp"

namespace tertulia::demo {

namespace {
volatile sig_atomic_t asked = 0;
sigset_t outside;  // what was blocked before the demo
}  // namespace

void take_over_signals() {
  sigset_t ending;
  sigemptyset(&ending);
  struct sigaction action {};
  action.sa_handler = [](int) { asked = 1; };
  for (int number : {SIGINT, SIGTERM, SIGHUP}) {
    sigaddset(&ending, number);
    if (::sigaction(number, &action, nullptr) != 0) throw_errno("sigaction");
  }
  if (::sigprocmask(SIG_BLOCK, &ending, &outside) != 0) throw_errno("sigprocmask");
}

bool asked_to_end() { return asked != 0; }

void poll_for(pollfd* fds, std::size_t count, int timeout_ms) {
  const timespec timeout{timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
  if (::ppoll(fds, count, timeout_ms < 0 ? nullptr : &timeout, &outside) >= 0) return;
  if (errno != EINTR) throw_errno("ppoll");
  for (std::size_t i = 0; i < count; ++i) fds[i].revents = 0;
}

}  // namespace tertulia::demo
