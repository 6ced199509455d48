#include "broker/server/live_config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "broker/events/events.hpp"
#include "broker/server/limits.hpp"
#include "common/config/keys.hpp"

namespace tertulia::broker {

std::vector<std::string> LiveConfig::advertise() const {
  std::lock_guard lock(mutex_);
  return now_.listen_advertise;
}

std::uint64_t LiveConfig::max_connections() const {
  std::lock_guard lock(mutex_);
  return now_.max_connections;
}

BrokerConfig LiveConfig::now() const {
  std::lock_guard lock(mutex_);
  return now_;
}

std::string LiveConfig::keep(const std::vector<std::string>& mistakes) const {
  for (const auto& m : mistakes)
    log::event(events::reload_refused, {{"reason", m}}, "the old configuration stays: " + m);
  return fmt::format(" The configuration was not reloaded: {}", mistakes.front());
}

std::string LiveConfig::reload(
    const ConfigSource& source,
    const std::function<void(const BrokerConfig&, const BrokerConfig&)>& apply) {
  BrokerConfig next;
  try {
    auto read = read_config(source);
    if (!read) {
      std::vector<std::string> mistakes;
      for (const auto& error : read.error()) mistakes.push_back(to_string(error));
      return keep(mistakes);
    }
    for (const auto& warning : read->warnings) log::warning("{}", to_string(warning));
    require_open_files(read->config.max_connections);
    next = std::move(read->config);
  } catch (const std::exception& e) {  // a file that is gone, or too few descriptors
    return keep({e.what()});
  }
  std::vector<std::string> changed, at_restart;
  for (const config::Key* key : config::differing(now_, next)) {
    const bool live = key->applies == config::Applies::at_reload;
    (live ? changed : at_restart).push_back(fmt::format("{}.{}", key->section, key->name));
    if (!live)
      std::visit([&](const auto& kind) { next.*kind.member = now_.*kind.member; }, key->value);
  }
  apply(now_, next);
  {
    std::lock_guard lock(mutex_);
    now_ = next;
  }
  log::event(events::reloaded, {},
             changed.empty()
                 ? "configuration read again: nothing that applies now has changed"
                 : fmt::format("configuration read again; changed: {}", fmt::join(changed, ", ")));
  if (at_restart.empty()) return {};
  log::warning("{} will apply at the next restart", fmt::join(at_restart, ", "));
  return fmt::format(" Restart for: {}.", fmt::join(at_restart, ", "));
}

}  // namespace tertulia::broker
