#include "client/engine/people.hpp"

#include <algorithm>
#include <utility>

#include "common/base/log.hpp"

namespace tertulia::client {

void People::load(Store& store) {
  version_ = store.fact_number("people_version");
  is_complete_ = store.fact_number("people_complete") != 0;
  for (auto& d : store.devices()) devices_[d.id] = d;
  for (auto& p : store.people()) people_[p.id] = p;
}

std::vector<DeviceAdded> People::add(const pb::PeoplePage& page, Store& store, const UserId& own) {
  std::vector<DeviceAdded> added;
  for (const auto& p : page.people()) {
    const auto id = UserId::parse(as_bytes(p.user_id()));
    if (!id) continue;
    const StoredPerson person{*id, p.name(), p.display_name(), p.role(), p.disabled()};
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
    const bool is_new = is_complete_ && *user == own && d.revoked_seq() == 0;
    if (is_new && this->device(*id) == nullptr) added.push_back({*id, d.by_administrator()});
    const StoredDevice device{*id, *user, *sign, *curve, d.enrolled_seq(), d.revoked_seq()};
    devices_[*id] = device;
    store.put(device);
  }
  version_ = page.version();
  store.set_number("people_version", version_);
  if (!page.more() && !std::exchange(is_complete_, true)) store.set_number("people_complete", 1);
  return added;
}

const StoredDevice* People::device(const DeviceId& id) const {
  const auto at = devices_.find(id);
  return at == devices_.end() ? nullptr : &at->second;
}
const StoredPerson* People::named(const std::string& user_name) const {
  const auto at = std::find_if(people_.begin(), people_.end(),
                               [&](const auto& p) { return p.second.name == user_name; });
  return at == people_.end() ? nullptr : &at->second;
}
const StoredPerson* People::person(const UserId& id) const {
  const auto at = people_.find(id);
  return at == people_.end() ? nullptr : &at->second;
}

}  // namespace tertulia::client
