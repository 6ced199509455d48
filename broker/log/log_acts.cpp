// Acts of administration: those that a device signs and those of the administrator at the machine go
// through the same rules; the second has every right and still makes only valid transitions.
#include <fmt/format.h>

#include <algorithm>

#include "broker/log/log_impl.hpp"
#include "broker/names/names.hpp"
#include "common/record/permissions.hpp"
#include "common/wire/user_name.hpp"

namespace tertulia::broker {

using record::Act;
using record::Action;
using record::Kind;
using record::Role;
using record::RoomKind;
using record::Standing;
using record::Tag;

namespace {

Refused not_permitted(std::string_view what) {
  return {pb::NOT_PERMITTED, fmt::format("You may not {} here.", what)};
}
Refused wrong(std::string text) { return {pb::BAD_REQUEST, std::move(text)}; }

std::string_view doc_of(Action action) {
  return record::permission_table()[static_cast<std::size_t>(action)].doc;
}

// What an act is about, looked up once.
struct Subject {
  const User* user = nullptr;      // Tag::user_id
  const Room* room = nullptr;      // Tag::room, of a room that is there
  const Device* device = nullptr;  // Tag::device
  RoomKind kind = RoomKind::public_room;
};

// The room's kind decides for a room that is made; standing in it is the owner's then.
std::optional<Refused> rights_fault(const User& signer, Kind kind, const Act& act,
                                    const Subject& about) {
  const bool self = (about.user != nullptr && about.user->id == signer.id) ||
                    (about.device != nullptr && about.device->user == signer.id);
  const bool of_owner = about.room != nullptr && about.user != nullptr &&
                        about.room->standing(about.user->id) == Standing::owner;
  const auto needed = record::actions_of(kind, act, self, of_owner);
  if (!needed) return Refused{pb::NOT_PERMITTED, "No device signs such an act."};
  const Standing standing =
      about.room == nullptr ? Standing::outsider : about.room->standing(signer.id);
  // Who may not see a room learns nothing of it, not even that it is there.
  if (about.room != nullptr &&
      !record::may(signer.role, Action::see_room, about.room->kind, standing))
    return Refused{pb::ROOM_UNKNOWN, "There is no such room."};
  for (const Action action : *needed) {
    const bool allowed = action >= record::first_server_action
                             ? record::may(signer.role, action)
                             : record::may(signer.role, action, about.kind, standing);
    if (!allowed) return not_permitted(doc_of(action));
  }
  return std::nullopt;
}

std::optional<Refused> room_name_fault(const Directory& directory, const std::string& name,
                                       const RoomId& room) {
  if (auto fault = shown_name_fault(name, "A room name"))
    return Refused{pb::NAME_REFUSED, std::move(*fault)};
  for (const auto& s : skeletons(name))
    if (const auto found = directory.rooms_by_skeleton.find(s);
        found != directory.rooms_by_skeleton.end() && found->second != room)
      return Refused{pb::NAME_REFUSED,
                     fmt::format("The name {} is taken, or looks like one that is.", name)};
  return std::nullopt;
}

std::optional<Refused> user_names_fault(const Directory& directory, const pb::ActNames& names,
                                        const UserId& user) {
  if (!names.display_name().empty())
    if (auto fault = shown_name_fault(names.display_name(), "A display name"))
      return Refused{pb::NAME_REFUSED, std::move(*fault)};
  if (names.user_name().empty()) return std::nullopt;
  return user_name_taken(directory, names.user_name(), user);
}

std::optional<Refused> full_fault(const Directory& directory, const LogLimits& limits,
                                  const UserId& user, std::string_view name) {
  if (directory.rooms_count(user) < limits.rooms_per_user_max) return std::nullopt;
  return Refused{pb::TOO_MANY, fmt::format("{} is in {} rooms, which is the most that this server "
                                           "allows.",
                                           name, limits.rooms_per_user_max)};
}

std::optional<Refused> create_fault(const Directory& directory, const LogLimits& limits,
                                    const ServerId& server, const User* signer, const Act& act,
                                    const pb::ActNames& names) {
  const auto id = act.id<RoomId>(Tag::room);
  if (directory.rooms.contains(id)) return Refused{pb::CONFLICT, "The room is there already."};
  // Its topic would be that of this user's direct rooms.
  if (directory.users.contains(UserId::from(id.view())))
    return Refused{pb::CONFLICT, "A room does not have the id of a user."};
  const auto kind = static_cast<RoomKind>(act.number(Tag::room_kind));
  std::vector<UserId> members =
      act.has(Tag::members) ? record::members_of(act) : std::vector<UserId>();
  if (kind == RoomKind::direct) {
    if (members.empty() || id != record::direct_room_id(server, members))
      return wrong("A direct room's id does not follow from its members.");
    if (act.has(Tag::user_id) || !names.room_name().empty())
      return wrong("A direct room has neither owner nor name.");
    if (signer != nullptr && std::find(members.begin(), members.end(), signer->id) == members.end())
      return wrong("Who makes a direct room is in it.");
  } else {
    if (signer != nullptr && (!act.has(Tag::user_id) || act.id<UserId>(Tag::user_id) != signer->id))
      return wrong("Who makes a room is its owner.");
    if (auto fault = room_name_fault(directory, names.room_name(), id)) return fault;
  }
  if (auto fault = topic_fault(names.room_topic()))
    return Refused{pb::NAME_REFUSED, std::move(*fault)};
  if (act.has(Tag::user_id)) members.push_back(act.id<UserId>(Tag::user_id));
  for (const UserId& member : members) {
    const User* user = directory.user(member);
    if (user == nullptr || user->disabled)
      return Refused{pb::USER_UNKNOWN, "A member is not there, or is disabled."};
    if (auto fault = full_fault(directory, limits, member, user->name)) return fault;
  }
  return std::nullopt;
}

std::optional<Refused> members_fault(const Directory& directory, const LogLimits& limits, Kind kind,
                                     const Subject& about) {
  const Room& room = *about.room;
  if (room.kind == RoomKind::direct) return wrong("The members of a direct room do not change.");
  const bool is_member = room.members.contains(about.user->id);
  if (kind != Kind::member_add) {
    if (is_member) return std::nullopt;
    return Refused{pb::NOT_A_MEMBER, fmt::format("{} is not in this room.", about.user->name)};
  }
  if (is_member)
    return Refused{pb::CONFLICT, fmt::format("{} is in this room already.", about.user->name)};
  if (room.archived) return Refused{pb::NOT_PERMITTED, "This room is archived."};
  if (about.user->disabled)
    return Refused{pb::USER_UNKNOWN, fmt::format("{} is disabled.", about.user->name)};
  if (room.members.size() >= limits.room_members_max)
    return Refused{pb::TOO_MANY, fmt::format("This room has {} members, which is the most that "
                                             "this server allows.",
                                             room.members.size())};
  return full_fault(directory, limits, about.user->id, about.user->name);
}

}  // namespace

std::optional<Refused> user_name_taken(const Directory& directory, const std::string& name,
                                       const UserId& user) {
  if (auto fault = wire::user_name_fault(name)) return Refused{pb::NAME_REFUSED, std::move(*fault)};
  for (const auto& s : skeletons(name))
    if (const auto found = directory.users_by_skeleton.find(s);
        found != directory.users_by_skeleton.end() && found->second != user)
      return Refused{pb::NAME_REFUSED, fmt::format("The name {} is taken, or looks like {}.", name,
                                                   directory.user(found->second)->name)};
  return std::nullopt;
}

std::optional<Refused> Log::Impl::act_fault(const User* signer, Kind kind, const Act& act,
                                            const pb::ActNames& names) const {
  const Directory& directory = derived->now();
  Subject about;
  const bool makes_room = kind == Kind::room_create, makes_device = kind == Kind::device_link;
  if (act.has(Tag::user_id)) {
    about.user = directory.user(act.id<UserId>(Tag::user_id));
    if (about.user == nullptr) return Refused{pb::USER_UNKNOWN, "There is no such user."};
  }
  if (act.has(Tag::device) && !makes_device) {
    about.device = directory.device(act.id<DeviceId>(Tag::device));
    if (about.device == nullptr) return Refused{pb::USER_UNKNOWN, "There is no such device."};
  }
  if (act.has(Tag::room) && !makes_room) {
    about.room = directory.room(act.id<RoomId>(Tag::room));
    if (about.room == nullptr) return Refused{pb::ROOM_UNKNOWN, "There is no such room."};
    about.kind = about.room->kind;
  }
  if (makes_room) about.kind = static_cast<RoomKind>(act.number(Tag::room_kind));
  if (signer != nullptr)
    if (auto fault = rights_fault(*signer, kind, act, about)) return fault;

  switch (kind) {
    case Kind::room_create:
      return create_fault(directory, options.limits, keys.id, signer, act, names);
    case Kind::room_change:
      if (act.has(Tag::room_kind) && (static_cast<RoomKind>(act.number(Tag::room_kind)) ==
                                      RoomKind::direct) != (about.room->kind == RoomKind::direct))
        return wrong("A direct room becomes no other, and no other becomes one.");
      if (auto fault = topic_fault(names.room_topic()))
        return Refused{pb::NAME_REFUSED, std::move(*fault)};
      if (!names.room_name().empty()) {
        if (about.room->kind == RoomKind::direct) return wrong("A direct room has no name.");
        return room_name_fault(directory, names.room_name(), about.room->id);
      }
      // One that comes back from the archive needs its name to be free
      if (act.has(Tag::state) && act.number(Tag::state) == 0 && !about.room->name.empty())
        return room_name_fault(directory, about.room->name, about.room->id);
      return std::nullopt;
    case Kind::member_add:
    case Kind::member_change:
    case Kind::member_remove: return members_fault(directory, options.limits, kind, about);
    case Kind::device_revoke:
      if (!about.device->live())
        return Refused{pb::CONFLICT, "This device has been revoked already."};
      return std::nullopt;
    case Kind::device_link:
      if (signer != nullptr) return std::nullopt;  // link_fault() looks at it
      return Refused{pb::NOT_PERMITTED, "A device is linked by another one: make an invite."};
    case Kind::user_change:
      if (act.has(Tag::role) && act.number(Tag::role) != static_cast<std::uint64_t>(Role::bot) &&
          directory.webhook_of(about.user->id) != nullptr)
        return Refused{pb::CONFLICT,
                       fmt::format("{} has a webhook, and so stays a bot: revoke the webhook first.",
                                   about.user->name)};
      return user_names_fault(directory, names, about.user->id);
    case Kind::key_rotate: return std::nullopt;
    default: return Refused{pb::NOT_PERMITTED, "No device signs such an act."};
  }
}

Outcome Log::Impl::decide_act(SubmissionAppend& a, const Device& device, DeviceSlot& slot) {
  const record::Submission& s = a.submission;
  const Directory& directory = derived->now();
  const User* user = directory.user(device.user);
  if (s.server != keys.id)
    return Refused{pb::WRONG_SERVER, "This submission is for another server."};
  if (!device.live()) return Refused{pb::NOT_ALLOWED, "This device has been revoked."};
  if (user == nullptr || user->disabled) return Refused{pb::NOT_ALLOWED, "This user is disabled."};
  if (device.held_by_server)
    return Refused{pb::NOT_PERMITTED, "A device whose key the server has signs no acts."};
  if (!s.room.is_zero()) return wrong("An act stands in no room.");
  const Kind kind = s.messages[0].kind;
  const auto act = record::decode_act(kind, a.act);
  pb::Body words;
  if (!act || a.bodies.size() != 1 ||
      !words.ParseFromArray(a.bodies[0].bytes.data(), static_cast<int>(a.bodies[0].bytes.size())))
    return wrong("The act is malformed.");
  // What names the administrator at the machine is not a device's to say.
  if (act->has(Tag::unix_uid) || !words.names().unix_user().empty())
    return wrong("A device's act names no Unix user.");
  if (auto fault = act_fault(user, kind, *act, words.names())) return std::move(*fault);
  if (kind == Kind::device_link)
    if (auto fault = link_fault(device, *user, *act, words.names())) return std::move(*fault);
  if (!recent.knows(s.seen_size, s.seen_root))
    return Refused{pb::STALE_VIEW,
                   "The checkpoint that this submission saw is not among the last 4,096."};
  begin();
  Acked out;
  out.seq = frontier.size();
  out.logged_at_ms = last_ms;
  add(record::encode_leaf(out.seq, 0, last_ms, a.submission_bytes, a.act, a.signature), a.bodies);
  store->add_submission(slot.number, s.id, out.seq);
  if (s.id > slot.newest) slot.newest = s.id;
  derived->apply(out.seq, kind, *act, words.names());
  tell_of(out.seq, kind, *act, words.names(), user->name);
  return out;
}

// After a start an hour may have a second entry: the record tells rather too much than too little.
Outcome Log::Impl::decide(AuditedRead& a) {
  constexpr std::uint64_t hour_ms = 3'600'000;
  const Directory& directory = derived->now();
  const Device* device = directory.device_of(a.asker.key);
  const User* user = device == nullptr ? nullptr : directory.user(device->user);
  if (user == nullptr) return Refused{pb::NOT_ALLOWED, "This key belongs to no live device."};
  const Room* room = directory.room(a.what.room);
  if (room == nullptr || !directory.may(*user, Action::read_unjoined, *room))
    return Refused{pb::NOT_A_MEMBER, "You are not a member of this room."};
  if (const std::uint64_t hour = entry_ms() / hour_ms; hour != audited.hour) audited = {hour, {}};
  const std::pair read{user->id, room->id};
  if (audited.reads.contains(read)) return ReadGranted{};
  Act act;
  act.set(Tag::user_id, read.first).set(Tag::room, read.second);
  append_act(Kind::auditor_read, act, {});
  audited.reads.insert(read);
  return ReadGranted{};
}

Outcome Log::Impl::decide(ActCommand& c) {
  if (auto fault = act_fault(nullptr, c.kind, c.act, c.names))
    return Done{false, std::move(fault->text)};
  append_act_of(c.ran, c.kind, std::move(c.act), std::move(c.names));
  return Done{true, {}};
}

}  // namespace tertulia::broker
