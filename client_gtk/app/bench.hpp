// --bench-first-frame: prints first_frame_ms=N (process start to the first picture with the room's
// messages in it), scrolls back through up to rows_wanted rows, prints rss_mib=N, and closes the
// window. UI thread.
#pragma once

#include <gtkmm.h>

#include "client_gtk/views/window.hpp"

namespace tertulia::gtk {

class Bench {
 public:
  static constexpr std::uint64_t rows_wanted = 1000;

  explicit Bench(Window& window);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

 private:
  void painted();
  void stop_listening();

  Window& window_;
  sigc::connection loaded_;
  Glib::RefPtr<Gdk::FrameClock> clock_;
  gulong painted_ = 0;  // of the frame clock's after-paint
  bool timed_ = false;
};

}  // namespace tertulia::gtk
