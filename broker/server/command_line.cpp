#include "broker/server/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

namespace tertulia::broker {

namespace {
constexpr int kUsageError = 2;

void say(std::string_view line) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
}

// Prints every mistake of the file; false: there were some.
bool read_config(const std::string& file, BrokerConfig& config) {
  auto read = load_config(file);
  if (read) {
    config = *std::move(read);
    return true;
  }
  for (const auto& error : read.error()) say(to_string(error));
  return false;
}
}  // namespace

std::variant<ServerOptions, int> parse_command_line(int argc, char** argv) {
  CLI::App app("tertuliad: the broker of Tertulia", "tertuliad");
  ServerOptions options;
  std::string file, data, commands, broadcast;
  bool check = false, version = false;
  app.add_option("--config", file, "Configuration file")->type_name("FILE");
  app.add_option("--data", data, "Data directory; the admin socket is in it too")->type_name("DIR");
  app.add_option("--commands", commands,
                 "Listen here instead, e.g. tcp://127.0.0.1:* for a free port")
      ->type_name("ENDPOINT");
  app.add_option("--broadcast", broadcast, "Publish here instead")->type_name("ENDPOINT");
  app.add_flag("--console", options.console, "Print every message on standard output");
  app.add_flag("--check-config", check, "Check the configuration and end");
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
  if (file.empty() && data.empty()) {
    say("tertuliad needs --config FILE (a configuration) or --data DIR (defaults, all data in "
        "DIR).");
    return kUsageError;
  }
  try {
    if (!file.empty() && !read_config(file, options.config)) return kUsageError;
  } catch (const std::system_error& e) {
    say(fmt::format("The configuration cannot be read: {}.", e.what()));
    return kUsageError;
  }
  if (check) {
    std::printf("%s: no mistakes found\n", file.empty() ? "the defaults" : file.c_str());
    return 0;
  }
  if (!data.empty()) {
    options.config.data_dir = data;
    options.config.admin_socket = (std::filesystem::path(data) / "admin.sock").string();
  }
  if (!commands.empty()) options.config.listen_commands = commands;
  if (!broadcast.empty()) options.config.listen_broadcast = broadcast;
  options.console = options.console || options.config.log_console_bodies;
  return options;
}

}  // namespace tertulia::broker
