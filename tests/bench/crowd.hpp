// What grows with people and rooms: a removal from a large room, the start of somebody who is in
// many, and the broker's memory for each. Each against a broker of its own. One thread.
#pragma once

#include "tests/bench/scenarios.hpp"

namespace tertulia::bench {

// From the request that removes a member until all of these are true: it is acked (the entry is
// fsynced); every connected member who stays has the new key; a message that was sent then is opened
// by all of them and not by who was removed.
struct Removal {
  double ms = 0;      // all of it
  double ack_ms = 0;  // the first part
  double key_ms = 0;  // the last of those who stay has the new key
  int members = 0, connected = 0;
};
Removal removal_from_a_large_room(const Settings& settings);

// From the start of the real engine, the connection and its handshake included, until its list has
// all rooms with their newest heads and how far the user has read. Median.
double rooms_50_ms();

// One `tertulia-cli send room -` with 4,000 lines, at the rates as they are shipped: seconds.
double lines_4000_s();

struct CrowdMemory {
  double room_kib = 0;      // RSS that a room without members adds to a broker after its start
  double member_bytes = 0;  // the same of one user's membership in one room
};
CrowdMemory crowd_memory();

}  // namespace tertulia::bench
