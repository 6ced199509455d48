// The demo without a display: two clients of the command line talk, and everything that was said is
// compared with what each of them saw and with what the broker logged.
#pragma once

#include "tests/demo/stage.hpp"

namespace tertulia::demo {

// Throws DemoFailed when anything is lost, doubled, out of order or different.
void converse(Stage& stage);

}  // namespace tertulia::demo
