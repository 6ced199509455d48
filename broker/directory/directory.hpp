// Directory: users, devices, invites, rooms and members, as the log's acts say. An immutable
// snapshot: t-log makes a new one in the transaction that changes it and hands it to all other
// threads through a DirectoryCell. Any thread may read a snapshot for as long as it likes.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "common/crypto/seal.hpp"
#include "common/record/permissions.hpp"

namespace tertulia::broker {

struct User {
  UserId id;
  std::string name;
  std::string display_name;
  record::Role role = record::Role::member;
  bool disabled = false;
  std::uint64_t rooms_version = 0;  // see Directory::rooms_version_of()
  std::uint64_t version = 0;  // position behind the act that last changed what others see of him
  Topic inbox{};              // what carries the frames of his direct rooms
  InviteId by_class_link{};   // zero: an administrator added him
};

struct Device {
  DeviceId id;
  UserId user;
  SignPublicKey sign;
  CurvePublicKey curve;
  std::uint64_t enrolled_seq = 0;
  std::uint64_t revoked_seq = 0;  // 0: live (seq 0 is the card)
  bool by_administrator = false;
  std::string name{};
  bool held_by_server = false;  // a webhook's
  bool live() const { return revoked_seq == 0; }
  // Position behind the act that last changed it.
  std::uint64_t version() const { return std::max(enrolled_seq, revoked_seq) + 1; }
};

// A device of a bot that writes what is posted to the server under its token. Its keys are here as
// room keys are: in the memory of this process, and sealed in the database.
struct Webhook {
  UserId user;
  DeviceId device;
  Hash token;  // docs/log-format.md, "At rest"
  std::uint64_t made_ms = 0;
  crypto::DeviceKeys keys;
};

struct Invite {
  InviteId id;
  UserId user;  // zero: a class link, by which several people add themselves
  CurvePublicKey curve;
  std::uint64_t expires_ms = 0;
  bool revoked = false;
  DeviceId used_by;  // of an invite for one user; zero: open
  // Of a class link.
  record::Role role = record::Role::member;
  std::uint64_t uses = 1;
  std::uint64_t used = 0;  // users whom it has added
  std::string label{};
  std::vector<RoomId> rooms{};  // empty: those for newcomers

  bool is_class_link() const { return user.is_zero(); }
  bool is_used_up() const { return is_class_link() ? used >= uses : !used_by.is_zero(); }
  bool is_open(std::uint64_t now_ms) const {
    return !revoked && !is_used_up() && expires_ms > now_ms;
  }
};

// The newest positions of a room; t-log stores after each commit, everybody loads.
struct RoomHead {
  std::atomic<std::uint64_t> room_seq{0};
  std::atomic<std::uint64_t> seq{0};
};

struct RoomKeys {
  crypto::RoomKey current;
  std::optional<crypto::RoomKey> previous;
  std::uint64_t made_ms = 0;
  // False: a newcomer who may not read the past must not have `previous`; who had it keeps it.
  bool tells_previous = true;
};

struct Membership {
  record::Standing standing = record::Standing::member;
  std::uint64_t joined_at = 0;  // newest room_seq when he came
};

struct Room {
  RoomId id;
  std::string name;
  std::string topic_text;
  record::RoomKind kind = record::RoomKind::public_room;
  std::uint8_t flags = 0;
  bool archived = false;
  std::map<UserId, Membership> members;
  record::Standing standing(const UserId& user) const {
    const auto at = members.find(user);
    return at == members.end() ? record::Standing::outsider : at->second.standing;
  }
  // The first room_seq that this member may read.
  std::uint64_t readable_from(const UserId& user) const {
    const auto at = members.find(user);
    const bool all = (flags & record::flag_past_readable) != 0 || at == members.end();
    return all ? 1 : at->second.joined_at + 1;
  }
  Topic topic;  // what members subscribe to; of a direct room: nobody, see User::inbox
  std::shared_ptr<const RoomKeys> keys;
  std::shared_ptr<RoomHead> head;
};

Hash webhook_token(ByteView token);  // SHA-256("tertulia/webhook-token/v1\n" ‖ token)

// Who a CURVE key belongs to.
struct KeyOwner {
  enum class Kind { device, invite } kind;
  DeviceId device;
  InviteId invite;
};

class Directory {
 public:
  // Positions in the log. people: of the newest change of users and devices. rooms: of the start.
  std::uint64_t people_version = 0;
  std::uint64_t rooms_version = 0;
  // What this user's list of rooms, and their keys, last changed at; the same while nothing of his does.
  std::uint64_t rooms_version_of(const User& who) const {
    return std::max(rooms_version, who.rooms_version);
  }

  std::unordered_map<UserId, std::shared_ptr<const User>> users;
  std::unordered_map<std::string, UserId> users_by_name;  // names are unique
  // By skeletons() of the name: what looks alike is there once. Rooms that are not direct nor archived.
  std::unordered_map<std::string, UserId> users_by_skeleton;
  std::unordered_map<std::string, RoomId> rooms_by_skeleton;
  std::unordered_map<DeviceId, std::shared_ptr<const Device>> devices;
  std::unordered_map<InviteId, std::shared_ptr<const Invite>> invites;
  std::unordered_map<RoomId, std::shared_ptr<const Room>> rooms;
  std::unordered_map<CurvePublicKey, KeyOwner> keys;  // live devices, all known invites
  std::unordered_map<DeviceId, std::shared_ptr<const Webhook>> webhooks;  // of live devices

  const User* user(const UserId& id) const;
  const Device* device(const DeviceId& id) const;
  const Room* room(const RoomId& id) const;
  const Invite* invite(const InviteId& id) const;
  // The live device that owns this CURVE key, of a user who is not disabled.
  const Device* device_of(const CurvePublicKey& key) const;
  const Invite* invite_of(const CurvePublicKey& key) const;
  const Webhook* webhook_of(const UserId& user) const;
  bool is_member(const RoomId& room, const UserId& user) const;
  // True when `topic` is one that this user may subscribe to.
  bool may_subscribe(const UserId& user, const Topic& topic) const;
  bool is_topic(const Topic& topic) const;                      // a room's or somebody's inbox
  std::vector<const Room*> rooms_of(const UserId& user) const;  // by name
  std::size_t rooms_count(const UserId& user) const;            // that are not archived
  // CURVE keys of the live devices of those users.
  std::vector<CurvePublicKey> keys_of(const std::function<bool(const UserId&)>& wanted) const;
  bool may(const User& who, record::Action action, const Room& room) const;
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
  std::shared_ptr<const Directory> snapshot_ =
      std::make_shared<Directory>();  // protected by mutex_
};

}  // namespace tertulia::broker
