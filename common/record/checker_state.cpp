#include "common/record/checker_state.hpp"

#include "common/record/device_link.hpp"

namespace tertulia::record {

namespace {
template <class Map, class Key>
auto* find_in(Map& map, const Key& key) {
  const auto it = map.find(key);
  return it == map.end() ? nullptr : &it->second;
}
}  // namespace

const CheckedDevice* CheckedState::device(const DeviceId& id) const {
  return find_in(devices_, id);
}
const CheckedUser* CheckedState::user(const UserId& id) const { return find_in(users_, id); }
CheckedRoom* CheckedState::room(const RoomId& id) { return find_in(rooms_, id); }
const CheckedSubmission* CheckedState::submission(const MessageRef& ref) const {
  return find_in(submissions_, SubmissionKey{ref.device, ref.submission});
}
bool CheckedState::add_submission(const DeviceId& device, const SubmissionId& id,
                                  const CheckedSubmission& what) {
  return submissions_.emplace(SubmissionKey{device, id}, what).second;
}

std::optional<std::string> CheckedState::apply(const Leaf& leaf, std::uint64_t last_ms,
                                               const UserId* signer) {
  const Kind kind = leaf.submission.messages[0].kind;
  const auto decoded = decode_act(kind, leaf.act);
  if (!decoded) return "The act cannot be decoded.";
  const Act& act = *decoded;
  if (leaf.seq == 0 && kind != Kind::card) return "The first entry is not a card.";

  // Ids that an act names, save those that it makes, are there. A class link names nobody.
  const bool makes_user = kind == Kind::user_add, makes_room = kind == Kind::room_create;
  const bool names_nobody = kind == Kind::invite_open && act.id<UserId>(Tag::user_id).is_zero();
  CheckedUser* user =
      act.has(Tag::user_id) ? find_in(users_, act.id<UserId>(Tag::user_id)) : nullptr;
  CheckedRoom* room = act.has(Tag::room) ? find_in(rooms_, act.id<RoomId>(Tag::room)) : nullptr;
  if (act.has(Tag::user_id) && !names_nobody && makes_user == (user != nullptr))
    return makes_user ? "The user that is added is there already."
                      : "The act names a user who is not there.";
  // The keys at rest are no room's.
  const bool of_server = kind == Kind::key_rotate && act.id<RoomId>(Tag::room).is_zero();
  if (act.has(Tag::room) && !of_server && makes_room == (room != nullptr))
    return makes_room ? "The room that is made is there already."
                      : "The act names a room that is not there.";

  if (signer != nullptr)
    if (auto why = rights(kind, act, *signer)) return why;

  switch (kind) {
    case Kind::card: return card(act, leaf.seq);
    case Kind::user_add: return add_user(act, leaf.logged_at_ms);
    case Kind::user_change:
      if (act.has(Tag::role)) {
        const auto next = static_cast<Role>(act.number(Tag::role));
        if (next != Role::bot && user->held_devices > 0)
          return "A user of whom the server has a key ceases to be a bot.";
        user->role = next;
      }
      if (act.has(Tag::state)) user->disabled = act.number(Tag::state) != 0;
      return std::nullopt;
    case Kind::invite_open: return open_invite(act);
    case Kind::invite_revoke: {
      CheckedInvite* invite = find_in(invites_, act.id<InviteId>(Tag::invite_id));
      if (invite == nullptr || invite->closed) return "The invite that is revoked is not open.";
      invite->closed = true;
      return std::nullopt;
    }
    case Kind::device_enrol: return enrol(act, leaf.logged_at_ms);
    case Kind::device_link: return link(act, leaf.submission.device, signer);
    case Kind::device_revoke: {
      CheckedDevice* device = find_in(devices_, act.id<DeviceId>(Tag::device));
      if (device == nullptr || device->revoked)
        return "The device that is revoked is not enrolled.";
      device->revoked = true;
      if (device->held_by_server) --users_.at(device->user).held_devices;
      return std::nullopt;
    }
    case Kind::room_create: return create_room(act, signer);
    case Kind::room_change:
      if (act.has(Tag::room_kind)) {
        const auto next = static_cast<RoomKind>(act.number(Tag::room_kind));
        if ((next == RoomKind::direct) != (room->kind == RoomKind::direct))
          return "A direct room becomes no other, and no other becomes one.";
        room->kind = next;
      }
      if (act.has(Tag::state)) room->archived = act.number(Tag::state) != 0;
      return std::nullopt;
    case Kind::member_add:
    case Kind::member_change:
    case Kind::member_remove: return members(kind, act);
    case Kind::retention:
      retained_rooms_.insert(act.has(Tag::room) ? act.id<RoomId>(Tag::room) : RoomId{});
      return std::nullopt;
    case Kind::erase_order: return erase(act);
    case Kind::clock_stepped:
      if (act.number(Tag::old_ms) != last_ms || act.number(Tag::new_ms) != leaf.logged_at_ms ||
          leaf.logged_at_ms >= last_ms)
        return "The step of the clock is not the one between the entries.";
      return std::nullopt;
    case Kind::auditor_read:
      if (user->disabled || !may(user->role, Action::read_unjoined, room->kind, Standing::outsider))
        return "Who reads as an auditor is none.";
      return std::nullopt;
    case Kind::key_rotate: return std::nullopt;
    default: return std::string("No rule of this version allows the act ") + kind_name(kind) + ".";
  }
}

CheckedState::Verdict CheckedState::card(const Act& act, std::uint64_t seq) {
  const auto identity = act.id<SignPublicKey>(Tag::identity_pk);
  if (act.number(Tag::card_serial) != card_serial_ + 1)
    return "The card's serial does not follow the last one.";
  if (seq == 0) {
    if (crypto::server_id(identity) != server_)
      return "The first card's identity key is not this server's.";
    identity_ = identity;
  } else if (identity != identity_) {
    return "The card states another identity key.";
  }
  ++card_serial_;
  return std::nullopt;
}

// Whoever has a class link adds himself, as what it says and as often as it says.
CheckedState::Verdict CheckedState::add_user(const Act& act, std::uint64_t logged_at_ms) {
  CheckedUser user;
  user.role = static_cast<Role>(act.number(Tag::role));
  const auto id = act.id<UserId>(Tag::user_id);
  if (id.is_zero()) return "A user's id is not zero.";
  if (act.has(Tag::invite_id)) {
    user.by_class_link = act.id<InviteId>(Tag::invite_id);
    CheckedInvite* link = find_in(invites_, user.by_class_link);
    if (link == nullptr || !link->is_class_link() || link->closed)
      return "The class link that adds the user is not open.";
    if (act.has(Tag::unix_uid)) return "A class link and an administrator both added the user.";
    if (logged_at_ms >= link->expires_ms) return "The class link had expired.";
    if (link->used >= link->uses) return "The class link had added as many users as it may.";
    if (user.role != link->role) return "The role is not that of the class link.";
    ++link->used;
  }
  users_[id] = user;
  return std::nullopt;
}

CheckedState::Verdict CheckedState::open_invite(const Act& act) {
  const auto curve = act.id<CurvePublicKey>(Tag::curve_pk);
  const auto id = act.id<InviteId>(Tag::invite_id);
  if (crypto::invite_id(curve) != id) return "The invite's id is not that of its key.";
  CheckedInvite invite;
  invite.user = act.id<UserId>(Tag::user_id);
  invite.expires_ms = act.number(Tag::expires_ms);
  invite.uses = act.number(Tag::uses);
  if (invite.is_class_link()) {
    if (!act.has(Tag::role)) return "A class link names no role.";
    invite.role = static_cast<Role>(act.number(Tag::role));
    if (invite.role != Role::member && invite.role != Role::guest)
      return "A class link makes members or guests.";
    if (invite.uses < 1 || invite.uses > class_uses_max)
      return "A class link is for no such number of people.";
    for (const RoomId& room : rooms_of(act))
      if (!rooms_.contains(room)) return "The class link names a room that is not there.";
  } else if (invite.uses != 1 || act.has(Tag::role) || act.has(Tag::rooms)) {
    return "An invite for one user is for one use.";
  }
  if (!curve_keys_.insert(curve).second) return "The invite's key is there already.";
  invites_[id] = invite;
  return std::nullopt;
}

CheckedState::Verdict CheckedState::enrol(const Act& act, std::uint64_t logged_at_ms) {
  const auto sign = act.id<SignPublicKey>(Tag::sign_pk);
  const auto curve = act.id<CurvePublicKey>(Tag::curve_pk);
  const auto id = act.id<DeviceId>(Tag::device);
  const auto user_id = act.id<UserId>(Tag::user_id);
  const auto invite_id = act.id<InviteId>(Tag::invite_id);
  CheckedUser& user = users_.at(user_id);
  CheckedInvite* invite = find_in(invites_, invite_id);
  const bool by_class_link = invite != nullptr && invite->is_class_link();
  if (invite == nullptr || invite->closed ||
      (by_class_link ? user.by_class_link != invite_id || user.had_device
                     : invite->user != user_id))
    return "The enrolment's invite is not open for this user.";
  if (logged_at_ms >= invite->expires_ms) return "The enrolment's invite had expired.";
  if (user.disabled) return "The enrolment's user is disabled.";
  if (by_class_link && class_user_id(server_, invite_id, id) != user_id)
    return "The user's id is not that of his first device.";
  if (!crypto::verify(sign, enrol_message(server_, invite_id, user_id, sign, curve),
                      Signature::from(act.fields().at(Tag::enrol_signature))))
    return "The enrolment's signature is not right.";
  const bool marked = (act.number(Tag::flags) & flag_by_administrator) != 0;
  if (marked != user.had_device)
    return "The mark of a device that an administrator adds is not right.";
  const bool held = (act.number(Tag::flags) & flag_held_by_server) != 0;
  if (held && user.role != Role::bot)
    return "The server has the key of a device whose user is no bot.";
  if (auto why = add_device(act, held)) return why;
  if (!by_class_link) invite->closed = true;
  user.had_device = true;
  if (held) ++user.held_devices;
  return std::nullopt;
}

CheckedState::Verdict CheckedState::link(const Act& act, const DeviceId& signed_by,
                                         const UserId* signer) {
  if (signer == nullptr) return "A device is linked by another one, not by the server.";
  const LinkedPair pair = linked_pair(server_, act);
  if (pair.by != signed_by || pair.user != *signer)
    return "The device that signed is not the one that links, or links for another user.";
  if (!crypto::verify(pair.sign, link_ask_message(pair), act.id<Signature>(Tag::enrol_signature)))
    return "The new device's signature is not right.";
  if (!crypto::verify(devices_.at(pair.by).sign,
                      link_message(pair, act.id<Signature>(Tag::enrol_signature)),
                      act.id<Signature>(Tag::link_signature)))
    return "The signature of the device that links is not right.";
  return add_device(act, false);
}

CheckedState::Verdict CheckedState::add_device(const Act& act, bool held) {
  const auto sign = act.id<SignPublicKey>(Tag::sign_pk);
  const auto curve = act.id<CurvePublicKey>(Tag::curve_pk);
  const auto id = act.id<DeviceId>(Tag::device);
  if (crypto::device_id(sign, curve) != id) return "The device's id is not that of its keys.";
  if (!sign_keys_.insert(sign).second || !curve_keys_.insert(curve).second)
    return "A key of the device is enrolled already.";
  devices_[id] = {act.id<UserId>(Tag::user_id), sign, false, held};
  return std::nullopt;
}

CheckedState::Verdict CheckedState::rights(Kind kind, const Act& act, const UserId& signer) const {
  const CheckedUser& who = users_.at(signer);
  const bool about_user = act.has(Tag::user_id);
  bool self = about_user && act.id<UserId>(Tag::user_id) == signer;
  if (kind == Kind::device_revoke) {
    const CheckedDevice* device = find_in(devices_, act.id<DeviceId>(Tag::device));
    self = device != nullptr && device->user == signer;
  }
  const CheckedRoom* room =
      act.has(Tag::room) ? find_in(rooms_, act.id<RoomId>(Tag::room)) : nullptr;
  const bool of_owner = room != nullptr && about_user &&
                        room->standing(act.id<UserId>(Tag::user_id)) == Standing::owner;
  const auto needed = actions_of(kind, act, self, of_owner);
  if (!needed)
    return std::string("A device signed ") + kind_name(kind) + ", which is the server's.";
  for (const Action action : *needed) {
    bool allowed = false;
    if (action >= first_server_action)
      allowed = may(who.role, action);
    else if (room != nullptr)
      allowed = may(who.role, action, room->kind, room->standing(signer));
    else  // a room that is made
      allowed = may(who.role, action, static_cast<RoomKind>(act.number(Tag::room_kind)),
                    Standing::outsider);
    if (!allowed) return std::string("The signer of the act may not ") + action_name(action) + ".";
  }
  return std::nullopt;
}

CheckedState::Verdict CheckedState::create_room(const Act& act, const UserId* signer) {
  CheckedRoom room;
  const auto id = act.id<RoomId>(Tag::room);
  room.kind = static_cast<RoomKind>(act.number(Tag::room_kind));
  const std::vector<UserId> members =
      act.has(Tag::members) ? members_of(act) : std::vector<UserId>();
  for (const UserId& user : members) {
    if (!users_.contains(user)) return "The act names a user who is not there.";
    room.members[user] = Standing::member;
  }
  if (room.kind == RoomKind::direct) {
    if (members.empty() || id != direct_room_id(server_, members))
      return "A direct room's id does not follow from its members.";
    if (act.has(Tag::user_id)) return "A direct room has no owner.";
    if (signer != nullptr && !room.members.contains(*signer))
      return "Who made a direct room is not in it.";
  } else if (act.has(Tag::user_id)) {
    room.members[act.id<UserId>(Tag::user_id)] = Standing::owner;
  }
  const bool owned =
      act.has(Tag::user_id) && signer != nullptr && act.id<UserId>(Tag::user_id) == *signer;
  if (signer != nullptr && room.kind != RoomKind::direct && !owned)
    return "Who made a room is not its owner.";
  room.number = next_room_++;
  rooms_[id] = std::move(room);
  return std::nullopt;
}

CheckedState::Verdict CheckedState::members(Kind kind, const Act& act) {
  CheckedRoom& room = rooms_.at(act.id<RoomId>(Tag::room));
  auto& members = room.members;
  const auto user = act.id<UserId>(Tag::user_id);
  if (room.kind == RoomKind::direct) return "The members of a direct room do not change.";
  const auto standing =
      act.has(Tag::standing) ? static_cast<Standing>(act.number(Tag::standing)) : Standing::member;
  if (kind == Kind::member_add)
    return members.emplace(user, standing).second
               ? std::nullopt
               : Verdict("The user who is added is a member already.");
  if (kind == Kind::member_change) {
    const auto at = members.find(user);
    if (at == members.end()) return "The user whose standing changes is not a member.";
    at->second = standing;
    return std::nullopt;
  }
  return members.erase(user) == 1 ? std::nullopt
                                  : Verdict("The user who is removed is not a member.");
}

CheckedState::Verdict CheckedState::erase(const Act& act) {
  Reader r(act.fields().at(Tag::target));
  MessageRef target;
  target.device = r.id<DeviceId>();
  target.submission = r.id<SubmissionId>();
  target.index = r.u8();
  if (submission(target) == nullptr) return "The order to erase names a message that is not there.";
  erase_orders_.insert(target);
  return std::nullopt;
}

}  // namespace tertulia::record
