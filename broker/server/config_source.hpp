// Where the broker's configuration comes from: its files, and what the command line says over them.
// Any thread; no state: read at the start and again at each reload.
#pragma once

#include <string>

#include "common/config/config.hpp"

namespace tertulia::broker {

struct ConfigSource {
  std::string file;  // empty: the defaults
  std::string data;  // empty: as the file says, and so on
  std::string commands;
  std::string broadcast;
  bool console = false;
};

// Errors and exceptions as of load_config. What the command line says has the origin "command line".
LoadResult read_config(const ConfigSource& source);

}  // namespace tertulia::broker
