// tertulia-demo [--headless]: a broker and two clients, in a temporary directory, for as long as it
// runs. Exit: 0 all went well, 1 it did not (the reason on stderr), 2 usage.
#include <fmt/format.h>
#include <signal.h>

#include <cstdlib>
#include <exception>
#include <string_view>

#include "tests/demo/conversation.hpp"
#include "tests/demo/ending.hpp"
#include "tests/demo/stage.hpp"
#include "tests/demo/windows.hpp"

namespace {

bool has_display() {
  for (const char* name : {"WAYLAND_DISPLAY", "DISPLAY"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace tertulia::demo;
  bool headless = !has_display();
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) != "--headless") {
      fmt::print(stderr, "usage: tertulia-demo [--headless]\n");
      return 2;
    }
    headless = true;
  }
  ::signal(SIGPIPE, SIG_IGN);
  try {
    take_over_signals();
    Stage stage;
    if (headless)
      converse(stage);
    else
      show_windows(stage);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "tertulia-demo: {}\n", e.what());
    return 1;
  }
}
