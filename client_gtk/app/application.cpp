#include "client_gtk/app/application.hpp"

#include <glib-unix.h>

#include <csignal>

#include "client/engine/profile_lock.hpp"
#include "client_gtk/app/builder.hpp"
#include "client_gtk/app/text.hpp"
#include "common/base/file.hpp"
#include "common/base/log.hpp"

namespace tertulia::gtk {
namespace {

constexpr const char* application_id = "org.tertulia.Tertulia";
constexpr int exit_failed = 2;

}  // namespace

Glib::RefPtr<Application> Application::create(Options options) {
  return Glib::make_refptr_for_instance<Application>(new Application(std::move(options)));
}

Application::Application(Options options)
    : Gtk::Application(application_id, Gio::Application::Flags::NON_UNIQUE),
      options_(std::move(options)) {}

void Application::on_startup() {
  Gtk::Application::on_startup();
  adwaita::start();
  adwaita::set_color_scheme(options_.color_scheme);
  auto css = Gtk::CssProvider::create();
  css->load_from_resource(resource_path("/style.css"));
  Gtk::StyleContext::add_provider_for_display(Gdk::Display::get_default(), css,
                                              GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
  add_actions();
  close_on_signals();
}

// The end of a session and Ctrl+C close the window as its button does: the draft is saved.
void Application::close_on_signals() {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    signal_sources_.push_back(g_unix_signal_add(
        signal,
        [](gpointer self) -> gboolean {
          static_cast<Application*>(self)->close_window();
          return G_SOURCE_CONTINUE;
        },
        this));
  }
}

void Application::close_window() {
  if (failure_)
    failure_->window().close();
  else if (window_ != nullptr)
    window_->close();
}

void Application::add_actions() {
  add_action("quit", [this] { close_window(); });
  set_accel_for_action("app.quit", "<Ctrl>q");
  set_accel_for_action("win.previous-room", "<Alt>Up");
  set_accel_for_action("win.next-room", "<Alt>Down");
  set_accel_for_action("win.latest", "<Ctrl>End");
  set_accels_for_action("win.show-help-overlay", {"F1", "<Ctrl>question"});
}

bool Application::make_engine() {
  try {
    std::filesystem::create_directories(options_.profile.parent_path());
    make_private_directory(options_.profile);
    client::EngineOptions engine_options;
    engine_options.profile = options_.profile;
    engine_options.more_addresses = options_.presets.server_addresses;
    engine_options.accepted_servers = options_.presets.server_fingerprints;
    engine_options.find_by_avahi = options_.presets.discovery_avahi;
    engine_options.enrol_timeout_ms = options_.presets.window_enrol_timeout_s * 1000;
    engine_options.wake = [pump = pump_.get()] { pump->wake(); };
    engine_ = std::make_unique<client::Engine>(std::move(engine_options));
    pump_->attach(*engine_);
    locked_ = client::profile_is_locked(options_.profile);
    return true;
  } catch (const std::exception& error) {
    fail(error.what());
    return false;
  }
}

bool Application::start_engine() {
  try {
    engine_->start();
    return true;
  } catch (const std::exception& error) {
    fail(error.what());
    return false;
  }
}

// On stderr, and on the screen: who clicked an icon sees no stderr.
void Application::fail(const std::string& reason) {
  log::error("profile {}: {}", options_.profile.string(), reason);
  exit_code_ = exit_failed;
  if (options_.bench_first_frame) return quit();
  failure_ = std::make_unique<StartFailure>(options_.profile, reason);
  add_window(failure_->window());
  failure_->window().present();
  if (window_ == nullptr) return;
  remove_window(*window_);
  window_->set_visible(false);
}

void Application::unlocked(const crypto::Seed& key) {
  engine_->unlock(key);
  start_engine();
}

void Application::on_activate() {
  if (failure_) return failure_->window().present();
  if (window_ != nullptr) return window_->present();
  pump_ = std::make_unique<EventPump>([this](client::Event& event) {
    if (window_ != nullptr) window_->handle(event);
  });
  if (!make_engine() || (!locked_ && !start_engine())) return;
  auto ui = load_ui("window");
  window_ = Gtk::Builder::get_widget_derived<Window>(ui, "window", *engine_, options_.profile);
  add_window(*window_);
  if (!options_.invite.empty()) window_->set_invite(options_.invite);
  if (locked_)
    window_->ask_passphrase(options_.profile, [this](const crypto::Seed& key) { unlocked(key); });
  if (options_.bench_first_frame) bench_ = std::make_unique<Bench>(*window_);
  window_->signal_hide().connect([this] {
    if (!failure_) quit();
  });
  window_->present();
  wakeups_ = std::make_unique<Wakeups>([this] { engine_->reconnect_now(); });
}

void Application::on_shutdown() {
  for (const guint source : signal_sources_) g_source_remove(source);
  signal_sources_.clear();
  wakeups_.reset();
  bench_.reset();
  if (engine_) engine_->stop();
  failure_.reset();
  delete std::exchange(window_, nullptr);
  engine_.reset();
  pump_.reset();
  Gtk::Application::on_shutdown();
}

int run(int argc, char** argv) {
  const PresetsRead presets = read_presets(preset_files());
  log::set_level(log_level(presets.loaded.config));
  start_texts(presets.loaded.config.window_language, presets.is_locked("window.language"));
  int exit_code = 0;
  auto options = parse_options(argc, argv, presets, exit_code);
  if (!options) return exit_code;
  for (const auto& complaint : presets.complaints) log::warning("{}", complaint);
  auto application = Application::create(std::move(*options));
  const int status = application->run();
  return status != 0 ? status : application->exit_code();
}

}  // namespace tertulia::gtk
