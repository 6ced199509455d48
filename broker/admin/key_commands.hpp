// Commands of the admin socket about the server's keys and its card (tertuliactl key, server). t-admin.
#pragma once

#include "broker/admin/commands.hpp"

namespace tertulia::broker {

// False: it is none of these commands.
bool run_key_command(const AdminPorts& ports, const AdminPeer& peer, const std::string& command,
                     const nlohmann::json& request, const AdminAnswer& answer);

}  // namespace tertulia::broker
