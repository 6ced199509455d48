// Directory: users, devices, invites, rooms and members, as the log's acts say. An immutable
// snapshot: t-log makes a new one in the transaction that changes it and hands it to all other
// threads through a DirectoryCell. Any thread may read a snapshot for as long as it likes.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>

#include "common/crypto/seal.hpp"
#include "common/record/act.hpp"

namespace tertulia::broker {

struct User {
  UserId id;
  std::string name;
  std::string display_name;
  record::Role role = record::Role::member;
  bool disabled = false;
};

struct Device {
  DeviceId id;
  UserId user;
  SignPublicKey sign;
  CurvePublicKey curve;
  std::uint64_t enrolled_seq = 0;
  std::uint64_t revoked_seq = 0;  // 0: live (seq 0 is the card)
  bool by_administrator = false;
  bool live() const { return revoked_seq == 0; }
};

struct Invite {
  InviteId id;
  UserId user;
  CurvePublicKey curve;
  std::uint64_t expires_ms = 0;
  bool revoked = false;
  DeviceId used_by;  // zero: open
};

// The newest positions of a room; t-log stores after each commit, everybody loads.
struct RoomHead {
  std::atomic<std::uint64_t> room_seq{0};
  std::atomic<std::uint64_t> seq{0};
};

struct RoomKeys {
  crypto::RoomKey current;
  std::optional<crypto::RoomKey> previous;
};

struct Room {
  RoomId id;
  std::string name;
  std::string topic_text;
  record::RoomKind kind = record::RoomKind::public_room;
  std::uint8_t flags = 0;
  bool archived = false;
  std::set<UserId> members;
  Topic topic;                         // what members subscribe to
  std::shared_ptr<const RoomKeys> keys;
  std::shared_ptr<RoomHead> head;
};

// Who a CURVE key belongs to.
struct KeyOwner {
  enum class Kind { device, invite } kind;
  DeviceId device;
  InviteId invite;
};

class Directory {
 public:
  // Versions rise with every change; people: users and devices, rooms: rooms, members and keys.
  std::uint64_t people_version = 0;
  std::uint64_t rooms_version = 0;

  std::unordered_map<UserId, std::shared_ptr<const User>> users;
  std::unordered_map<std::string, UserId> users_by_name;  // names are unique
  std::unordered_map<DeviceId, std::shared_ptr<const Device>> devices;
  std::unordered_map<InviteId, std::shared_ptr<const Invite>> invites;
  std::unordered_map<RoomId, std::shared_ptr<const Room>> rooms;
  std::unordered_map<CurvePublicKey, KeyOwner> keys;  // live devices, all known invites

  const User* user(const UserId& id) const;
  const Device* device(const DeviceId& id) const;
  const Room* room(const RoomId& id) const;
  const Invite* invite(const InviteId& id) const;
  // The live device that owns this CURVE key, of a user who is not disabled.
  const Device* device_of(const CurvePublicKey& key) const;
  const Invite* invite_of(const CurvePublicKey& key) const;
  bool is_member(const RoomId& room, const UserId& user) const;
  // True when `topic` is one that this user may subscribe to.
  bool may_subscribe(const UserId& user, const Topic& topic) const;
  std::vector<const Room*> rooms_of(const UserId& user) const;  // by name
};

// Where the newest snapshot hangs; t-log stores, everybody loads.
class DirectoryCell {
 public:
  std::shared_ptr<const Directory> load() const {
    std::lock_guard lock(mutex_);
    return snapshot_;
  }
  void store(std::shared_ptr<const Directory> next) {
    std::lock_guard lock(mutex_);
    snapshot_.swap(next);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Directory> snapshot_ = std::make_shared<Directory>();  // protected by mutex_
};

// Name rules (docs/protocol.md, "Names"): nullopt, or the sentence that says what is wrong.
std::optional<std::string> user_name_fault(std::string_view name);

}  // namespace tertulia::broker
