// Users, devices, rooms and room keys, as an administrator at the machine asks for them: lists from the
// directory, changes as acts that t-log decides on. t-admin only.
#pragma once

#include "broker/admin/commands.hpp"

namespace tertulia::broker {

// False: this is none of these commands.
bool run_people_command(const AdminPorts& ports, const AdminPeer& peer, const std::string& command,
                        const nlohmann::json& request, const AdminAnswer& answer);

}  // namespace tertulia::broker
