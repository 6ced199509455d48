#include "client_gtk/views/unlock_page.hpp"

#include "client_gtk/app/builder.hpp"
#include "client_gtk/models/reason_text.hpp"

namespace tertulia::gtk {

UnlockPage::UnlockPage(std::filesystem::path profile,
                       std::function<void(const crypto::Seed&)> opened)
    : ui_(load_ui("unlock")),
      profile_(std::move(profile)),
      opened_(std::move(opened)),
      page_(need(ui_, "unlock_page")),
      passphrase_(need<Gtk::PasswordEntry>(ui_, "passphrase")),
      problem_(need<Gtk::Label>(ui_, "unlock_problem")),
      unlock_(need<Gtk::Button>(ui_, "unlock")),
      spinner_(need<Gtk::Spinner>(ui_, "unlock_spinner")) {
  unlock_.signal_clicked().connect([this] { try_it(); });
  passphrase_.signal_changed().connect([this] { show_problem({}); });
  done_.connect([this] { finished(); });
}

UnlockPage::~UnlockPage() {
  if (work_.joinable()) work_.join();
}

void UnlockPage::try_it() {
  if (work_.joinable()) return;
  show_problem({});
  set_busy(true);
  // The entry's own copy is wiped by GTK, in memory that is not swapped out
  work_ = std::thread([this, passphrase = client::Passphrase(passphrase_.get_text().raw())] {
    std::optional<crypto::Seed> key;
    std::string reason;
    try {
      if (const auto opened = client::unlock_profile(profile_, passphrase))
        key = *opened;
      else
        reason = client::unlock_error_text(opened.error());
    } catch (const std::bad_alloc&) {
      reason = "There is not enough memory to unlock the profile.";
    } catch (const std::exception& error) {
      reason = error.what();
    }
    {
      const std::lock_guard lock(mutex_);
      key_ = std::move(key);
      reason_ = std::move(reason);
    }
    done_.emit();
  });
}

void UnlockPage::finished() {
  work_.join();
  work_ = {};
  std::optional<crypto::Seed> key;
  std::string reason;
  {
    const std::lock_guard lock(mutex_);
    key = std::exchange(key_, std::nullopt);
    reason = std::exchange(reason_, {});
  }
  if (key) {
    passphrase_.set_text("");
    opened_(*key);
    return;
  }
  set_busy(false);
  show_problem(reason_sentence(reason));
  passphrase_.grab_focus();
  passphrase_.select_region(0, -1);
}

void UnlockPage::set_busy(bool busy) {
  unlock_.set_sensitive(!busy);
  passphrase_.set_sensitive(!busy);
  spinner_.set_visible(busy);
  spinner_.set_spinning(busy);
}

void UnlockPage::show_problem(const Glib::ustring& sentence) {
  problem_.set_text(sentence);
  problem_.set_visible(!sentence.empty());
}

}  // namespace tertulia::gtk
