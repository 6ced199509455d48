// tertulia-cli: the client without a window, for scripts, bots and tests.
#include <cstdio>
#include <exception>

#include "client/cli/arguments.hpp"
#include "client/cli/commands.hpp"
#include "common/base/log.hpp"

int main(int argc, char** argv) {
  using namespace tertulia;
  try {
    log::set_level(log::Level::warning);
    const cli::Parsed parsed = cli::parse(argc, argv);
    return parsed.exit_code ? *parsed.exit_code : cli::run(parsed.arguments);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tertulia-cli: %s\n", e.what());
    return cli::exit_usage;
  }
}
