#include "client_gtk/app/window_memory.hpp"

#include <glibmm/fileutils.h>
#include <glibmm/keyfile.h>

#include "common/base/log.hpp"

namespace tertulia::gtk {
namespace {

constexpr const char* group = "window";
constexpr int size_px_max = 16384;

}  // namespace

WindowMemory::WindowMemory(const std::filesystem::path& profile) : file_(profile / "window.ini") {
  auto keys = Glib::KeyFile::create();
  try {
    if (!std::filesystem::exists(file_) || !keys->load_from_file(file_)) return;
    const auto id = from_hex(keys->get_string(group, "room").raw());
    if (const auto room = id ? RoomId::parse(*id) : std::nullopt) room_ = *room;
    const int width = keys->get_integer(group, "width");
    const int height = keys->get_integer(group, "height");
    if (width > 0 && height > 0 && width <= size_px_max && height <= size_px_max) {
      width_ = width;
      height_ = height;
    }
  } catch (const Glib::Error& error) {
    log::warning("{}: {}; the window opens with its defaults", file_.string(), error.what());
  }
}

void WindowMemory::save(const RoomId& room, int width, int height) {
  auto keys = Glib::KeyFile::create();
  keys->set_string(group, "room", to_hex(room.view()));
  keys->set_integer(group, "width", width);
  keys->set_integer(group, "height", height);
  try {
    keys->save_to_file(file_);
  } catch (const Glib::Error& error) {
    log::warning("{}: {}; the window's place is not remembered", file_.string(), error.what());
  }
}

}  // namespace tertulia::gtk
