// What cannot be taken back, or puts people out, is asked for once.
#pragma once

#include <string>

namespace tertulia::ctl {

// yes: returns, since --yes was said. On a terminal: asks on stderr, returns on y. No terminal: throws
// Failure (exit_usage) that names --yes, so that a script says what it means. Anything but y: throws
// Failure (exit_refused). what: a sentence that says what will happen. Call it before anything is done.
void confirm(const std::string& what, bool yes);

}  // namespace tertulia::ctl
