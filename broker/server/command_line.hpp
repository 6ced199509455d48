// tertuliad's command line. Main thread, once.
#pragma once

#include <variant>

#include "broker/server/server.hpp"

namespace tertulia::broker {

// What to serve with; or the exit code, when everything has been said already (--version, --check-config,
// --print-config: 0; a wrong command line or configuration: 2, with every mistake on stderr).
std::variant<ServerOptions, int> parse_command_line(int argc, char** argv);

}  // namespace tertulia::broker
