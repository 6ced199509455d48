#include <fmt/format.h>

#include <algorithm>

#include "broker/log/log_impl.hpp"
#include "broker/names/names.hpp"
#include "common/record/device_link.hpp"

namespace tertulia::broker {

using record::Act;
using record::Kind;
using record::Tag;

bool had_device(const Directory& directory, const UserId& user) {
  return std::any_of(directory.devices.begin(), directory.devices.end(),
                     [&](const auto& item) { return item.second->user == user; });
}

namespace {

std::uint64_t live_devices(const Directory& directory, const UserId& user) {
  return static_cast<std::uint64_t>(std::count_if(
      directory.devices.begin(), directory.devices.end(),
      [&](const auto& item) { return item.second->user == user && item.second->live(); }));
}

// Whether these are keys of a device, or of an invite.
bool is_key_known(const Directory& directory, const SignPublicKey& sign,
                  const CurvePublicKey& curve) {
  return directory.keys.contains(curve) ||
         std::any_of(directory.devices.begin(), directory.devices.end(), [&](const auto& item) {
           return item.second->sign == sign || item.second->curve == curve;
         });
}

std::optional<Refused> devices_full(const Directory& directory, const LogLimits& limits,
                                    const User& user) {
  if (live_devices(directory, user.id) < limits.devices_per_user_max) return std::nullopt;
  return Refused{pb::TOO_MANY,
                 fmt::format("{} has {} devices, which is the most that this server allows; revoke "
                             "one that is not used any more.",
                             user.name, limits.devices_per_user_max)};
}

Refused spent(const Invite& invite) {
  if (!invite.is_class_link())
    return {pb::INVITE_USED, "This invite has been used; ask for another one."};
  return {pb::INVITE_USED,
          fmt::format("The {} people whom this invite was for have joined; ask for another one.",
                      invite.uses)};
}

}  // namespace

// What keeps a device, which is new, from becoming this invite's user.
std::optional<Refused> Log::Impl::enrol_fault(const EnrolAppend& a, const Invite& invite) const {
  const Directory& directory = derived->now();
  if (is_key_known(directory, a.sign, a.curve))
    return Refused{pb::NOT_ALLOWED, "These keys are enrolled already."};
  if (invite.is_class_link()) {
    if (auto fault = user_name_taken(directory, a.user_name, {})) return fault;
  } else {
    const User& user = *directory.user(invite.user);
    if (!a.user_name.empty() && a.user_name != user.name)
      return Refused{pb::NAME_REFUSED,
                     fmt::format("This invite is for {}, who has this name.", user.name)};
    if (auto full = devices_full(directory, options.limits, user)) return full;
  }
  for (const auto& [name, what] :
       {std::pair(&a.display_name, "A display name"), std::pair(&a.device_name, "A device name")})
    if (!name->empty())
      if (auto fault = shown_name_fault(*name, what))
        return Refused{pb::NAME_REFUSED, std::move(*fault)};
  return std::nullopt;
}

Outcome Log::Impl::decide(EnrolAppend& a) {
  const Directory& directory = derived->now();
  const Invite* const found = directory.invite_of(a.asker.key);
  if (found == nullptr)
    return Refused{pb::INVITE_UNKNOWN, "This server does not know this invite."};
  const Invite invite = *found;  // the acts below put another one in its place
  const DeviceId device = crypto::device_id(a.sign, a.curve);
  const UserId user_id =
      invite.is_class_link() ? record::class_user_id(keys.id, invite.id, device) : invite.user;
  const User* user = directory.user(user_id);  // null: by a class link, and new
  if (user == nullptr ? !invite.is_class_link() : user->disabled)
    return Refused{pb::NOT_ALLOWED, "The user of this invite is disabled."};
  const bool again = invite.is_class_link() ? user != nullptr : invite.used_by == device;
  // Before the signature, which is dear: who holds a spent invite may ask for ever.
  if (!again && invite.is_used_up()) return spent(invite);
  if (!again && invite.revoked)
    return Refused{pb::INVITE_REVOKED, "This invite has been revoked; ask for another one."};
  if (!again && invite.expires_ms <= entry_ms())
    return Refused{pb::INVITE_EXPIRED, "This invite has expired; ask for another one."};
  if (!crypto::verify(a.sign, record::enrol_message(keys.id, invite.id, user_id, a.sign, a.curve),
                      a.signature))
    return Refused{pb::BAD_SIGNATURE, "The enrolment's signature is not right."};
  if (again && !directory.device(device)->live())
    return Refused{pb::NOT_ALLOWED, "This device has been revoked."};
  if (again) return EnrolledAs{device, user_id, user->name, user->role};
  if (auto fault = enrol_fault(a, invite)) return std::move(*fault);

  EnrolledAs answer{device, user_id, a.user_name, invite.role};
  bool first = true;
  if (invite.is_class_link()) {
    Act add;
    add.set(Tag::user_id, user_id)
        .set_number(Tag::role, static_cast<std::uint64_t>(invite.role))
        .set(Tag::invite_id, invite.id);
    pb::ActNames names;
    names.set_user_name(a.user_name);
    add_user(std::move(add), names, invite.rooms, {});
  } else {
    answer.user_name = user->name;
    answer.role = user->role;
    first = !had_device(directory, user_id);
  }
  Act act;
  act.set(Tag::user_id, user_id)
      .set(Tag::invite_id, invite.id)
      .set(Tag::device, device)
      .set(Tag::sign_pk, a.sign)
      .set(Tag::curve_pk, a.curve)
      .set(Tag::enrol_signature, a.signature)
      .set_number(Tag::flags, first ? 0 : record::flag_by_administrator);
  pb::ActNames names;
  if (first) names.set_display_name(a.display_name);
  names.set_device_name(a.device_name);
  append_act(Kind::device_enrol, act, names);
  return answer;
}

// A further device, which another one of the same user lets in. Who may is in the table of rights.
std::optional<Refused> Log::Impl::link_fault(const Device& by, const User& user, const Act& act,
                                             const pb::ActNames& names) const {
  const Directory& directory = derived->now();
  const record::LinkedPair pair = record::linked_pair(keys.id, act);
  if (pair.by != by.id || pair.user != user.id)
    return Refused{pb::NOT_PERMITTED, "A device links further ones of its own user, by itself."};
  if (crypto::device_id(pair.sign, pair.curve) != act.id<DeviceId>(Tag::device))
    return Refused{pb::BAD_REQUEST, "The device's id is not that of its keys."};
  const auto asked = act.id<Signature>(Tag::enrol_signature);
  if (!crypto::verify(pair.sign, record::link_ask_message(pair), asked) ||
      !crypto::verify(by.sign, record::link_message(pair, asked),
                      act.id<Signature>(Tag::link_signature)))
    return Refused{pb::BAD_SIGNATURE, "A signature of the two devices is not right."};
  if (is_key_known(directory, pair.sign, pair.curve))
    return Refused{pb::NOT_ALLOWED, "These keys are enrolled already."};
  if (auto full = devices_full(directory, options.limits, user)) return full;
  if (!names.device_name().empty())
    if (auto fault = shown_name_fault(names.device_name(), "A device name"))
      return Refused{pb::NAME_REFUSED, std::move(*fault)};
  // What else a name could say is not a link's to change.
  if (!names.user_name().empty() || !names.display_name().empty())
    return Refused{pb::BAD_REQUEST, "A link names the device and nothing else."};
  return std::nullopt;
}

void Log::Impl::append_member(const UserId& user, const RoomId& room, const RanBy& ran,
                              std::optional<record::Standing> standing) {
  Act act;
  act.set(Tag::user_id, user).set(Tag::room, room);
  if (standing) act.set_number(Tag::standing, static_cast<std::uint64_t>(*standing));
  append_act_of(ran, Kind::member_add, std::move(act));
}

void Log::Impl::add_user(Act act, const pb::ActNames& names, const std::vector<RoomId>& rooms,
                         const RanBy& ran) {
  const auto user = act.id<UserId>(Tag::user_id);
  const auto role = static_cast<record::Role>(act.number(Tag::role));
  append_act_of(ran, Kind::user_add, std::move(act), names);
  std::vector<RoomId> joined;
  for (const auto& [id, room] : derived->now().rooms) {
    const bool wanted = std::find(rooms.begin(), rooms.end(), id) != rooms.end();
    const bool by_default = rooms.empty() && role != record::Role::guest &&
                            (room->flags & record::flag_default_room) != 0;
    const bool has_place = !room->archived && room->members.size() < options.limits.room_members_max;
    if ((wanted || by_default) && has_place) joined.push_back(id);
  }
  for (const RoomId& id : joined) append_member(user, id, ran);
}

}  // namespace tertulia::broker
