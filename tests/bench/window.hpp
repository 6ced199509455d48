// The window's start, measured in a real X server without a screen. One thread.
#pragma once

#include <filesystem>
#include <string>

namespace tertulia::bench {

struct Window {
  double first_frame_ms = 0;  // process start to the first frame with messages in it
  double rss_mib = 0;         // after scrolling 1,000 rows
  std::string skipped;        // why it was not measured
};

// A profile with 20 rooms and 50,000 cached messages, made in `directory`; median of `rounds`.
Window window(const std::filesystem::path& directory, int rounds);

}  // namespace tertulia::bench
