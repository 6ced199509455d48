// Invites, as an administrator at the machine makes, lists and ends them. t-admin only.
#pragma once

#include "broker/admin/commands.hpp"

namespace tertulia::broker {

// How many people one command invites at most: what they join is one transaction, which others wait for.
inline constexpr std::size_t invited_together_max = 2'000;

// False: this is none of these commands.
//   invite         people [{name, display_name, role, rooms}], takes_known, expires_ms: all or none.
//                  Refused: faults [{number, sentence}], number counted from 0, -1 for all
//   invite_class   uses, role, label, rooms, expires_ms
//   invite_list
//   invite_revoke  which: a user, what a class link is called, or the beginning of an id;
//                  only_count: says how many it would end
bool run_invite_command(const AdminPorts& ports, const AdminPeer& peer, const std::string& command,
                        const nlohmann::json& request, const AdminAnswer& answer);

}  // namespace tertulia::broker
