// What the window remembers in its profile (window.ini): the open room and the window's size. A
// file that is missing or damaged means the defaults. UI thread.
#pragma once

#include <filesystem>

#include "common/base/bytes.hpp"

namespace tertulia::gtk {

class WindowMemory {
 public:
  explicit WindowMemory(const std::filesystem::path& profile);
  const RoomId& room() const { return room_; }  // zero: none
  int width() const { return width_; }          // 0: none
  int height() const { return height_; }
  void save(const RoomId& room, int width, int height);

 private:
  std::filesystem::path file_;
  RoomId room_;
  int width_ = 0;
  int height_ = 0;
};

}  // namespace tertulia::gtk
