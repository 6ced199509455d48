// Derived: users, devices, invites, rooms and members, as the acts in the log say: tables that are
// changed in the same transaction, and the directory snapshot that other threads read. t-log only.
//
// now() is the state inside the transaction. The first act of a transaction copies the snapshot;
// publish() hands it out after the commit, rollback() forgets it.
#pragma once

#include <set>
#include <unordered_map>

#include "broker/directory/directory.hpp"
#include "broker/log/data_keys.hpp"
#include "broker/log/entry_store.hpp"
#include "common/crypto/keys.hpp"
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
  // topics: what rooms' topics derive from.
  Derived(Database& db, EntryStore& store, const crypto::Seed& topics);

  // Reads the tables; every room gets a new key, as at each start.
  // sealing: the data key that webhooks' seeds are sealed under, the newest one.
  void load(std::uint64_t log_size, const DataKeys& sealing);

  const Directory& now() const { return draft_ ? *draft_ : *current_; }
  DeviceSlot& device_slot(const DeviceId& id) { return devices_.at(id); }
  RoomSlot& room_slot(const RoomId& id) { return rooms_.at(id); }

  // The entry `seq` takes `count` messages of this room; answers the first room_seq.
  std::uint64_t advance(const RoomId& room, std::uint64_t seq, std::uint64_t count);
  // Precondition: the act is a valid transition (the log decides before it writes).
  void apply(std::uint64_t seq, record::Kind kind, const record::Act& act,
             const pb::ActNames& names);

  // A device that enrols in this transaction is a webhook's; its seed is kept, sealed.
  void add_webhook(const Webhook& webhook, const crypto::Seed& seed, const DataKeys& sealing);
  // In the transaction that makes `to` the newest data key.
  void reseal_webhooks(const DataKeys& from, const DataKeys& to);

  // The room's key is older than a day: it gets a new one, of which no entry tells.
  void renew_daily_key(const RoomId& room, std::uint64_t now_ms);
  // Keys that are made from now on were made then.
  void set_time(std::uint64_t now_ms) { now_ms_ = now_ms; }

  // Who is to be told what this transaction has changed.
  struct ToTell {
    std::set<RoomId> keys;   // rooms with a new key: their members
    std::set<UserId> rooms;  // users whose list of rooms is another one, or says something else
    bool empty() const { return keys.empty() && rooms.empty(); }
  };
  const ToTell& to_tell() const { return to_tell_; }

  // Before the commit: the log has this size, which is the version of what has changed.
  void stamp(std::uint64_t log_size);

  // After the commit: stores heads and, when an act changed it, the directory.
  void publish(DirectoryCell& cell);
  void rollback();

  std::shared_ptr<const Directory> snapshot() const { return current_; }

 private:
  Directory& draft();
  template <class T>
  T& edit(std::shared_ptr<const T>& held);
  void add_user(std::uint64_t seq, const record::Act& act, const pb::ActNames& names);
  void change_user(std::uint64_t seq, const record::Act& act, const pb::ActNames& names);
  void open_invite(const record::Act& act, const pb::ActNames& names);
  void add_device(std::uint64_t seq, record::Kind kind, const record::Act& act,
                  const pb::ActNames& names);
  void revoke_device(std::uint64_t seq, const record::Act& act);
  void create_room(const record::Act& act, const pb::ActNames& names);
  void change_room(const record::Act& act, const pb::ActNames& names);
  void change_members(record::Kind kind, const record::Act& act);
  void renew_keys_of(const UserId& user);
  void renew_key(Room& room, bool tells_previous = true);
  void tell_members(const Room& room);
  void put_member(std::uint64_t room_no, const UserId& user, const Membership& membership);
  Topic inbox_of(const UserId& user) const;
  void load_people();
  void load_webhooks(const DataKeys& sealing);
  void remove_webhook(const DeviceId& device);
  void load_rooms();

  Database& db_;
  EntryStore& store_;
  const crypto::Seed topics_;
  std::shared_ptr<const Directory> current_ = std::make_shared<Directory>();
  std::shared_ptr<Directory> draft_;
  std::unordered_map<DeviceId, DeviceSlot> devices_;
  std::unordered_map<RoomId, RoomSlot> rooms_;
  std::vector<RoomId> touched_;        // rooms that this transaction advanced
  std::vector<DeviceId> new_devices_;  // slots to forget at a rollback
  std::vector<RoomId> new_rooms_;
  ToTell to_tell_;
  std::uint64_t now_ms_ = 0;
};

}  // namespace tertulia::broker
