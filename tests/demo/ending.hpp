// Ctrl-C, SIGTERM and SIGHUP: the demo's request to end. One thread.
#pragma once

#include <poll.h>

#include <cstddef>
#include <stdexcept>

namespace tertulia::demo {

struct Interrupted : std::runtime_error {
  Interrupted() : std::runtime_error("interrupted") {}
};

// Call once, first: from here on these signals arrive only inside poll_for().
void take_over_signals();

bool asked_to_end();

// poll(2), during which the request to end can arrive; timeout_ms -1 waits for ever.
void poll_for(pollfd* fds, std::size_t count, int timeout_ms);

}  // namespace tertulia::demo
