// The GTK application of one profile: makes the engine and the window, and ends both in order.
// Several instances run side by side, one a profile. UI thread.
#pragma once

#include <gtkmm.h>

#include <memory>
#include <vector>

#include "client/engine/engine.hpp"
#include "client_gtk/app/bench.hpp"
#include "client_gtk/app/event_pump.hpp"
#include "client_gtk/app/options.hpp"
#include "client_gtk/app/wakeups.hpp"
#include "client_gtk/views/start_failure.hpp"
#include "client_gtk/views/window.hpp"

namespace tertulia::gtk {

class Application : public Gtk::Application {
 public:
  static Glib::RefPtr<Application> create(Options options);
  int exit_code() const { return exit_code_; }

 protected:
  explicit Application(Options options);
  void on_startup() override;
  void on_activate() override;
  void on_shutdown() override;

 private:
  void add_actions();
  void close_on_signals();
  void close_window();  // the one that is shown
  // Both: false: fail() has said why.
  bool make_engine();
  bool start_engine();
  void fail(const std::string& reason);
  void unlocked(const crypto::Seed& key);

  Options options_;
  int exit_code_ = 0;
  bool locked_ = false;              // with a passphrase that has yet to come
  std::unique_ptr<EventPump> pump_;  // outlives the engine
  std::unique_ptr<client::Engine> engine_;
  std::unique_ptr<Wakeups> wakeups_;
  std::unique_ptr<Bench> bench_;
  Window* window_ = nullptr;
  std::unique_ptr<StartFailure> failure_;
  std::vector<guint> signal_sources_;
};

// What main() does.
int run(int argc, char** argv);

}  // namespace tertulia::gtk
