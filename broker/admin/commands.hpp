// The commands of the admin socket, as JSON (docs/admin-guide.md). t-admin only.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>

#include "broker/admin/admin.hpp"
#include "broker/admin/socket.hpp"

namespace tertulia::broker {

// Called once, on any thread, with the answer.
using AdminAnswer = std::function<void(nlohmann::json)>;

nlohmann::json admin_error(std::string_view sentence);

// Answers at once, or lets t-log answer later.
void run_command(const AdminPorts& ports, const AdminPeer& peer, std::string_view line,
                 AdminAnswer answer);

}  // namespace tertulia::broker
