// Whether a peer reads what it is sent. libzmq does not tell how much waits in a peer's pipe; the
// kernel tells how much waits in its connection: while that is much, everything further would pile up
// in our memory. Any thread. A descriptor that has been given to another connection meanwhile answers
// for that one: the answer is advice to ask again later, never a right.
//
// Much is relative: the kernel lets a send buffer grow with what the peer takes. Measured: at one who
// never reads 0.4 to 0.7 MiB wait with segments of 1,448 bytes, 4 MiB over loopback.
#pragma once

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

namespace tertulia::broker {

// A few pages of history: above it, answers wait for the peer to read, whatever the buffer's size.
inline constexpr int peer_backlog_bytes_max = 1024 * 1024;

inline bool reads_too_slowly(int connection_fd) {
  int unsent = 0, buffer = 0;
  socklen_t size = sizeof buffer;
  return connection_fd >= 0 && ::ioctl(connection_fd, SIOCOUTQ, &unsent) == 0 &&
         ::getsockopt(connection_fd, SOL_SOCKET, SO_SNDBUF, &buffer, &size) == 0 &&
         unsent > std::min(peer_backlog_bytes_max, buffer / 2);
}

}  // namespace tertulia::broker
