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
  // Adds what the page says has changed, in memory and in the store. Devices whose id does not follow
  // from their keys are left out. Answers which live devices of this user are new; none before
  // everybody has been known once.
  std::vector<DeviceAdded> add(const pb::PeoplePage& page, Store& store, const UserId& own);

  std::uint64_t version() const { return version_; }
  const StoredDevice* device(const DeviceId& id) const;
  const StoredPerson* person(const UserId& id) const;
  const StoredPerson* named(const std::string& user_name) const;
  const std::unordered_map<UserId, StoredPerson>& all() const { return people_; }

 private:
  std::uint64_t version_ = 0;
  bool is_complete_ = false;  // a last page has come once: who comes after it is new
  std::unordered_map<DeviceId, StoredDevice> devices_;
  std::unordered_map<UserId, StoredPerson> people_;
};

}  // namespace tertulia::client
