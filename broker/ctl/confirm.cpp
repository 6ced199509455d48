#include "broker/ctl/confirm.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "broker/ctl/target.hpp"

namespace tertulia::ctl {

void confirm(const std::string& what, bool yes) {
  if (yes) return;
  if (::isatty(STDIN_FILENO) == 0)
    throw Failure{exit_usage, fmt::format("{} Say --yes if that is meant.", what)};
  fmt::print(stderr, "{} Go on? [y/N] ", what);
  std::string line;
  std::getline(std::cin, line);
  if (line != "y" && line != "Y" && line != "yes")
    throw Failure{exit_refused, "Nothing was changed."};
}

}  // namespace tertulia::ctl
