#include "common/record/checker_state.hpp"

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

std::optional<std::string> CheckedState::apply(const Leaf& leaf, std::uint64_t last_ms) {
  const Kind kind = leaf.submission.messages[0].kind;
  const auto decoded = decode_act(kind, leaf.act);
  if (!decoded) return "The act cannot be decoded.";
  const Act& act = *decoded;
  if (leaf.seq == 0 && kind != Kind::card) return "The first entry is not a card.";

  // Ids that an act names, save those that it makes, are there.
  const bool makes_user = kind == Kind::user_add, makes_room = kind == Kind::room_create;
  CheckedUser* user =
      act.has(Tag::user_id) ? find_in(users_, act.id<UserId>(Tag::user_id)) : nullptr;
  CheckedRoom* room = act.has(Tag::room) ? find_in(rooms_, act.id<RoomId>(Tag::room)) : nullptr;
  if (act.has(Tag::user_id) && makes_user == (user != nullptr))
    return makes_user ? "The user that is added is there already."
                      : "The act names a user who is not there.";
  if (act.has(Tag::room) && makes_room == (room != nullptr))
    return makes_room ? "The room that is made is there already."
                      : "The act names a room that is not there.";

  switch (kind) {
    case Kind::card: return card(act, leaf.seq);
    case Kind::user_add:
      users_[act.id<UserId>(Tag::user_id)] = {static_cast<Role>(act.number(Tag::role)), false,
                                              false};
      return std::nullopt;
    case Kind::user_change:
      if (act.has(Tag::role)) user->role = static_cast<Role>(act.number(Tag::role));
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
    case Kind::device_revoke: {
      CheckedDevice* device = find_in(devices_, act.id<DeviceId>(Tag::device));
      if (device == nullptr || device->revoked)
        return "The device that is revoked is not enrolled.";
      device->revoked = true;
      return std::nullopt;
    }
    case Kind::room_create:
      rooms_[act.id<RoomId>(Tag::room)].number = next_room_++;
      return std::nullopt;
    case Kind::room_change:
      if (act.has(Tag::state)) room->archived = act.number(Tag::state) != 0;
      return std::nullopt;
    case Kind::member_add:
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
    case Kind::auditor_read: return std::nullopt;
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

CheckedState::Verdict CheckedState::open_invite(const Act& act) {
  const auto curve = act.id<CurvePublicKey>(Tag::curve_pk);
  const auto id = act.id<InviteId>(Tag::invite_id);
  if (crypto::invite_id(curve) != id) return "The invite's id is not that of its key.";
  if (act.number(Tag::uses) != 1) return "An invite is for one use.";
  if (!curve_keys_.insert(curve).second) return "The invite's key is there already.";
  invites_[id] = {act.id<UserId>(Tag::user_id), act.number(Tag::expires_ms), false};
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
  if (invite == nullptr || invite->closed || invite->user != user_id)
    return "The enrolment's invite is not open for this user.";
  if (logged_at_ms >= invite->expires_ms) return "The enrolment's invite had expired.";
  if (user.disabled) return "The enrolment's user is disabled.";
  if (crypto::device_id(sign, curve) != id) return "The device's id is not that of its keys.";
  if (!crypto::verify(sign, enrol_message(server_, invite_id, user_id, sign, curve),
                      Signature::from(act.fields().at(Tag::enrol_signature))))
    return "The enrolment's signature is not right.";
  const bool marked = (act.number(Tag::flags) & flag_by_administrator) != 0;
  if (marked != user.had_device)
    return "The mark of a device that an administrator adds is not right.";
  if (!sign_keys_.insert(sign).second || !curve_keys_.insert(curve).second)
    return "A key of the device is enrolled already.";
  invite->closed = true;
  user.had_device = true;
  devices_[id] = {user_id, sign, false};
  return std::nullopt;
}

CheckedState::Verdict CheckedState::members(Kind kind, const Act& act) {
  auto& members = rooms_.at(act.id<RoomId>(Tag::room)).members;
  const auto user = act.id<UserId>(Tag::user_id);
  if (kind == Kind::member_add)
    return members.insert(user).second ? std::nullopt
                                       : Verdict("The user who is added is a member already.");
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
