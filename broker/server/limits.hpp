// What the process asks of the operating system before it serves. Main thread, before any other.
#pragma once

#include <cstdint>

namespace tertulia::broker {

// Raises the soft limit of open files to the hard one and throws, with a sentence, when that is not
// enough for so many connections: at exhaustion libzmq spins on accept().
void require_open_files(std::uint64_t max_connections);

// Few malloc arenas (a broker at rest stays small) and no core files (they would hold keys), and
// no lines on stderr that a peer decides about.
void trim_process();

}  // namespace tertulia::broker
