// What stands between two messages: the day that starts, and the line above the first message that
// was unread when the room was opened. UI thread.
#pragma once

#include <gtkmm.h>

#include <cstdint>

namespace tertulia::gtk {

class DayRow : public Gtk::Box {
 public:
  // unix_ms 0: no day starts here.
  DayRow(std::uint64_t unix_ms, bool first_unread);
};

// "Today", "Yesterday", or the date in words.
Glib::ustring day_name(std::uint64_t unix_ms, std::uint64_t now_ms);

}  // namespace tertulia::gtk
