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
    {Tag::old_size, 8},   {Tag::old_root, 32},
};

std::size_t width_of(Tag tag) {
  for (const auto& w : kWidths)
    if (w.tag == tag) return w.width;
  return 0;
}

struct KindTags {
  Kind kind;
  std::initializer_list<Tag> required;
  std::initializer_list<Tag> optional;
};
const KindTags kKinds[] = {
    {Kind::card, {Tag::curve_pk, Tag::card_hash, Tag::card_serial, Tag::identity_pk, Tag::log_pk}, {Tag::unix_uid}},
    {Kind::user_add, {Tag::user_id, Tag::role}, {Tag::unix_uid}},
    {Kind::user_change, {Tag::user_id}, {Tag::role, Tag::unix_uid, Tag::state}},
    {Kind::invite_open, {Tag::user_id, Tag::invite_id, Tag::curve_pk, Tag::expires_ms, Tag::uses}, {Tag::unix_uid}},
    {Kind::invite_revoke, {Tag::invite_id}, {Tag::unix_uid}},
    {Kind::device_enrol, {Tag::user_id, Tag::invite_id, Tag::device, Tag::sign_pk, Tag::curve_pk, Tag::enrol_signature, Tag::flags}, {}},
    {Kind::device_revoke, {Tag::device}, {Tag::unix_uid}},
    {Kind::room_create, {Tag::flags, Tag::room, Tag::room_kind}, {Tag::user_id, Tag::unix_uid}},
    {Kind::room_change, {Tag::room}, {Tag::flags, Tag::room_kind, Tag::unix_uid, Tag::state}},
    {Kind::member_add, {Tag::user_id, Tag::room}, {Tag::unix_uid}},
    {Kind::member_remove, {Tag::user_id, Tag::room}, {Tag::unix_uid}},
    {Kind::retention, {Tag::days}, {Tag::room, Tag::unix_uid}},
    {Kind::erase_order, {Tag::target}, {Tag::unix_uid}},
    {Kind::clock_stepped, {Tag::old_ms, Tag::new_ms}, {}},
    {Kind::auditor_read, {Tag::user_id, Tag::room}, {}},
    {Kind::device_link, {Tag::user_id, Tag::device, Tag::sign_pk, Tag::curve_pk, Tag::enrol_signature, Tag::linked_by, Tag::link_signature}, {}},
    {Kind::restored, {Tag::old_size, Tag::old_root}, {Tag::unix_uid}},
};

bool contains(std::initializer_list<Tag> tags, Tag tag) {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

bool value_is_sane(Tag tag, ByteView v) {
  switch (tag) {
    case Tag::role: return v[0] >= 1 && v[0] <= 5;
    case Tag::room_kind: return v[0] >= 1 && v[0] <= 3;
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
    assert(value.size() == width_of(tag));
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
    const std::size_t width = width_of(tag);
    if (width == 0) return fail(ActError::unknown_tag);
    if (length != width) return fail(ActError::wrong_length);
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

}  // namespace tertulia::record
