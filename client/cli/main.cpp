// tertulia-cli: the client without a window, for scripts, bots and tests.
#include <cstdio>
#include <exception>

#include "client/cli/arguments.hpp"
#include "client/cli/commands.hpp"
#include "common/base/log.hpp"

int main(int argc, char** argv) {
  using namespace tertulia;
  try {
    const PresetsRead presets = read_presets(preset_files());
    log::set_level(log_level(presets.loaded.config));
    const cli::Parsed parsed = cli::parse(argc, argv, presets);
    if (parsed.exit_code) return *parsed.exit_code;
    for (const auto& complaint : presets.complaints) log::warning("{}", complaint);
    return cli::run(parsed.arguments, presets);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tertulia-cli: %s\n", e.what());
    return cli::exit_usage;
  }
}
