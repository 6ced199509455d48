#include "client_gtk/views/window.hpp"

#include "client_gtk/app/adwaita.hpp"
#include "client_gtk/app/builder.hpp"
#include "client_gtk/models/link_text.hpp"
#include "client_gtk/version.hpp"

namespace tertulia::gtk {

Window::Window(BaseObjectType* object, const Glib::RefPtr<Gtk::Builder>& ui, client::Engine& engine,
               const std::filesystem::path& profile)
    : Gtk::ApplicationWindow(object),
      engine_(engine),
      memory_(profile),
      pages_(need<Gtk::Stack>(ui, "pages")),
      starting_ui_(load_ui("starting")),
      first_run_([this](std::string invite, FirstRun::Names names) {
        engine_.enrol(std::move(invite), std::move(names.display), std::move(names.user));
      }),
      main_page_(engine, memory_.room(),
                 [this](const Glib::ustring& room) { set_title(room + " — Tertulia"); }) {
  pages_.add(need(starting_ui_, "starting_page"), "starting");
  pages_.add(main_page_.widget(), "main");
  pages_.add(first_run_.widget(), "first-run");
  pages_.add(blocked_page_.widget(), "blocked");
  pages_.set_visible_child("starting");
  set_icon_name("org.tertulia.Tertulia");
  if (memory_.width() > 0) set_default_size(memory_.width(), memory_.height());
  property_is_active().signal_changed().connect([this] {
    main_page_.timeline().set_active(is_active());
    engine_.set_activity(is_active() ? client::Activity::active : client::Activity::away);
  });
  // Gtk::Builder makes the window: its type is not gtkmm's, and on_close_request() is never called
  signal_close_request().connect(
      [this] {
        save();
        return false;
      },
      false);
  add_actions();
}

void Window::add_actions() {
  add_action("about", [this] { adwaita::show_about(*this, program_version); });
  add_action("previous-room", [this] { main_page_.open_next_room(-1); });
  add_action("next-room", [this] { main_page_.open_next_room(1); });
  add_action("latest", [this] { main_page_.timeline().jump_to_latest(); });
}

void Window::ask_passphrase(const std::filesystem::path& profile,
                            std::function<void(const crypto::Seed&)> opened) {
  unlock_page_ = std::make_unique<UnlockPage>(
      profile, [this, opened = std::move(opened)](const crypto::Seed& key) {
        pages_.set_visible_child("starting");
        opened(key);
      });
  pages_.add(unlock_page_->widget(), "unlock");
  pages_.set_visible_child("unlock");
  set_default_widget(unlock_page_->default_button());
  unlock_page_->focus();
}

void Window::set_invite(const std::string& invite) { first_run_.set_invite(invite); }

void Window::handle(client::Event& event) {
  std::visit(
      [this]<class E>(E& e) {
        if constexpr (std::is_same_v<E, client::LinkChanged>) {
          show_link(e.status);
        } else if constexpr (std::is_same_v<E, client::AccountChanged>) {
          account_ = e.account;
          main_page_.show_account(account_);
        } else if constexpr (std::is_same_v<E, client::RoomsChanged>) {
          main_page_.show_rooms(std::move(e.rooms));
        } else if constexpr (std::is_same_v<E, client::MessagesArrived>) {
          main_page_.timeline().arrived(e);
        } else if constexpr (std::is_same_v<E, client::MessageChanged>) {
          main_page_.timeline().changed(e);
        } else if constexpr (std::is_same_v<E, client::PageLoaded>) {
          main_page_.timeline().page_loaded(e);
        } else if constexpr (std::is_same_v<E, client::OutboxChanged>) {
          main_page_.outbox_changed(e);
        } else if constexpr (std::is_same_v<E, client::OutboxDiscarded>) {
          main_page_.timeline().discarded(e);
        } else if constexpr (std::is_same_v<E, client::DeviceAdded>) {
          main_page_.device_notice().added(e);
        } else if constexpr (std::is_same_v<E, client::DevicesListed>) {
          main_page_.device_notice().listed(e);
        } else if constexpr (std::is_same_v<E, client::ActFinished>) {
          main_page_.device_notice().finished(e);
        } else if constexpr (std::is_same_v<E, client::EnrolFinished>) {
          first_run_.finished(e);
        } else if constexpr (std::is_same_v<E, client::EnrolWaiting>) {
          first_run_.waiting(e);
        } else {
          // the window shows neither that the outbox is empty nor that all is known, and has no
          // dialogs yet that would ask for lists or show who is there. A refused list of devices
          // leaves their ids in the notice.
          static_assert(
              std::is_same_v<E, client::CardAnswer> || std::is_same_v<E, client::OutboxDrained> ||
              std::is_same_v<E, client::CaughtUp> || std::is_same_v<E, client::RoomsListed> ||
              std::is_same_v<E, client::MembersListed> ||
              std::is_same_v<E, client::PeopleListed> || std::is_same_v<E, client::ListRefused> ||
              std::is_same_v<E, client::DeviceLinkOpened> ||
              std::is_same_v<E, client::DeviceLinkAsked> ||
              std::is_same_v<E, client::DeviceLinkEnded> ||
              std::is_same_v<E, client::PresenceChanged> ||
              std::is_same_v<E, client::TypingChanged> || std::is_same_v<E, client::ReadMarksTold>);
        }
      },
      event);
}

void Window::show_link(const client::LinkStatus& status) {
  const bool was_first_run = pages_.get_visible_child_name() == "first-run";
  if (blocks_window(status)) {
    blocked_page_.show(status, account_);
    pages_.set_visible_child("blocked");
  } else if (status.state == client::LinkState::not_enrolled) {
    pages_.set_visible_child("first-run");
    set_default_widget(first_run_.default_button());
    if (!was_first_run) first_run_.focus();
    return;
  } else if (pages_.get_visible_child_name() != "main") {
    unset_default_widget();
    pages_.set_visible_child("main");
    main_page_.composer().focus();
  }
  main_page_.show_link(status);
}

void Window::save() {
  main_page_.composer().save_now();
  memory_.save(main_page_.open_room(), get_width(), get_height());
}

}  // namespace tertulia::gtk
