// Who may do what: one table, from which broker, verifier, clients and docs/permissions.md read.
// A right follows from four things and nothing else: the user's role, the kind of the room, his
// standing in it, and the action. Constant; any thread.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/record/act.hpp"

namespace tertulia::record {

// What somebody may want to do. The first group is about one room, the second about the server.
enum class Action : std::uint8_t {
  see_room,        // find it in the list of rooms
  join,            // become a member by oneself
  leave,
  read,            // what is said from now on
  read_past,       // what was said before joining; the room must allow it too
  write,           // text, files, replies
  react,
  mention_all,     // @room
  change_own,      // edit and delete what one has written
  delete_others,   // delete what another member has written
  add_member,
  remove_member,
  name_writers,    // say who writes in an announcement room
  change_room,     // name, topic, owner, whether newcomers read the past
  archive_room,
  create_room,     // of this kind
  read_unjoined,   // read without being a member: an entry in the record for each room and hour
  // about the server
  invite_person,
  change_role,
  disable_user,
  revoke_device,   // another user's; his own everybody may
  link_device,     // a further device of one's own
  choose_default_rooms,
};
inline constexpr std::size_t actions = 23;
inline constexpr Action first_server_action = Action::invite_person;

struct Rule {
  Action action;
  std::string_view doc;  // for docs/permissions.md
  // By role (admin, auditor, member, guest, bot), one letter for each kind of room (public, private,
  // direct, announcement); for the server, one letter: the least standing that has the right:
  // 'a' anybody of this role, 'm' member, 'w' writer, 'o' owner, '-' nobody.
  std::array<std::string_view, 5> least;
};
std::span<const Rule, actions> permission_table();

// Precondition: an action about a room.
bool may(Role role, Action action, RoomKind kind, Standing standing);
// Precondition: an action about the server.
bool may(Role role, Action action);

// What a message of this kind needs; of an edit or a deletion: of one's own message.
Action action_of(Kind kind);
// Every one of these is needed by whoever signs this act; empty: everybody may. nullopt: no device
// signs such an act, it is the server's. self: the act is about the signer or a device of his.
// of_owner: the member it is about owns the room.
std::optional<std::vector<Action>> actions_of(Kind kind, const Act& act, bool self, bool of_owner);

const char* action_name(Action action);  // as in docs/permissions.md

}  // namespace tertulia::record
