// The commands of tertulia-cli; each returns its exit code. Main thread only.
#pragma once

#include "client/cli/client.hpp"

namespace tertulia::cli {

int run(const Arguments& arguments, const PresetsRead& presets);
int send(const Arguments& arguments);            // send.cpp
int change_message(const Arguments& arguments);  // changes.cpp: edit, delete, react
int watch(const Arguments& arguments);           // watch.cpp
// acts.cpp: rooms, people, devices
int join(const Arguments& arguments);
int leave(const Arguments& arguments);
int change_rooms(const Arguments& arguments);  // room create, change, add, remove; direct
int rooms_to_see(const Arguments& arguments);  // rooms --all
int who(const Arguments& arguments);
int devices(const Arguments& arguments);
int link(const Arguments& arguments);     // link.cpp
int server_card(const Arguments& arguments);  // server_card.cpp
// presence.cpp
int mark_read(const Arguments& arguments);
int sharing(const Arguments& arguments);
client::EngineOptions quiet_options();  // neither sends nor subscribes

// Shared by the commands: says a sentence on stderr and passes the code on.
int say(const std::string& sentence, int code);
// Refuses a profile that is not enrolled; nullopt: it is enrolled.
std::optional<int> require_account(Client& client);
// Waits until the server has told its rooms; nullopt: it has.
std::optional<int> wait_online(Client& client, std::uint64_t deadline_ms);

}  // namespace tertulia::cli
