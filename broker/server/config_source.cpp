#include "broker/server/config_source.hpp"

#include <filesystem>

namespace tertulia::broker {

LoadResult read_config(const ConfigSource& source) {
  LoadResult read = source.file.empty() ? LoadResult(LoadedConfig{}) : load_config(source.file);
  if (!read) return read;
  const auto say = [&](const char* key, auto BrokerConfig::*member, auto value) {
    read->config.*member = std::move(value);
    read->origins[key] = {"command line", 0, 0};
  };
  if (!source.data.empty()) {
    say("data.dir", &BrokerConfig::data_dir, source.data);
    say("admin.socket", &BrokerConfig::admin_socket,
        (std::filesystem::path(source.data) / "admin.sock").string());
  }
  // A configuration that places only the admin socket, as all did before there were metrics, gets
  // the other one beside it: the folder exists, and two brokers do not share one
  if (!read->origins.contains("metrics.socket"))
    read->config.metrics_socket =
        std::filesystem::path(read->config.admin_socket).replace_filename("metrics.sock");
  if (!source.commands.empty())
    say("listen.commands", &BrokerConfig::listen_commands, source.commands);
  if (!source.broadcast.empty())
    say("listen.broadcast", &BrokerConfig::listen_broadcast, source.broadcast);
  if (source.console) say("log.console_bodies", &BrokerConfig::log_console_bodies, true);
  return read;
}

}  // namespace tertulia::broker
