// Tells when trying again makes sense at once: the network came back, the machine woke up
// (logind's PrepareForSleep). Watches from a moment after the first frame on. UI thread.
#pragma once

#include <giomm.h>

#include <functional>

namespace tertulia::gtk {

class Wakeups {
 public:
  explicit Wakeups(std::function<void()> wake);
  ~Wakeups();
  Wakeups(const Wakeups&) = delete;
  Wakeups& operator=(const Wakeups&) = delete;

 private:
  void watch();

  std::function<void()> wake_;
  sigc::connection start_;
  sigc::connection network_;
  Glib::RefPtr<Gio::DBus::Proxy> logind_;
  sigc::connection sleep_;
  Glib::RefPtr<Gio::Cancellable> cancel_ = Gio::Cancellable::create();
};

}  // namespace tertulia::gtk
