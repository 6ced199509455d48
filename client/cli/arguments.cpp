#include "client/cli/arguments.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>

namespace tertulia::cli {

namespace {
std::filesystem::path default_profile() {
  // XDG Base Directory Specification: a relative or empty value counts as not set.
  const char* data = std::getenv("XDG_DATA_HOME");
  if (data != nullptr && data[0] == '/') return std::filesystem::path(data) / "tertulia/default";
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home != nullptr ? home : ".") / ".local/share/tertulia/default";
}
}  // namespace

Parsed parse(int argc, char** argv) {
  Parsed out;
  Arguments& a = out.arguments;
  a.profile = default_profile();

  CLI::App app{
      "Tertulia on the command line: the same engine as the window, without the window.\n"
      "Exit: 0 done, 1 refused, 2 usage, 3 not reachable in time, 4 partly done (the rest stays "
      "in the outbox)."};
  app.name("tertulia-cli");
  app.set_version_flag("--version", std::string("tertulia-cli ") + TERTULIA_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--profile", a.profile, "Directory of keys and store")->type_name("DIR");
  app.add_option("--timeout", a.timeout_s, "Seconds to wait for the server (60)")
      ->type_name("S")
      ->check(CLI::Range(0u, 86'400u));
  app.add_option("--server", a.server, "Address to try before the known ones")
      ->type_name("HOST[:PORT]");

  auto* enrol =
      app.add_subcommand("enrol", "Use an invite: makes this profile a device of its user");
  enrol->add_option("invite", a.invite, "tertulia://…")->required();
  enrol->add_option("--name", a.display_name, "How you are called (default: the user name)");
  auto* whoami = app.add_subcommand("whoami", "Say who this profile is; asks nobody");
  auto* rooms = app.add_subcommand("rooms", "List your rooms");
  auto* send = app.add_subcommand("send", "Send a message and wait until it is in the log");
  send->add_option("room", a.room, "Name of the room")->required();
  send->add_option("text", a.text, "The text; - sends standard input, one message a line")
      ->required();
  auto* listen = app.add_subcommand("listen", "Print messages as they arrive");
  listen->add_option("room", a.rooms, "Rooms (default: all)");
  listen->add_option("--count", a.count, "End after this many messages")
      ->check(CLI::PositiveNumber);
  listen->add_option("--since", a.since, "Begin at this room_seq instead of now")
      ->check(CLI::PositiveNumber);
  auto* history = app.add_subcommand("history", "Print the newest messages of a room");
  history->add_option("room", a.room, "Name of the room")->required();
  history->add_option("--limit", a.limit, "How many (100)")->check(CLI::Range(1u, 10'000'000u));
  for (auto* command : {whoami, rooms, send, listen, history})
    command->add_flag("--json", a.json, "One JSON object a line");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int code = app.exit(e);
    out.exit_code = code == 0 ? exit_done : exit_usage;
    return out;
  }
  a.command = enrol->parsed()    ? Command::enrol
              : whoami->parsed() ? Command::whoami
              : rooms->parsed()  ? Command::rooms
              : send->parsed()   ? Command::send
              : listen->parsed() ? Command::listen
                                 : Command::history;
  return out;
}

}  // namespace tertulia::cli
