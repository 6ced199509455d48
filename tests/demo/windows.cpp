#include "tests/demo/windows.hpp"

#include <fmt/format.h>

#include "common/base/clock.hpp"
#include "tests/demo/ending.hpp"

namespace tertulia::demo {

namespace {

constexpr std::uint64_t kEndMs = 5000;

void end_windows(std::vector<std::unique_ptr<Child>>& windows) {
  for (auto& window : windows) window->terminate();
  const std::uint64_t deadline = monotonic_ms() + kEndMs;
  for (auto& window : windows) window->end(deadline);
}

bool all_closed(std::vector<std::unique_ptr<Child>>& windows) {
  bool closed = true;
  for (auto& window : windows) {
    const auto code = window->wait();
    closed = closed && code;
    if (code && *code != 0)
      throw DemoFailed(
          fmt::format("{} ended with {}\n{}", window->name(), *code, window->errors()));
  }
  return closed;
}

}  // namespace

void show_windows(Stage& stage) {
  std::vector<std::unique_ptr<Child>> windows;
  for (const char* user : Stage::kNames)
    windows.push_back(std::make_unique<Child>(std::string(user) + "'s window", stage.window(user),
                                              stage.file(std::string(user) + "-window.err")));
  say("ana and beto have a window each. What they say is printed here; close both, or press "
      "Ctrl-C, to end.\n");

  while (!asked_to_end() && !all_closed(windows)) {
    stage.require_broker();
    for (const auto& line : stage.broker().take_lines()) say(line);
    std::vector<pollfd> fds{{stage.broker().exit_fd(), POLLIN, 0},
                            {stage.broker().output_fd(), POLLIN, 0}};
    for (auto& window : windows) {
      window->take_lines();
      // A pidfd stays readable after the end: only those that still run are waited for.
      if (!window->wait()) fds.push_back({window->exit_fd(), POLLIN, 0});
      fds.push_back({window->output_fd(), POLLIN, 0});
    }
    poll_for(fds.data(), fds.size(), -1);
  }
  say(asked_to_end() ? "\nending" : "\nboth windows are closed: ending");
  end_windows(windows);
  stage.end_broker();
  for (const auto& line : stage.broker().take_lines()) say(line);
}

}  // namespace tertulia::demo
