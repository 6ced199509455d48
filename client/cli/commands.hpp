// The commands of tertulia-cli; each returns its exit code. Main thread only.
#pragma once

#include "client/cli/client.hpp"

namespace tertulia::cli {

int run(const Arguments& arguments);
int send(const Arguments& arguments);  // send.cpp

// Shared by the commands: says a sentence on stderr and passes the code on.
int say(const std::string& sentence, int code);
// Refuses a profile that is not enrolled; nullopt: it is enrolled.
std::optional<int> require_account(Client& client);
// Waits until the server has told its rooms; nullopt: it has.
std::optional<int> wait_online(Client& client, std::uint64_t deadline_ms);

}  // namespace tertulia::cli
