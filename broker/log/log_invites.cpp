// Invites: for one person, for many at once, and class links. An administrator at the machine makes and
// ends them; what becomes of them is in log_people.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "broker/log/log_impl.hpp"
#include "broker/names/names.hpp"

namespace tertulia::broker {

using record::Act;
using record::Kind;
using record::Role;
using record::Tag;

namespace {

std::optional<std::string> too_many_open(const Directory& directory, std::uint64_t now_ms,
                                         std::uint64_t more, std::uint64_t maximum) {
  const auto open = static_cast<std::uint64_t>(
      std::count_if(directory.invites.begin(), directory.invites.end(),
                    [&](const auto& item) { return item.second->is_open(now_ms); }));
  if (open + more <= maximum) return std::nullopt;
  return fmt::format(
      "{} invites are open and {} more would be above {}, which is the most that this server "
      "allows ([limits] invites_open_max); revoke some.",
      open, more, maximum);
}

const User* user_called(const Directory& directory, const std::string& name) {
  const auto found = directory.users_by_name.find(name);
  return found == directory.users_by_name.end() ? nullptr : directory.user(found->second);
}

Role role_of(const Directory& directory, const InvitePerson& person, bool first) {
  return person.role.value_or(first && directory.users.empty() ? Role::admin : Role::member);
}

std::optional<std::string> known_fault(const User& user, const InvitePerson& person,
                                       bool takes_known) {
  if (user.disabled) return fmt::format("The user {} is disabled.", user.name);
  if (!takes_known)
    return fmt::format(
        "{} is a user already: take the line out, or say --further-devices to give this user one "
        "more device.",
        user.name);
  if (person.role && *person.role != user.role)
    return fmt::format("The user {} has the role {}, which an invite does not change.", user.name,
                       record::role_name(user.role));
  return std::nullopt;
}

// A room that was named for newcomers has no place for so many.
std::optional<std::string> full_fault(const Directory& directory, const LogLimits& limits,
                                      const RoomId& id, std::uint64_t more) {
  const Room* const room = directory.room(id);
  if (room == nullptr || room->members.size() + more <= limits.room_members_max)
    return std::nullopt;
  return fmt::format(
      "The room {} has {} members, and {} more would be above {}, which is the most that this "
      "server allows ([limits] room_members_max).",
      room->name, room->members.size(), more, limits.room_members_max);
}

// All that is wrong, so that a list is mended once. No two may have names that look alike.
std::vector<InviteFault> faults_of(const Directory& directory, const LogLimits& limits,
                                   const InviteCommand& c) {
  std::vector<InviteFault> out;
  std::unordered_set<std::string> seen;  // skeletons
  std::unordered_map<RoomId, std::uint64_t> joining;
  for (std::size_t i = 0; i < c.people.size(); ++i) {
    const InvitePerson& person = c.people[i];
    std::optional<std::string> fault;
    if (const User* user = user_called(directory, person.user_name); user != nullptr)
      fault = known_fault(*user, person, c.takes_known);
    else if (auto refused = user_name_taken(directory, person.user_name, {}))
      fault = std::move(refused->text);
    if (!fault && !person.display_name.empty())
      fault = shown_name_fault(person.display_name, "A display name");
    if (!fault && !seen.insert(skeletons(person.user_name).front()).second)
      fault = fmt::format("The name {} stands twice, or looks like one that stands before it.",
                          person.user_name);
    for (const RoomId& room : person.rooms)
      if (!fault) fault = full_fault(directory, limits, room, ++joining[room]);
    if (fault) out.push_back({i, std::move(*fault)});
  }
  return out;
}

}  // namespace

Invited Log::Impl::open_invite(Act act, std::uint64_t lifetime_ms, const RanBy& ran,
                               pb::ActNames names) {
  Invited out;
  out.user = act.id<UserId>(Tag::user_id);
  out.seed = crypto::Seed::random();
  out.expires_ms = entry_ms() + lifetime_ms;
  const CurvePublicKey curve = crypto::invite_curve_key(out.seed).public_key();
  act.set(Tag::invite_id, crypto::invite_id(curve))
      .set(Tag::curve_pk, curve)
      .set_number(Tag::expires_ms, out.expires_ms);
  append_act_of(ran, Kind::invite_open, std::move(act), std::move(names));
  return out;
}

Outcome Log::Impl::decide(InviteCommand& c) {
  InviteResult out;
  const RanBy ran{c.ran};
  if (auto fault = too_many_open(derived->now(), entry_ms(), c.people.size(),
                                 options.limits.invites_open_max)) {
    out.faults.push_back({std::nullopt, std::move(*fault)});
    return out;
  }
  out.faults = faults_of(derived->now(), options.limits, c);
  if (!out.faults.empty()) return out;
  for (const InvitePerson& person : c.people) {
    const Directory& directory = derived->now();
    const User* const user = user_called(directory, person.user_name);
    const Role role =
        user == nullptr ? role_of(directory, person, out.invited.empty()) : user->role;
    const bool was_there = user != nullptr;
    const bool had = was_there && had_device(directory, user->id);
    UserId id;
    if (was_there)
      id = user->id;
    else
      randombytes_buf(id.data(), id.size());
    if (!was_there) {
      pb::ActNames names;
      names.set_user_name(person.user_name);
      names.set_display_name(person.display_name);
      Act add;
      add.set(Tag::user_id, id).set_number(Tag::role, static_cast<std::uint64_t>(role));
      add_user(std::move(add), names, person.rooms, ran);
    }
    Act open;
    open.set(Tag::user_id, id).set_number(Tag::uses, 1);
    Invited invited = open_invite(std::move(open), c.lifetime_ms, ran, {});
    invited.role = role;
    invited.was_there = was_there;
    invited.had_device = had;
    out.invited.push_back(std::move(invited));
  }
  return out;
}

Outcome Log::Impl::decide(ClassLinkCommand& c) {
  const Directory& directory = derived->now();
  const auto refuse = [](std::string text) {
    return InviteResult{{}, {{std::nullopt, std::move(text)}}};
  };
  if (auto fault = too_many_open(directory, entry_ms(), 1, options.limits.invites_open_max))
    return refuse(std::move(*fault));
  if (c.uses < 1 || c.uses > record::class_uses_max)
    return refuse(fmt::format("A class link is for 1 to {} people.", record::class_uses_max));
  if (c.role != Role::member && c.role != Role::guest)
    return refuse("A class link makes members or guests; invite everybody else by name.");
  // Whoever joins is to be somebody's doing: the first user runs the server, and is invited by name
  if (directory.users.empty())
    return refuse("Invite yourself first, by name: the first user is the administrator.");
  if (c.rooms.size() > record::rooms_in_act_max)
    return refuse(fmt::format("A class link names at most {} rooms.", record::rooms_in_act_max));
  for (const RoomId& id : c.rooms)
    if (auto fault = full_fault(directory, options.limits, id, c.uses))
      return refuse(std::move(*fault));
  if (!c.label.empty())
    if (auto fault = shown_name_fault(c.label, "A label")) return refuse(std::move(*fault));
  Act act;
  act.set(Tag::user_id, UserId{})
      .set_number(Tag::uses, c.uses)
      .set_number(Tag::role, static_cast<std::uint64_t>(c.role));
  if (!c.rooms.empty()) record::set_rooms(act, c.rooms);
  pb::ActNames names;
  names.set_invite_label(c.label);
  InviteResult out;
  out.invited.push_back(open_invite(std::move(act), c.lifetime_ms, RanBy{c.ran}, names));
  out.invited.back().role = c.role;
  return out;
}

Outcome Log::Impl::decide(RevokeInviteCommand& c) {
  std::vector<InviteId> open;
  for (const InviteId& id : c.invites)
    if (const Invite* invite = derived->now().invite(id);
        invite != nullptr && !invite->revoked && !invite->is_used_up())
      open.push_back(id);
  if (open.empty()) return Done{false, fmt::format("{} has no open invite.", c.whose)};
  for (const InviteId& id : open) {
    Act act;
    act.set(Tag::invite_id, id);
    append_act_of(c.ran, Kind::invite_revoke, std::move(act));
  }
  return Done{true, fmt::format("{} open invite{} of {} revoked.", open.size(),
                                open.size() == 1 ? "" : "s", c.whose)};
}

}  // namespace tertulia::broker
