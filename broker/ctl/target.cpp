#include "broker/ctl/target.hpp"

#include <fmt/format.h>

#include "broker/admin/socket.hpp"
#include "common/config/config.hpp"

namespace tertulia::ctl {

namespace {
using nlohmann::json;

constexpr int kAnswerMs = 60'000;

std::string unreachable(const std::filesystem::path& socket, int error) {
  switch (error) {
    case ENOENT:
      return fmt::format(
          "No broker is running: there is no admin socket {}. Start it (systemctl start "
          "tertuliad), or name another one with --config, --data or --socket.",
          socket.string());
    case ECONNREFUSED:
      return fmt::format("No broker is running: nobody answers on {}.", socket.string());
    case EACCES:
    case EPERM:
      return fmt::format(
          "You may not use the admin socket {}: run this as the broker's user or with "
          "sudo, or join the socket's group.",
          socket.string());
    case ETIMEDOUT:
      return fmt::format("The broker did not answer on {} within {} s.", socket.string(),
                         kAnswerMs / 1000);
    default:
      return fmt::format("The broker cannot be asked on {}: {}.", socket.string(),
                         std::strerror(error));
  }
}
}  // namespace

Target find_target(const std::string& config, const std::string& data, const std::string& socket) {
  Target t;
  if (!data.empty()) {
    t.data_dir = data;
    t.socket = t.data_dir / "admin.sock";
  } else if (socket.empty() || !config.empty()) {
    const std::string file = config.empty() ? config_default : config;
    try {
      const auto read = load_config(file);
      if (!read) {
        std::string all;
        for (const auto& e : read.error()) all += (all.empty() ? "" : "\n") + to_string(e);
        throw Failure{exit_usage, all};
      }
      t.data_dir = read->config.data_dir;
      t.socket = read->config.admin_socket;
      t.announces = read->config.discovery_avahi;
    } catch (const std::system_error& e) {
      throw Failure{exit_usage,
                    fmt::format("The configuration {} cannot be read ({}); name one with --config, "
                                "or a data directory with --data.",
                                file, e.code().message())};
    }
  }
  if (!socket.empty()) t.socket = socket;
  return t;
}

Target find_target_anyway(const std::string& config, const std::string& data,
                          const std::string& socket) {
  try {
    return find_target(config, data, socket);
  } catch (const Failure&) {
    const BrokerConfig defaults;
    Target t;
    t.socket = socket.empty() ? defaults.admin_socket : socket;
    t.data_dir = defaults.data_dir;
    return t;
  }
}

json ask_anyway(const Target& target, const json& request) {
  std::string line;
  try {
    line = broker::ask_admin(target.socket, request.dump(), kAnswerMs);
  } catch (const std::system_error& e) {
    throw Failure{exit_unreachable, unreachable(target.socket, e.code().value())};
  }
  const json answer = json::parse(line, nullptr, false);
  if (!answer.is_object()) throw Failure{exit_refused, "The broker's answer cannot be read."};
  return answer;
}

json ask(const Target& target, const json& request) {
  json answer = ask_anyway(target, request);
  if (!answer.value("ok", false))
    throw Failure{exit_refused, answer.value("error", "The broker refused.")};
  return answer;
}

bool is_running(const Target& target) {
  try {
    ask(target, {{"command", "ping"}});
    return true;
  } catch (const Failure&) {
    return false;
  }
}

}  // namespace tertulia::ctl
