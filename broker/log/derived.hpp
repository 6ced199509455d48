// Derived: users, devices, invites, rooms and members, as the acts in the log say: tables that are
// changed in the same transaction, and the directory snapshot that other threads read. t-log only.
//
// now() is the state inside the transaction. The first act of a transaction copies the snapshot;
// publish() hands it out after the commit, rollback() forgets it.
#pragma once

#include <unordered_map>

#include "broker/directory/directory.hpp"
#include "broker/log/data_keys.hpp"
#include "broker/log/entry_store.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::broker {

// What the log knows of a device or a room beyond the directory: its number in the tables and its
// newest position.
struct DeviceSlot {
  std::uint64_t number = 0;
  SubmissionId newest;  // no submission of this device has a larger id
};
struct RoomSlot {
  std::uint64_t number = 0;
  std::uint64_t head_room_seq = 0;  // inside the transaction
  std::uint64_t head_seq = 0;
  std::shared_ptr<RoomHead> head;  // what is committed
};

class Derived {
 public:
  Derived(Database& db, EntryStore& store, const DataKeys& keys);

  // Reads the tables; every room gets a new key, as at each start.
  void load(std::uint64_t log_size);

  const Directory& now() const { return draft_ ? *draft_ : *current_; }
  DeviceSlot& device_slot(const DeviceId& id) { return devices_.at(id); }
  RoomSlot& room_slot(const RoomId& id) { return rooms_.at(id); }

  // The entry `seq` takes `count` messages of this room; answers the first room_seq.
  std::uint64_t advance(const RoomId& room, std::uint64_t seq, std::uint64_t count);
  // Precondition: the act is a valid transition (the log decides before it writes).
  void apply(std::uint64_t seq, record::Kind kind, const record::Act& act,
             const pb::ActNames& names);

  // After the commit: stores heads and, when an act changed it, the directory.
  void publish(DirectoryCell& cell);
  void rollback();

  std::shared_ptr<const Directory> snapshot() const { return current_; }

 private:
  Directory& draft();
  template <class T>
  T& edit(std::shared_ptr<const T>& held);
  void add_user(const record::Act& act, const pb::ActNames& names);
  void change_user(const record::Act& act);
  void open_invite(const record::Act& act);
  void enrol_device(std::uint64_t seq, const record::Act& act, const pb::ActNames& names);
  void revoke_device(std::uint64_t seq, const record::Act& act);
  void create_room(const record::Act& act, const pb::ActNames& names);
  void change_room(const record::Act& act, const pb::ActNames& names);
  void change_members(record::Kind kind, const record::Act& act);
  void renew_keys_of(const UserId& user);
  void load_people();
  void load_rooms();

  Database& db_;
  EntryStore& store_;
  const DataKeys& keys_;
  std::shared_ptr<const Directory> current_ = std::make_shared<Directory>();
  std::shared_ptr<Directory> draft_;
  std::unordered_map<DeviceId, DeviceSlot> devices_;
  std::unordered_map<RoomId, RoomSlot> rooms_;
  std::vector<RoomId> touched_;        // rooms that this transaction advanced
  std::vector<DeviceId> new_devices_;  // slots to forget at a rollback
  std::vector<RoomId> new_rooms_;
};

}  // namespace tertulia::broker
