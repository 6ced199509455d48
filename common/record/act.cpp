#include "common/record/act.hpp"

#include <algorithm>
#include <cassert>
#include <initializer_list>

namespace tertulia::record {

namespace {

struct TagWidth {
  Tag tag;
  std::size_t width;
};
constexpr TagWidth kWidths[] = {
    {Tag::user_id, 16},   {Tag::role, 1},        {Tag::invite_id, 16},      {Tag::device, 16},
    {Tag::sign_pk, 32},   {Tag::curve_pk, 32},   {Tag::enrol_signature, 64}, {Tag::flags, 1},
    {Tag::expires_ms, 8}, {Tag::uses, 2},        {Tag::room, 16},           {Tag::room_kind, 1},
    {Tag::unix_uid, 4},   {Tag::old_ms, 8},      {Tag::new_ms, 8},          {Tag::card_hash, 32},
    {Tag::card_serial, 8}, {Tag::identity_pk, 32}, {Tag::log_pk, 32},       {Tag::days, 4},
    {Tag::target, 33},    {Tag::state, 1},       {Tag::linked_by, 16},      {Tag::link_signature, 64},
    {Tag::old_size, 8},   {Tag::old_root, 32},   {Tag::standing, 1},
};

std::size_t width_of(Tag tag) {
  for (const auto& w : kWidths)
    if (w.tag == tag) return w.width;
  return 0;
}

// Whether a value of this tag may have this length; nullopt: the tag is not known.
std::optional<bool> length_is_right(Tag tag, std::size_t length) {
  if (tag == Tag::members)
    return length % UserId::size_bytes == 0 && length >= 2 * UserId::size_bytes &&
           length <= members_in_act_max * UserId::size_bytes;
  if (tag == Tag::rooms)
    return length % RoomId::size_bytes == 0 && length >= RoomId::size_bytes &&
           length <= rooms_in_act_max * RoomId::size_bytes;
  const std::size_t width = width_of(tag);
  if (width == 0) return std::nullopt;
  return length == width;
}

struct KindTags {
  Kind kind;
  std::initializer_list<Tag> required;
  std::initializer_list<Tag> optional;
};
const KindTags kKinds[] = {
    {Kind::card, {Tag::curve_pk, Tag::card_hash, Tag::card_serial, Tag::identity_pk, Tag::log_pk}, {Tag::unix_uid}},
    {Kind::user_add, {Tag::user_id, Tag::role}, {Tag::invite_id, Tag::unix_uid}},
    {Kind::user_change, {Tag::user_id}, {Tag::role, Tag::unix_uid, Tag::state}},
    {Kind::invite_open, {Tag::user_id, Tag::invite_id, Tag::curve_pk, Tag::expires_ms, Tag::uses}, {Tag::role, Tag::unix_uid, Tag::rooms}},
    {Kind::invite_revoke, {Tag::invite_id}, {Tag::unix_uid}},
    {Kind::device_enrol, {Tag::user_id, Tag::invite_id, Tag::device, Tag::sign_pk, Tag::curve_pk, Tag::enrol_signature, Tag::flags}, {}},
    {Kind::device_revoke, {Tag::device}, {Tag::unix_uid}},
    {Kind::room_create, {Tag::flags, Tag::room, Tag::room_kind}, {Tag::user_id, Tag::unix_uid, Tag::members}},
    {Kind::room_change, {Tag::room}, {Tag::flags, Tag::room_kind, Tag::unix_uid, Tag::state}},
    {Kind::member_add, {Tag::user_id, Tag::room}, {Tag::unix_uid, Tag::standing}},
    {Kind::member_remove, {Tag::user_id, Tag::room}, {Tag::unix_uid}},
    {Kind::retention, {Tag::days}, {Tag::room, Tag::unix_uid}},
    {Kind::erase_order, {Tag::target}, {Tag::unix_uid}},
    {Kind::clock_stepped, {Tag::old_ms, Tag::new_ms}, {}},
    {Kind::auditor_read, {Tag::user_id, Tag::room}, {}},
    {Kind::device_link, {Tag::user_id, Tag::device, Tag::sign_pk, Tag::curve_pk, Tag::enrol_signature, Tag::linked_by, Tag::link_signature}, {}},
    {Kind::restored, {Tag::old_size, Tag::old_root}, {Tag::unix_uid}},
    {Kind::member_change, {Tag::user_id, Tag::room, Tag::standing}, {Tag::unix_uid}},
    {Kind::key_rotate, {Tag::room}, {Tag::unix_uid}},
};

bool contains(std::initializer_list<Tag> tags, Tag tag) {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

bool is_ascending(ByteView ids) {
  constexpr std::size_t n = UserId::size_bytes;
  for (std::size_t i = n; i + n <= ids.size(); i += n)
    if (!std::lexicographical_compare(ids.begin() + i - n, ids.begin() + i, ids.begin() + i,
                                      ids.begin() + i + n))
      return false;
  return true;
}

bool value_is_sane(Tag tag, ByteView v) {
  switch (tag) {
    case Tag::role: return v[0] >= 1 && v[0] <= 5;
    case Tag::room_kind: return v[0] >= 1 && v[0] <= 4;
    case Tag::standing: return v[0] >= 1 && v[0] <= 3;
    case Tag::members:
    case Tag::rooms: return is_ascending(v);
    case Tag::state: return v[0] <= 1;
    case Tag::flags: return v[0] <= 3;  // the other bits are reserved
    case Tag::target: return v[32] < messages_max;
    default: return true;
  }
}

}  // namespace

const char* role_name(Role role) {
  switch (role) {
    case Role::admin: return "admin";
    case Role::auditor: return "auditor";
    case Role::member: return "member";
    case Role::guest: return "guest";
    case Role::bot: return "bot";
  }
  return "unknown";
}
std::optional<Role> parse_role(std::string_view name) {
  for (Role r : {Role::admin, Role::auditor, Role::member, Role::guest, Role::bot})
    if (name == role_name(r)) return r;
  return std::nullopt;
}

const char* room_kind_name(RoomKind kind) {
  switch (kind) {
    case RoomKind::public_room: return "public";
    case RoomKind::private_room: return "private";
    case RoomKind::direct: return "direct";
    case RoomKind::announcement: return "announcement";
  }
  return "unknown";
}
std::optional<RoomKind> parse_room_kind(std::string_view name) {
  for (RoomKind k : {RoomKind::public_room, RoomKind::private_room, RoomKind::direct,
                     RoomKind::announcement})
    if (name == room_kind_name(k)) return k;
  return std::nullopt;
}
const char* standing_name(Standing standing) {
  switch (standing) {
    case Standing::outsider: return "outsider";
    case Standing::member: return "member";
    case Standing::writer: return "writer";
    case Standing::owner: return "owner";
  }
  return "unknown";
}
std::optional<Standing> parse_standing(std::string_view name) {
  for (Standing s : {Standing::member, Standing::writer, Standing::owner})
    if (name == standing_name(s)) return s;
  return std::nullopt;
}

std::vector<UserId> members_of(const Act& act) {
  std::vector<UserId> out;
  Reader r(act.fields().at(Tag::members));
  while (r.left() > 0) out.push_back(r.id<UserId>());
  return out;
}
Act& set_members(Act& act, std::vector<UserId> members) {
  std::sort(members.begin(), members.end());
  Bytes ids;
  Writer w(ids);
  for (const UserId& id : members) w.raw(id);
  return act.set(Tag::members, ByteView(ids));
}

std::vector<RoomId> rooms_of(const Act& act) {
  std::vector<RoomId> out;
  if (!act.has(Tag::rooms)) return out;
  Reader r(act.fields().at(Tag::rooms));
  while (r.left() > 0) out.push_back(r.id<RoomId>());
  return out;
}
Act& set_rooms(Act& act, std::vector<RoomId> rooms) {
  std::sort(rooms.begin(), rooms.end());
  Bytes ids;
  Writer w(ids);
  for (const RoomId& id : rooms) w.raw(id);
  return act.set(Tag::rooms, ByteView(ids));
}

Act& Act::set_number(Tag tag, std::uint64_t value) {
  const std::size_t width = width_of(tag);
  assert(width >= 1 && width <= 8 && (width == 8 || value < (std::uint64_t{1} << (8 * width))));
  Bytes v(width);
  for (std::size_t i = 0; i < width; ++i) v[i] = static_cast<std::uint8_t>(value >> (8 * (width - 1 - i)));
  fields_[tag] = std::move(v);
  return *this;
}

std::uint64_t Act::number(Tag tag) const {
  std::uint64_t v = 0;
  for (auto b : fields_.at(tag)) v = (v << 8) | b;
  return v;
}

Bytes encode(const Act& act) {
  Bytes out;
  Writer w(out);
  for (const auto& [tag, value] : act.fields()) {
    assert(length_is_right(tag, value.size()).value_or(false));
    w.u8(static_cast<std::uint8_t>(tag));
    w.u16(static_cast<std::uint16_t>(value.size()));
    w.raw(value);
  }
  assert(out.size() <= act_bytes_max);
  return out;
}

Result<Act, ActError> decode_act(Kind kind, ByteView bytes) {
  const KindTags* rule = nullptr;
  for (const auto& k : kKinds)
    if (k.kind == kind) rule = &k;
  if (rule == nullptr || bytes.size() > act_bytes_max) return fail(ActError::malformed);
  Act act;
  Reader r(bytes);
  int last = 0;
  while (r.left() > 0) {
    const std::uint8_t number = r.u8();
    const std::size_t length = r.u16();
    const ByteView value = r.raw(length);
    if (!r.ok() || number <= last) return fail(ActError::malformed);
    last = number;
    const Tag tag = static_cast<Tag>(number);
    const auto right = length_is_right(tag, length);
    if (!right) return fail(ActError::unknown_tag);
    if (!*right) return fail(ActError::wrong_length);
    if (!contains(rule->required, tag) && !contains(rule->optional, tag))
      return fail(ActError::tag_not_of_kind);
    if (!value_is_sane(tag, value)) return fail(ActError::bad_value);
    act.set(tag, value);
  }
  for (Tag tag : rule->required)
    if (!act.has(tag)) return fail(ActError::missing_tag);
  return act;
}

Bytes enrol_message(const ServerId& server, const InviteId& invite, const UserId& user,
                    const SignPublicKey& sign, const CurvePublicKey& curve) {
  Bytes out;
  Writer w(out);
  w.raw("tertulia/enrol/v1\n");
  w.raw(server);
  w.raw(invite);
  w.raw(user);
  w.raw(sign);
  w.raw(curve);
  return out;
}

UserId class_user_id(const ServerId& server, const InviteId& invite, const DeviceId& device) {
  Bytes text;
  Writer w(text);
  w.raw("tertulia/user/v1\n");
  w.raw(server);
  w.raw(invite);
  w.raw(device);
  return UserId::from(ByteView(crypto::sha256(text).view()).first(UserId::size_bytes));
}

RoomId direct_room_id(const ServerId& server, std::vector<UserId> members) {
  std::sort(members.begin(), members.end());
  Bytes text;
  Writer w(text);
  w.raw("tertulia/direct/v1\n");
  w.raw(server);
  for (const UserId& id : members) w.raw(id);
  return RoomId::from(ByteView(crypto::sha256(text).view()).first(RoomId::size_bytes));
}

}  // namespace tertulia::record
