#include "broker/server/command_line.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>

#include "common/base/log.hpp"
#include "common/config/keys.hpp"
#include "common/config/write.hpp"

namespace tertulia::broker {

namespace {
constexpr int kUsageError = 2;

void say(std::string_view line) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
}

// Prints every mistake of the configuration; nothing: there were some.
std::optional<LoadedConfig> configuration(const ConfigSource& source) {
  try {
    auto read = read_config(source);
    if (read) return *std::move(read);
    for (const auto& error : read.error()) say(to_string(error));
  } catch (const std::system_error& e) {
    say(fmt::format("The configuration cannot be read: {}.", e.what()));
  }
  return std::nullopt;
}
}  // namespace

std::variant<ServerOptions, int> parse_command_line(int argc, char** argv) {
  CLI::App app("tertuliad: the broker of Tertulia", "tertuliad");
  ConfigSource source;
  bool check = false, print = false, version = false, initialise = false;
  app.add_option("--config", source.file, "Configuration file")->type_name("FILE");
  app.add_option("--data", source.data, "Data directory; the admin socket is in it too")
      ->type_name("DIR");
  app.add_option("--commands", source.commands,
                 "Listen here instead, e.g. tcp://127.0.0.1:* for a free port")
      ->type_name("ENDPOINT");
  app.add_option("--broadcast", source.broadcast, "Publish here instead")->type_name("ENDPOINT");
  app.add_flag("--console", source.console, "Print every message on standard output");
  app.add_flag("--init", initialise,
               "Make the data directory, the keys and an empty record if there are none, print the "
               "server's fingerprint, and end");
  app.add_flag("--check-config", check, "Check the configuration and end");
  app.add_flag("--print-config", print,
               "Print the configuration that would hold, and where each value comes from, and end");
  app.add_flag("--version", version, "Print the version and end");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : kUsageError;
  }
  if (version) {
    std::printf("tertuliad %s\n", TERTULIA_VERSION);
    return 0;
  }
  if (source.file.empty() && source.data.empty()) {
    say("tertuliad needs --config FILE (a configuration) or --data DIR (defaults, all data in "
        "DIR).");
    return kUsageError;
  }
  auto loaded = configuration(source);
  if (!loaded) return kUsageError;
  for (const auto& warning : loaded->warnings) log::warning("{}", to_string(warning));
  if (check) {
    std::printf("%s: no mistakes found\n",
                loaded->files.empty() ? "the defaults"
                                      : fmt::format("{}", fmt::join(loaded->files, ", ")).c_str());
    return 0;
  }
  if (print) {
    const std::string text = config::effective_config(
        config::table(), *loaded, "The configuration of tertuliad " TERTULIA_VERSION);
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
                   std::fflush(stdout) == 0
               ? 0
               : 1;
  }
  return ServerOptions{std::move(loaded->config), std::move(source), initialise};
}

}  // namespace tertulia::broker
