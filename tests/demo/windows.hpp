// The demo with a display: a window for each user, and the broker's console on stdout.
#pragma once

#include "tests/demo/stage.hpp"

namespace tertulia::demo {

// Returns when both windows are closed or a signal asks for the end, with
// everything ended. Throws DemoFailed when a program dies by itself.
void show_windows(Stage& stage);

}  // namespace tertulia::demo
