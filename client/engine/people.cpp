#include "client/engine/people.hpp"

#include "common/base/log.hpp"

namespace tertulia::client {

void People::load(Store& store) {
  version_ = store.fact_number("people_version");
  for (auto& d : store.devices()) devices_[d.id] = d;
  for (auto& p : store.people()) people_[p.id] = p;
}

void People::add(const pb::PeoplePage& page, Store& store) {
  for (const auto& p : page.people()) {
    const auto id = UserId::parse(as_bytes(p.user_id()));
    if (!id) continue;
    const StoredPerson person{*id, p.name(), p.display_name(), p.role()};
    people_[*id] = person;
    store.put(person);
  }
  for (const auto& d : page.devices()) {
    const auto id = DeviceId::parse(as_bytes(d.device()));
    const auto user = UserId::parse(as_bytes(d.user_id()));
    const auto sign = SignPublicKey::parse(as_bytes(d.sign_pk()));
    const auto curve = CurvePublicKey::parse(as_bytes(d.curve_pk()));
    if (!id || !user || !sign || !curve || crypto::device_id(*sign, *curve) != *id) {
      log::warning("the server lists a device whose id does not follow from its keys; left out");
      continue;
    }
    if (const StoredDevice* known = this->device(*id); known != nullptr && known->user != *user) {
      log::error("the server gives a known device to another user; what was known stays");
      continue;
    }
    const StoredDevice device{*id, *user, *sign, *curve, d.enrolled_seq(), d.revoked_seq()};
    devices_[*id] = device;
    store.put(device);
  }
  version_ = page.version();
  store.set_number("people_version", version_);
}

const StoredDevice* People::device(const DeviceId& id) const {
  const auto at = devices_.find(id);
  return at == devices_.end() ? nullptr : &at->second;
}
const StoredPerson* People::person(const UserId& id) const {
  const auto at = people_.find(id);
  return at == people_.end() ? nullptr : &at->second;
}

}  // namespace tertulia::client
