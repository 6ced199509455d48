// The page of a profile that is locked with a passphrase. What the passphrase opens is worked out on
// a thread of its own, since Argon2id takes a second; the page waits, and the window stays alive. A
// wrong passphrase stands on the page as a sentence. UI thread.
#pragma once

#include <gtkmm.h>

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "client/engine/profile_lock.hpp"

namespace tertulia::gtk {

class UnlockPage {
 public:
  // opened: called with the profile's key, once.
  UnlockPage(std::filesystem::path profile, std::function<void(const crypto::Seed&)> opened);
  ~UnlockPage();  // waits for what is being worked out
  UnlockPage(const UnlockPage&) = delete;
  UnlockPage& operator=(const UnlockPage&) = delete;

  Gtk::Widget& widget() { return page_; }
  Gtk::Button& default_button() { return unlock_; }
  void focus() { passphrase_.grab_focus(); }

 private:
  void try_it();
  void finished();
  void set_busy(bool busy);
  void show_problem(const Glib::ustring& sentence);

  Glib::RefPtr<Gtk::Builder> ui_;
  const std::filesystem::path profile_;
  const std::function<void(const crypto::Seed&)> opened_;
  Gtk::Widget& page_;
  Gtk::PasswordEntry& passphrase_;
  Gtk::Label& problem_;
  Gtk::Button& unlock_;
  Gtk::Spinner& spinner_;
  Glib::Dispatcher done_;
  std::thread work_;
  std::mutex mutex_;
  // Protected by mutex_.
  std::optional<crypto::Seed> key_;
  std::string reason_;  // English; when there is no key
};

}  // namespace tertulia::gtk
