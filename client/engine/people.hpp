// People: who is who, and whose device is which, as the server tells and as far as keys prove it: a
// device's id is the hash of its keys. Network thread only.
#pragma once

#include <unordered_map>

#include "client/engine/store.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::client {

class People {
 public:
  void load(Store& store);
  // Adds what the page says, in memory and in the store. Devices whose id does not follow from their
  // keys are left out.
  void add(const pb::PeoplePage& page, Store& store);

  std::uint64_t version() const { return version_; }
  const StoredDevice* device(const DeviceId& id) const;
  const StoredPerson* person(const UserId& id) const;

 private:
  std::uint64_t version_ = 0;
  std::unordered_map<DeviceId, StoredDevice> devices_;
  std::unordered_map<UserId, StoredPerson> people_;
};

}  // namespace tertulia::client
