#include "client_gtk/views/device_notice.hpp"

#include "client_gtk/app/builder.hpp"
#include "client_gtk/app/text.hpp"
#include "client_gtk/models/reason_text.hpp"
#include "common/base/bytes.hpp"

namespace tertulia::gtk {
namespace {
constexpr std::size_t short_id_digits = 12;  // as tertulia-cli devices shows them
}  // namespace

DeviceNotice::DeviceNotice(const Glib::RefPtr<Gtk::Builder>& ui, client::Engine& engine)
    : engine_(engine),
      revealer_(need<Gtk::Revealer>(ui, "device_notice")),
      cause_(need<Gtk::Label>(ui, "device_notice_cause")),
      advice_(need<Gtk::Label>(ui, "device_notice_advice")),
      keep_(need<Gtk::Button>(ui, "device_notice_keep")),
      remove_(need<Gtk::Button>(ui, "device_notice_remove")) {
  keep_.signal_clicked().connect([this] { answered(); });
  remove_.signal_clicked().connect([this] { remove(); });
}

void DeviceNotice::added(const client::DeviceAdded& device) {
  told_.push_back({device.device, device.by_administrator,
                   to_hex(device.device.view()).substr(0, short_id_digits)});
  engine_.list(client::ListDevices{}, 0);
  if (told_.size() == 1) show();
}

void DeviceNotice::listed(const client::DevicesListed& list) {
  if (told_.empty()) return;
  for (Told& told : told_)
    for (const client::DeviceEntry& entry : list.devices)
      if (entry.id == told.device && !entry.name.empty()) told.name = entry.name;
  show();
}

void DeviceNotice::show() {
  const Told& told = told_.front();
  const Glib::ustring sentence = told.by_administrator
                                     ? tr("An administrator added a device to your account: %1.")
                                     : tr("Another device of yours added one: %1.");
  cause_.set_text(Glib::ustring::compose(sentence, told.name));
  advice_.set_text(tr("It reads and writes as you do. Remove it if you did not expect it."));
  revealer_.set_visible(true);
  revealer_.set_reveal_child(true);
}

void DeviceNotice::answered() {
  told_.pop_front();
  remove_.set_sensitive(true);
  if (!told_.empty()) return show();
  revealer_.set_reveal_child(false);
  // At once: what a closed revealer holds is still read out by a screen reader
  revealer_.set_visible(false);
}

void DeviceNotice::remove() {
  remove_.set_sensitive(false);
  advice_.set_text(tr("It is being removed."));
  engine_.act(client::RevokeDevice{told_.front().device}, 0);
}

void DeviceNotice::finished(const client::ActFinished& revocation) {
  if (told_.empty() || remove_.get_sensitive()) return;  // nothing is under way
  if (revocation.ok) return answered();
  remove_.set_sensitive(true);
  advice_.set_text(reason_sentence(revocation.reason));
}

}  // namespace tertulia::gtk
