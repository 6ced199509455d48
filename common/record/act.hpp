// An act of administration: TLV (u8 tag ascending, u16 length), at most 4,096 bytes. It holds ids,
// keys and numbers only; names and reasons stand in the entry's body (docs/log-format.md, "Acts").
// Which tags an act of a kind must and may hold is one table, in act.cpp. Any thread.
#pragma once

#include <map>

#include "common/record/submission.hpp"

namespace tertulia::record {

enum class Tag : std::uint8_t {
  user_id = 1,         // 16
  role = 2,            // 1: Role
  invite_id = 3,       // 16
  device = 4,          // 16
  sign_pk = 5,         // 32
  curve_pk = 6,        // 32
  enrol_signature = 7, // 64
  flags = 8,           // 1
  expires_ms = 9,      // 8
  uses = 10,           // 2
  room = 11,           // 16
  room_kind = 12,      // 1: RoomKind
  unix_uid = 13,       // 4: who ran tertuliactl
  old_ms = 14,         // 8
  new_ms = 15,         // 8
  card_hash = 16,      // 32: SHA-256 of the card's note, which is the body's `card`
  card_serial = 17,    // 8
  identity_pk = 18,    // 32
  log_pk = 19,         // 32
  days = 20,           // 4
  target = 21,         // 33: device ‖ submission ‖ index
  state = 22,          // 1: 0 live, 1 disabled or archived
  linked_by = 23,      // 16
  link_signature = 24, // 64
  old_size = 25,       // 8
  old_root = 26,       // 32
  standing = 27,       // 1: Standing, from member on
  members = 28,        // 16 each, 2 to members_in_act_max, strictly ascending
  rooms = 29,          // 16 each, 1 to rooms_in_act_max, strictly ascending
};

enum class Role : std::uint8_t { admin = 1, auditor = 2, member = 3, guest = 4, bot = 5 };
enum class RoomKind : std::uint8_t { public_room = 1, private_room = 2, direct = 3, announcement = 4 };
// What somebody is in a room; each one includes those before it.
enum class Standing : std::uint8_t { outsider = 0, member = 1, writer = 2, owner = 3 };
inline constexpr std::size_t members_in_act_max = 128;
inline constexpr std::size_t rooms_in_act_max = 64;
inline constexpr std::uint64_t class_uses_max = 1'000;  // people who may join by one class link
inline constexpr std::uint8_t flag_default_room = 1;      // room_create: every newcomer joins
inline constexpr std::uint8_t flag_past_readable = 2;     // room_create: newcomers read the past
inline constexpr std::uint8_t flag_by_administrator = 1;  // device_enrol: a further device of a user who had one
inline constexpr std::uint8_t flag_held_by_server = 2;  // device_enrol: the server has its key (a webhook)

const char* role_name(Role role);
std::optional<Role> parse_role(std::string_view name);
const char* room_kind_name(RoomKind kind);
std::optional<RoomKind> parse_room_kind(std::string_view name);
const char* standing_name(Standing standing);
std::optional<Standing> parse_standing(std::string_view name);  // of a member

class Act {
 public:
  Act& set(Tag tag, ByteView value) {
    fields_[tag] = Bytes(value.begin(), value.end());
    return *this;
  }
  template <std::size_t N, class T>
  Act& set(Tag tag, const FixedBytes<N, T>& id) { return set(tag, id.view()); }
  Act& set_number(Tag tag, std::uint64_t value);  // in the tag's width

  bool has(Tag tag) const { return fields_.contains(tag); }
  // Precondition: has(tag), which decode_act() has checked for the kind's required tags.
  template <class Id>
  Id id(Tag tag) const { return Id::from(fields_.at(tag)); }
  std::uint64_t number(Tag tag) const;
  const std::map<Tag, Bytes>& fields() const { return fields_; }
  bool operator==(const Act&) const = default;

 private:
  std::map<Tag, Bytes> fields_;
};

enum class ActError { malformed, unknown_tag, wrong_length, missing_tag, tag_not_of_kind, bad_value };

// The ids of Tag::members.
std::vector<UserId> members_of(const Act& act);
Act& set_members(Act& act, std::vector<UserId> members);  // sorts them
// The ids of Tag::rooms; none, if the act has no such tag.
std::vector<RoomId> rooms_of(const Act& act);
Act& set_rooms(Act& act, std::vector<RoomId> rooms);  // sorts them

Bytes encode(const Act& act);
// Strict: ascending tags, exact lengths, all required tags of the kind and none that it does not have.
Result<Act, ActError> decode_act(Kind kind, ByteView bytes);

// What a device signs when it enrols:
// "tertulia/enrol/v1\n" ‖ server_id ‖ invite_id ‖ user_id ‖ sign_pk ‖ curve_pk
Bytes enrol_message(const ServerId& server, const InviteId& invite, const UserId& user,
                    const SignPublicKey& sign, const CurvePublicKey& curve);

// The user whom this device becomes by a class link, an invite that opens for several people and names
// no user: SHA-256("tertulia/user/v1\n" ‖ server_id ‖ invite_id ‖ device)[:16]. Derived, so that the
// same device is the same user however often it asks, and nobody chooses an id.
UserId class_user_id(const ServerId& server, const InviteId& invite, const DeviceId& device);

// The same people, the same room: SHA-256("tertulia/direct/v1\n" ‖ server_id ‖ user ids, ascending)[:16]
RoomId direct_room_id(const ServerId& server, std::vector<UserId> members);

}  // namespace tertulia::record
