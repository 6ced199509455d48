// What the command line says, and the exit codes. Any thread; plain values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/config/client_presets.hpp"
#include "common/crypto/keys.hpp"

namespace tertulia::cli {

inline constexpr int exit_done = 0;
inline constexpr int exit_refused = 1;      // with the reason on stderr
inline constexpr int exit_usage = 2;        // usage or configuration
inline constexpr int exit_unreachable = 3;  // not within --timeout
inline constexpr int exit_partly = 4;       // the rest stays in the outbox

enum class Command {
  enrol,
  whoami,
  rooms,
  send,
  listen,
  history,
  config,
  join,
  leave,
  room_create,
  room_add,
  room_remove,
  room_change,
  direct,
  who,
  devices,
  device_revoke,
  link,
  passphrase_set,
  passphrase_change,
  passphrase_remove,
  mark_read,
  sharing,
  edit,
  delete_,
  react,
  watch,
  server_card
};

struct Arguments {
  Command command = Command::whoami;
  std::filesystem::path profile;
  std::uint32_t timeout_s = 60;
  std::string server;
  bool json = false;
  std::string invite;
  std::string display_name, user_name;
  std::string room;
  std::string text;                // "-": standard input
  std::vector<std::string> rooms;  // listen; empty: all
  std::uint64_t count = 0;         // listen; 0: no end
  std::optional<std::uint64_t> since;
  std::uint32_t limit = 100;
  std::optional<std::uint64_t> up_to;        // read
  std::string share_presence, share_typing;  // sharing: yes, no, or as it is
  std::string message;  // edit, delete, react, send --reply-to: "#123" or an id
  bool raw = false;     // history: changes as they were sent
  std::string exec;     // watch
  std::uint32_t exec_timeout_s = 60;
  bool bots = false;            // watch: also what bots say
  bool active = false;          // listen: others see this user as there
  bool activity = false;        // listen: also who is there and who is writing
  std::string file;             // server-card; "-": standard input
  bool show = false;            // server-card
  bool all = false;             // rooms: also those one is not in
  std::string kind = "public";  // room create
  std::string topic, new_name, standing, past_readable, archived;
  std::vector<std::string> users;             // direct, room add, room remove
  std::string device;                         // devices revoke
  std::filesystem::path passphrase_file;      // empty: ask; "-": standard input
  std::filesystem::path new_passphrase_file;  // passphrase set, change
  std::optional<crypto::Seed> unlocked;       // the key of a profile that has a passphrase
  std::string device_name;                    // link; empty: as the device says itself
  std::vector<std::string> more_addresses;    // as of EngineOptions
  std::vector<std::string> accepted_servers;  // as of EngineOptions
  bool find_by_avahi = false;                 // as of EngineOptions
};

struct Parsed {
  Arguments arguments;
  std::optional<int> exit_code;  // set: everything has been said (help, version, wrong usage)
};
// What the command line does not say is as the presets have it.
Parsed parse(int argc, char** argv, const PresetsRead& presets);

}  // namespace tertulia::cli
