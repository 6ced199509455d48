#include "broker/server/watchdog.hpp"

#include <fmt/ranges.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "broker/events/events.hpp"
#include "broker/server/notify.hpp"

namespace tertulia::broker {

namespace {
constexpr std::uint64_t kLooksPerInterval = 4;

std::uint64_t number_of(const char* variable) {
  const char* const text = std::getenv(variable);
  std::uint64_t number = 0;
  if (text == nullptr) return 0;
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), number);
  return error == std::errc{} && *end == '\0' ? number : 0;
}
}  // namespace

std::uint64_t Watchdog::interval_of_environment_ms() {
  if (const auto pid = number_of("WATCHDOG_PID");
      pid != 0 && pid != static_cast<std::uint64_t>(::getpid()))
    return 0;
  return number_of("WATCHDOG_USEC") / 1000;
}

Watchdog::Watchdog(std::uint64_t interval_ms, std::vector<Pulse> pulses)
    : period_ms_(interval_ms / kLooksPerInterval),
      pulses_(std::move(pulses)) {
  if (period_ms_ > 0) ask();
}

void Watchdog::watch(std::vector<Pulse> pulses) {
  pulses_ = std::move(pulses);
  if (period_ms_ > 0) ask();
}

void Watchdog::ask() {
  asked_at_.clear();
  for (const Pulse& p : pulses_) {
    asked_at_.push_back(p.turns());
    p.wake();
  }
}

std::vector<std::string> Watchdog::silent() const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < asked_at_.size(); ++i)
    if (pulses_[i].turns() == asked_at_[i]) names.push_back(pulses_[i].thread);
  return names;
}

void Watchdog::look(std::uint64_t now_ms) {
  if (period_ms_ == 0 || now_ms < next_look_ms_) return;
  const bool first = next_look_ms_ == 0;
  next_look_ms_ = now_ms + period_ms_;
  if (first) return;  // they have only just been asked
  if (const auto names = silent(); !names.empty()) {
    if (!told_)
      log::event(
          events::thread_silent, {{"reason", fmt::format("{}", fmt::join(names, " "))}},
          fmt::format("no sign of life from {}; the service manager's watchdog will end this "
                      "process unless they go on",
                      fmt::join(names, ", ")));
    told_ = true;
    return;
  }
  told_ = false;
  notify_service_manager("WATCHDOG=1");
  ask();
}

int Watchdog::wait_ms(std::uint64_t now_ms) const {
  if (period_ms_ == 0) return -1;
  return next_look_ms_ <= now_ms ? 0 : static_cast<int>(next_look_ms_ - now_ms);
}

}  // namespace tertulia::broker
