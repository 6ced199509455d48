// The window: one of five pages (unlock, starting, first run, main, blocked), and the place where the
// engine's events come in. UI thread.
#pragma once

#include <gtkmm.h>

#include <memory>
#include <string>

#include "client/engine/engine.hpp"
#include "client_gtk/app/window_memory.hpp"
#include "client_gtk/views/blocked_page.hpp"
#include "client_gtk/views/first_run.hpp"
#include "client_gtk/views/main_page.hpp"
#include "client_gtk/views/unlock_page.hpp"

namespace tertulia::gtk {

class Window : public Gtk::ApplicationWindow {
 public:
  Window(BaseObjectType* object, const Glib::RefPtr<Gtk::Builder>& ui, client::Engine& engine,
         const std::filesystem::path& profile);

  void handle(client::Event& event);
  void set_invite(const std::string& invite);
  // Asks for the passphrase of a locked profile, and calls `opened` with its key.
  void ask_passphrase(const std::filesystem::path& profile,
                      std::function<void(const crypto::Seed&)> opened);
  MainPage& main_page() { return main_page_; }

 private:
  void save();  // the draft, the open room, the size
  void show_link(const client::LinkStatus& status);
  void add_actions();

  client::Engine& engine_;
  WindowMemory memory_;
  Gtk::Stack& pages_;
  Glib::RefPtr<Gtk::Builder> starting_ui_;
  FirstRun first_run_;
  MainPage main_page_;
  BlockedPage blocked_page_;
  std::unique_ptr<UnlockPage> unlock_page_;  // of a locked profile
  client::Account account_;
};

}  // namespace tertulia::gtk
