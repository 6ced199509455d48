#include "common/record/permissions.hpp"

#include <cassert>

namespace tertulia::record {

namespace {

// clang-format off
constexpr std::array<Rule, actions> kTable{{
  //                                                      admin   auditor member  guest   bot
  {Action::see_room, "see that the room is there",       {"aaaa", "aaaa", "amma", "mmmm", "mmmm"}},
  {Action::join, "join by oneself",                      {"a--a", "----", "a--a", "----", "----"}},
  {Action::leave, "leave",                               {"mm-m", "mm-m", "mm-m", "mm-m", "mm-m"}},
  {Action::read, "read what is said",                    {"mmmm", "mmmm", "mmmm", "mmmm", "mmmm"}},
  {Action::read_past, "read what was said before joining, where the room allows it",
                                                         {"mmmm", "mmmm", "mmmm", "mmmm", "mmmm"}},
  {Action::write, "write",                               {"mmmm", "----", "mmmw", "mmmw", "mmmw"}},
  {Action::react, "react",                               {"mmmm", "----", "mmmm", "mmmm", "mmmm"}},
  {Action::mention_all, "mention everybody (@room)",     {"mmmm", "----", "mmmw", "----", "mmmw"}},
  {Action::change_own, "edit and delete one's own messages",
                                                         {"mmmm", "----", "mmmm", "mmmm", "mmmm"}},
  {Action::delete_others, "delete another's message",    {"mm-m", "----", "oo-o", "----", "----"}},
  {Action::add_member, "add a member",                   {"am-a", "----", "mo-o", "----", "----"}},
  {Action::remove_member, "remove a member",             {"aa-a", "----", "oo-o", "----", "----"}},
  {Action::name_writers, "say who writes",               {"---a", "----", "---o", "----", "----"}},
  {Action::change_room, "change name, topic, owner and who reads the past",
                                                         {"aa-a", "----", "oo-o", "----", "----"}},
  {Action::archive_room, "archive the room",             {"aa-a", "----", "oo-o", "----", "----"}},
  {Action::create_room, "create such a room",            {"aaaa", "----", "aaa-", "--a-", "--a-"}},
  {Action::read_unjoined, "read it without being a member; each room and hour is an entry",
                                                         {"----", "aaaa", "----", "----", "----"}},
  {Action::invite_person, "invite a person to the server", {"a", "-", "-", "-", "-"}},
  {Action::change_role, "change a user's role",          {"a", "-", "-", "-", "-"}},
  {Action::disable_user, "disable and enable a user",    {"a", "-", "-", "-", "-"}},
  {Action::revoke_device, "revoke another user's device", {"a", "-", "-", "-", "-"}},
  {Action::link_device, "link a further device of one's own", {"a", "a", "a", "-", "-"}},
  {Action::choose_default_rooms, "choose the rooms that every newcomer joins",
                                                           {"a", "-", "-", "-", "-"}},
}};
// clang-format on

// Every action once, in the order of the enum: a look-up is an index.
constexpr bool table_is_whole() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    const Rule& rule = kTable[i];
    if (static_cast<std::size_t>(rule.action) != i) return false;
    const std::size_t letters = rule.action < first_server_action ? 4 : 1;
    for (const std::string_view least : rule.least) {
      if (least.size() != letters) return false;
      for (const char c : least)
        if (std::string_view(letters == 4 ? "-amwo" : "-a").find(c) == std::string_view::npos)
          return false;
    }
  }
  return true;
}
static_assert(table_is_whole());

bool reaches(Standing standing, char least) {
  switch (least) {
    case 'a': return true;
    case 'm': return standing >= Standing::member;
    case 'w': return standing >= Standing::writer;
    case 'o': return standing >= Standing::owner;
    default: return false;
  }
}

std::string_view least_of(Role role, Action action) {
  return kTable[static_cast<std::size_t>(action)].least[static_cast<std::size_t>(role) - 1];
}

}  // namespace

std::span<const Rule, actions> permission_table() { return kTable; }

bool may(Role role, Action action, RoomKind kind, Standing standing) {
  assert(action < first_server_action);
  return reaches(standing, least_of(role, action)[static_cast<std::size_t>(kind) - 1]);
}

bool may(Role role, Action action) {
  assert(action >= first_server_action);
  return least_of(role, action)[0] == 'a';
}

Action action_of(Kind kind) {
  switch (kind) {
    case Kind::reaction: return Action::react;
    case Kind::edit:
    case Kind::erase: return Action::change_own;
    default: return Action::write;
  }
}

std::optional<std::vector<Action>> actions_of(Kind kind, const Act& act, bool self, bool of_owner) {
  std::vector<Action> out;
  const auto need = [&](Action action) { out.push_back(action); };
  const bool sets_default =
      act.has(Tag::flags) && (act.number(Tag::flags) & flag_default_room) != 0;
  switch (kind) {
    case Kind::room_create:
      need(Action::create_room);
      if (sets_default) need(Action::choose_default_rooms);
      return out;
    case Kind::room_change:
      if (act.has(Tag::state)) need(Action::archive_room);
      if (!act.has(Tag::state) || act.has(Tag::flags) || act.has(Tag::room_kind))
        need(Action::change_room);
      if (sets_default) need(Action::choose_default_rooms);
      return out;
    case Kind::member_add:
      if (act.has(Tag::standing) && act.number(Tag::standing) > 1)
        need(Action::change_room);
      else
        need(self ? Action::join : Action::add_member);
      return out;
    case Kind::member_remove: need(self ? Action::leave : Action::remove_member); return out;
    case Kind::member_change: {
      const bool owns = static_cast<Standing>(act.number(Tag::standing)) == Standing::owner;
      need(owns || of_owner ? Action::change_room : Action::name_writers);
      return out;
    }
    case Kind::device_revoke:
      if (!self) need(Action::revoke_device);
      return out;
    case Kind::device_link: need(Action::link_device); return out;
    case Kind::user_change:
      if (act.has(Tag::role)) need(Action::change_role);
      if (act.has(Tag::state)) need(Action::disable_user);
      if (out.empty() && !self) need(Action::disable_user);
      return out;
    default: return std::nullopt;
  }
}

const char* action_name(Action action) {
  switch (action) {
    case Action::see_room: return "see_room";
    case Action::join: return "join";
    case Action::leave: return "leave";
    case Action::read: return "read";
    case Action::read_past: return "read_past";
    case Action::write: return "write";
    case Action::react: return "react";
    case Action::mention_all: return "mention_all";
    case Action::change_own: return "change_own";
    case Action::delete_others: return "delete_others";
    case Action::add_member: return "add_member";
    case Action::remove_member: return "remove_member";
    case Action::name_writers: return "name_writers";
    case Action::change_room: return "change_room";
    case Action::archive_room: return "archive_room";
    case Action::create_room: return "create_room";
    case Action::read_unjoined: return "read_unjoined";
    case Action::invite_person: return "invite_person";
    case Action::change_role: return "change_role";
    case Action::disable_user: return "disable_user";
    case Action::revoke_device: return "revoke_device";
    case Action::link_device: return "link_device";
    case Action::choose_default_rooms: return "choose_default_rooms";
  }
  return "?";
}

}  // namespace tertulia::record
