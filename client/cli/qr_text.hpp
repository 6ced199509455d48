// A QR code as text: two modules a character, in half blocks, with the quiet zone that scanners want.
// Dark on light whatever the terminal's colours are. Any thread.
#pragma once

#include <string>

namespace tertulia::cli {

// Lines, each with its newline; empty: the text is too long for a code.
std::string qr_text(const std::string& text);

}  // namespace tertulia::cli
