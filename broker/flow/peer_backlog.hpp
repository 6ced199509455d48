// Whether a peer reads what it is sent. libzmq does not tell how much waits in a peer's pipe; the
// kernel tells how much waits in its connection: while that is much, everything further would pile up
// in our memory. Any thread. A descriptor that has been given to another connection meanwhile answers
// for that one: the answer is advice to ask again later, never a right.
#pragma once

#include <linux/sockios.h>
#include <sys/ioctl.h>

namespace tertulia::broker {

// A few pages of history: above it, answers that are large wait for the peer to read.
inline constexpr int peer_backlog_bytes_max = 1024 * 1024;

inline bool reads_too_slowly(int connection_fd) {
  int unsent = 0;
  return connection_fd >= 0 && ::ioctl(connection_fd, SIOCOUTQ, &unsent) == 0 &&
         unsent > peer_backlog_bytes_max;
}

}  // namespace tertulia::broker
