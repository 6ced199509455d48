#include "client_gtk/app/wakeups.hpp"

#include "common/base/log.hpp"

namespace tertulia::gtk {
namespace {

constexpr unsigned start_after_ms = 1500;  // the bus must not delay the first frame

}  // namespace

Wakeups::Wakeups(std::function<void()> wake) : wake_(std::move(wake)) {
  start_ = Glib::signal_timeout().connect(
      [this] {
        watch();
        return false;
      },
      start_after_ms);
}

Wakeups::~Wakeups() {
  cancel_->cancel();
  start_.disconnect();
  network_.disconnect();
  sleep_.disconnect();
}

void Wakeups::watch() {
  network_ =
      Gio::NetworkMonitor::get_default()->signal_network_changed().connect([this](bool available) {
        if (available) wake_();
      });
  Gio::DBus::Proxy::create_for_bus(
      Gio::DBus::BusType::SYSTEM, "org.freedesktop.login1", "/org/freedesktop/login1",
      "org.freedesktop.login1.Manager",
      [this, cancel = cancel_](Glib::RefPtr<Gio::AsyncResult>& result) {
        if (cancel->is_cancelled()) return;
        try {
          logind_ = Gio::DBus::Proxy::create_for_bus_finish(result);
        } catch (const Glib::Error& error) {
          log::debug("no logind: {}", error.what());  // containers have none; timers still run
          return;
        }
        sleep_ =
            logind_->signal_signal().connect([this](const Glib::ustring&, const Glib::ustring& name,
                                                    const Glib::VariantContainerBase& arguments) {
              if (name != "PrepareForSleep") return;
              Glib::Variant<bool> going_to_sleep;
              arguments.get_child(going_to_sleep);
              if (!going_to_sleep.get()) wake_();
            });
      },
      cancel_, {},
      Gio::DBus::ProxyFlags::DO_NOT_LOAD_PROPERTIES | Gio::DBus::ProxyFlags::DO_NOT_AUTO_START);
}

}  // namespace tertulia::gtk
