// What a verifier knows of users, devices, invites, rooms and messages at a position of the record,
// and the rules by which acts change it. Part of Checker; written apart from the broker's own
// tables, so that a mistake there is seen here.
#pragma once

#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "common/record/leaf.hpp"
#include "common/record/permissions.hpp"

namespace tertulia::record {

struct CheckedUser {
  Role role = Role::member;
  bool disabled = false;
  bool had_device = false;
  InviteId by_class_link;  // zero: an administrator added him
  std::uint32_t held_devices = 0;  // live ones whose key the server has
};
struct CheckedDevice {
  UserId user;
  SignPublicKey sign;
  bool revoked = false;
  bool held_by_server = false;
};
struct CheckedInvite {
  UserId user;  // zero: a class link
  std::uint64_t expires_ms = 0;
  bool closed = false;       // used or revoked
  Role role = Role::member;  // of a class link, as is what follows
  std::uint64_t uses = 1;
  std::uint64_t used = 0;  // users whom it has added
  bool is_class_link() const { return user.is_zero(); }
};
struct CheckedRoom {
  std::uint32_t number = 0;
  std::uint64_t head_room_seq = 0;
  RoomKind kind = RoomKind::public_room;
  bool archived = false;
  std::map<UserId, Standing> members;
  Standing standing(const UserId& user) const {
    const auto at = members.find(user);
    return at == members.end() ? Standing::outsider : at->second;
  }
};

struct SubmissionKey {
  DeviceId device;
  SubmissionId id;
  auto operator<=>(const SubmissionKey&) const = default;
};
struct SubmissionKeyHash {
  std::size_t operator()(const SubmissionKey& k) const {
    return std::hash<DeviceId>{}(k.device) ^ (std::hash<SubmissionId>{}(k.id) * 31);
  }
};
struct CheckedSubmission {
  std::uint32_t room_number = 0;  // 0: an act
  std::uint64_t originals = 0;    // bit i: message i is a text or a file
};

class CheckedState {
 public:
  explicit CheckedState(const ServerId& server) : server_(server) {}

  // nullopt: a valid transition, and it has been made; else the sentence that says why not.
  // signer: the user whose device signed the act; nullptr: it is the server's.
  std::optional<std::string> apply(const Leaf& leaf, std::uint64_t last_ms, const UserId* signer);

  const CheckedDevice* device(const DeviceId& id) const;
  const CheckedUser* user(const UserId& id) const;
  CheckedRoom* room(const RoomId& id);
  const CheckedSubmission* submission(const MessageRef& ref) const;
  // False: this id is there already.
  bool add_submission(const DeviceId& device, const SubmissionId& id,
                      const CheckedSubmission& what);

  bool has_erase_order(const MessageRef& target) const { return erase_orders_.contains(target); }
  bool has_retention(const RoomId& room) const {
    return retained_rooms_.contains(RoomId{}) || retained_rooms_.contains(room);
  }

 private:
  using Verdict = std::optional<std::string>;
  Verdict card(const Act& act, std::uint64_t seq);
  Verdict open_invite(const Act& act);
  Verdict add_user(const Act& act, std::uint64_t logged_at_ms);
  Verdict enrol(const Act& act, std::uint64_t logged_at_ms);
  Verdict link(const Act& act, const DeviceId& signed_by, const UserId* signer);
  // nullopt: its keys are new and hash to its id, and now it is there.
  Verdict add_device(const Act& act, bool held_by_server);
  Verdict rights(Kind kind, const Act& act, const UserId& signer) const;
  Verdict create_room(const Act& act, const UserId* signer);
  Verdict members(Kind kind, const Act& act);
  Verdict erase(const Act& act);

  const ServerId server_;
  std::uint64_t card_serial_ = 0;
  SignPublicKey identity_;
  std::unordered_map<UserId, CheckedUser> users_;
  std::unordered_map<DeviceId, CheckedDevice> devices_;
  std::unordered_set<SignPublicKey> sign_keys_;
  std::unordered_set<CurvePublicKey> curve_keys_;  // of devices and invites
  std::unordered_map<InviteId, CheckedInvite> invites_;
  std::unordered_map<RoomId, CheckedRoom> rooms_;
  std::uint32_t next_room_ = 1;
  std::unordered_map<SubmissionKey, CheckedSubmission, SubmissionKeyHash> submissions_;
  std::set<MessageRef> erase_orders_;
  std::set<RoomId> retained_rooms_;  // zero: every room
};

}  // namespace tertulia::record
