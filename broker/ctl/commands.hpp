// tertuliactl's commands. Each prints its result on stdout, remarks on stderr, and answers the exit
// code; failures are thrown (Failure).
#pragma once

#include <string>

#include "broker/ctl/target.hpp"

namespace tertulia::ctl {

int status(const Target& target, bool as_json);
// Until q, Ctrl-C or a signal: one screen, drawn anew each second; a block a second when stdout is no
// terminal.
int status_watch(const Target& target);
int metrics(const Target& target);
// config_file: empty, or what configures the broker. Fault found: exit_refused.
int doctor(const Target& target, const std::string& config_file, bool as_json);
// Has avahi-daemon, if this machine has one, announce the running broker: writes its service file
// into `directory`, or removes it (end, or a configuration that does not want it).
int announce(const Target& target, const std::filesystem::path& directory, bool end);
int log_verify(const Target& target, bool as_json);
// history: all that the record's cards have named, the newest last.
int log_key(const Target& target, bool history, bool as_json);

}  // namespace tertulia::ctl
