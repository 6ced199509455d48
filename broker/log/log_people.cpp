#include <fmt/format.h>

#include <algorithm>

#include "broker/log/log_impl.hpp"

namespace tertulia::broker {

using record::Act;
using record::Kind;
using record::Tag;

namespace {

constexpr std::size_t kDisplayNameBytesMax = 128;
constexpr std::size_t kDeviceNameBytesMax = 128;

bool is_shown_text(std::string_view text, std::size_t bytes_max) {
  return text.size() <= bytes_max && is_valid_utf8(as_bytes(text)) &&
         std::none_of(text.begin(), text.end(), [](char c) {
           const auto b = static_cast<unsigned char>(c);
           return b < 0x20 || b == 0x7f;
         });
}

bool had_device(const Directory& directory, const UserId& user) {
  return std::any_of(directory.devices.begin(), directory.devices.end(),
                     [&](const auto& item) { return item.second->user == user; });
}

bool is_key_known(const Directory& directory, const EnrolAppend& a) {
  return directory.keys.contains(a.curve) ||
         std::any_of(directory.devices.begin(), directory.devices.end(), [&](const auto& item) {
           return item.second->sign == a.sign || item.second->curve == a.curve;
         });
}

}  // namespace

Outcome Log::Impl::decide(EnrolAppend& a) {
  const Directory& directory = derived->now();
  const Invite* invite = directory.invite_of(a.asker.key);
  if (invite == nullptr)
    return Refused{pb::INVITE_UNKNOWN, "This server does not know this invite."};
  const User* user = directory.user(invite->user);
  if (user == nullptr || user->disabled)
    return Refused{pb::NOT_ALLOWED, "The user of this invite is disabled."};
  const EnrolledAs answer{crypto::device_id(a.sign, a.curve), user->id, user->name, user->role};
  const bool again = invite->used_by == answer.device;
  // Before the signature, which is dear: who holds a spent invite may ask for ever.
  if (!invite->used_by.is_zero() && !again)
    return Refused{pb::INVITE_USED, "This invite has been used; ask for another one."};
  if (!again && invite->revoked)
    return Refused{pb::INVITE_REVOKED, "This invite has been revoked; ask for another one."};
  if (!again && invite->expires_ms <= entry_ms())
    return Refused{pb::INVITE_EXPIRED, "This invite has expired; ask for another one."};
  if (!crypto::verify(a.sign,
                      record::enrol_message(keys.id, invite->id, invite->user, a.sign, a.curve),
                      a.signature))
    return Refused{pb::BAD_SIGNATURE, "The enrolment's signature is not right."};
  if (again && !directory.device(answer.device)->live())
    return Refused{pb::NOT_ALLOWED, "This device has been revoked."};
  if (again) return answer;
  if (is_key_known(directory, a))
    return Refused{pb::NOT_ALLOWED, "These keys are enrolled already."};
  if (!is_shown_text(a.display_name, kDisplayNameBytesMax) ||
      !is_shown_text(a.device_name, kDeviceNameBytesMax))
    return Refused{pb::NAME_REFUSED,
                   "A name has at most 128 bytes of UTF-8 and no control characters."};

  const bool first = !had_device(directory, user->id);
  Act act;
  act.set(Tag::user_id, user->id)
      .set(Tag::invite_id, invite->id)
      .set(Tag::device, answer.device)
      .set(Tag::sign_pk, a.sign)
      .set(Tag::curve_pk, a.curve)
      .set(Tag::enrol_signature, a.signature)
      .set_number(Tag::flags, first ? 0 : record::flag_by_administrator);
  pb::ActNames names;
  if (first) names.set_display_name(a.display_name.empty() ? user->name : a.display_name);
  names.set_device_name(a.device_name);
  append_act(Kind::device_enrol, act, names);
  return answer;
}

Outcome Log::Impl::decide(InviteCommand& c) {
  const auto refuse = [](std::string text) {
    return InviteResult{false, std::move(text), {}, {}, {}, 0};
  };
  if (auto fault = user_name_fault(c.user_name)) return refuse(std::move(*fault));
  const Directory& directory = derived->now();
  InviteResult out;
  const auto found = directory.users_by_name.find(c.user_name);
  const bool is_new = found == directory.users_by_name.end();
  if (is_new) {
    randombytes_buf(out.user.data(), out.user.size());
    out.role =
        c.role.value_or(directory.users.empty() ? record::Role::admin : record::Role::member);
  } else {
    const User& user = *directory.user(found->second);
    if (user.disabled) return refuse(fmt::format("The user {} is disabled.", user.name));
    if (c.role && *c.role != user.role)
      return refuse(fmt::format("The user {} has the role {}, which an invite does not change.",
                                user.name, record::role_name(user.role)));
    out.user = user.id;
    out.role = user.role;
  }
  pb::ActNames ran;
  ran.set_unix_user(c.unix_user);
  if (is_new) {
    pb::ActNames names = ran;
    names.set_user_name(c.user_name);
    Act add;
    add.set(Tag::user_id, out.user)
        .set_number(Tag::role, static_cast<std::uint64_t>(out.role))
        .set_number(Tag::unix_uid, c.unix_uid);
    append_act(Kind::user_add, add, names);
    std::vector<RoomId> joined;
    for (const auto& [id, room] : derived->now().rooms)
      if ((room->flags & record::flag_default_room) != 0 && !room->archived) joined.push_back(id);
    for (const RoomId& id : joined) {
      Act join;
      join.set(Tag::user_id, out.user).set(Tag::room, id).set_number(Tag::unix_uid, c.unix_uid);
      append_act(Kind::member_add, join, ran);
    }
  }
  out.seed = crypto::Seed::random();
  out.expires_ms = entry_ms() + c.lifetime_ms;
  const CurvePublicKey curve = crypto::invite_curve_key(out.seed).public_key();
  Act open;
  open.set(Tag::user_id, out.user)
      .set(Tag::invite_id, crypto::invite_id(curve))
      .set(Tag::curve_pk, curve)
      .set_number(Tag::expires_ms, out.expires_ms)
      .set_number(Tag::uses, 1)
      .set_number(Tag::unix_uid, c.unix_uid);
  append_act(Kind::invite_open, open, ran);
  out.ok = true;
  return out;
}

Outcome Log::Impl::decide(RevokeInviteCommand& c) {
  const Directory& directory = derived->now();
  const auto found = directory.users_by_name.find(c.user_name);
  if (found == directory.users_by_name.end())
    return RevokedInvites{false, fmt::format("There is no user {}.", c.user_name)};
  const UserId user = found->second;
  std::vector<InviteId> open;
  for (const auto& [id, invite] : directory.invites)
    if (invite->user == user && !invite->revoked && invite->used_by.is_zero()) open.push_back(id);
  if (open.empty())
    return RevokedInvites{false, fmt::format("{} has no open invite.", c.user_name)};
  pb::ActNames ran;
  ran.set_unix_user(c.unix_user);
  for (const InviteId& id : open) {
    Act act;
    act.set(Tag::invite_id, id).set_number(Tag::unix_uid, c.unix_uid);
    append_act(Kind::invite_revoke, act, ran);
  }
  return RevokedInvites{true, fmt::format("{} open invite{} of {} revoked.", open.size(),
                                          open.size() == 1 ? "" : "s", c.user_name)};
}

}  // namespace tertulia::broker
