#include "client/cli/arguments.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>

namespace tertulia::cli {

Parsed parse(int argc, char** argv, const PresetsRead& presets) {
  Parsed out;
  Arguments& a = out.arguments;
  a.profile = profile_directory(presets.loaded.config);
  a.timeout_s = static_cast<std::uint32_t>(presets.loaded.config.cli_timeout_s);
  a.more_addresses = presets.loaded.config.server_addresses;
  a.accepted_servers = presets.loaded.config.server_fingerprints;
  a.find_by_avahi = presets.loaded.config.discovery_avahi;

  CLI::App app{
      "Tertulia on the command line: the same engine as the window, without the window.\n"
      "Exit: 0 done, 1 refused, 2 usage, 3 not reachable in time, 4 partly done (the rest stays "
      "in the outbox)."};
  app.name("tertulia-cli");
  app.set_version_flag("--version", std::string("tertulia-cli ") + TERTULIA_VERSION);
  app.set_help_all_flag("--help-all", "Print the help of all commands and exit");
  app.require_subcommand(1);
  app.fallthrough();
  const auto* profile =
      app.add_option("--profile", a.profile, "Directory of keys and store")->type_name("DIR");
  const auto* timeout =
      app.add_option("--timeout", a.timeout_s, "Seconds to wait for the server (60)")
          ->type_name("S")
          ->check(CLI::Range(0u, 86'400u));
  app.add_option("--server", a.server, "Address to try before the known ones")
      ->type_name("HOST[:PORT]");

  app.add_option("--passphrase-file", a.passphrase_file,
                 "Where the passphrase of a locked profile stands; -: standard input. Else it is "
                 "asked for at the terminal")
      ->envname("TERTULIA_PASSPHRASE_FILE")
      ->type_name("FILE");

  auto* enrol =
      app.add_subcommand("enrol",
                         "Use an invite, or a link of another device of yours: makes this "
                         "profile a device of its user");
  enrol->add_option("invite", a.invite, "tertulia://…")->required();
  enrol->add_option("--name", a.user_name,
                    "Your user name, where the invite is for several people and names nobody");
  enrol->add_option("--display-name", a.display_name,
                    "How others see you (default: as the administrator has it, or the user name)");
  auto* whoami = app.add_subcommand("whoami", "Say who this profile is; asks nobody");
  auto* rooms = app.add_subcommand("rooms", "List your rooms");
  rooms->add_flag("--all", a.all, "Also the rooms that you may see and are not in");
  auto* send = app.add_subcommand("send", "Send a message and wait until it is in the log");
  send->add_option("room", a.room, "Name of the room")->required();
  send->add_option("text", a.text, "The text; - sends standard input, one message a line")
      ->required();
  send->add_option("--reply-to", a.message, "The message it answers: #NUMBER or its id")
      ->type_name("ID");
  auto* edit = app.add_subcommand("edit", "Replace the text of a message of yours");
  auto* erase = app.add_subcommand("delete", "Delete a message: a note that it was there stays");
  auto* react = app.add_subcommand("react", "React to a message; without EMOJI: take it back");
  for (auto* command : {edit, erase, react}) {
    command->add_option("room", a.room, "Name of the room")->required();
    command->add_option("message", a.message, "#NUMBER in the room, or the beginning of its id")
        ->required();
  }
  edit->add_option("text", a.text, "The new text")->required();
  react->add_option("emoji", a.text, "One emoji, or a short word");
  auto* watch = app.add_subcommand(
      "watch", "Run a command for each new message, and reply with what it prints");
  watch->add_option("room", a.rooms, "Rooms (default: all)");
  watch->add_option("--exec", a.exec, "For sh -c; the message is on its standard input as JSON")
      ->type_name("CMD")
      ->required();
  watch->add_option("--exec-timeout", a.exec_timeout_s, "Seconds that it may take (60)")
      ->type_name("S")
      ->check(CLI::Range(1u, 86'400u));
  watch->add_flag("--bots", a.bots, "Also for what bots say");
  auto* listen = app.add_subcommand("listen", "Print messages as they arrive");
  listen->add_option("room", a.rooms, "Rooms (default: all)");
  listen->add_option("--count", a.count, "End after this many messages")
      ->check(CLI::PositiveNumber);
  listen->add_option("--since", a.since, "Begin at this room_seq instead of now")
      ->check(CLI::PositiveNumber);
  listen->add_flag("--active", a.active, "Be shown to others as there while it listens");
  listen->add_flag("--activity", a.activity, "Print also who comes, goes and is writing");
  auto* read = app.add_subcommand("read", "Mark a room as read, on all your devices");
  read->add_option("room", a.room, "Name of the room")->required();
  read->add_option("room_seq", a.up_to, "Up to this message (default: all)")
      ->check(CLI::PositiveNumber);
  auto* sharing = app.add_subcommand("sharing", "What this profile tells others of you");
  sharing->add_option("--presence", a.share_presence, "Whether you are there")
      ->check(CLI::IsMember({"yes", "no"}));
  sharing->add_option("--typing", a.share_typing, "Whether you are writing")
      ->check(CLI::IsMember({"yes", "no"}));
  sharing->require_option(1, 2);
  auto* history = app.add_subcommand("history", "Print the newest messages of a room");
  history->add_option("room", a.room, "Name of the room")->required();
  history->add_option("--limit", a.limit, "How many (100)")->check(CLI::Range(1u, 10'000'000u));
  history->add_flag("--raw", a.raw, "Edits, deletes and reactions as they were sent");
  auto* join = app.add_subcommand("join", "Join a room");
  join->add_option("room", a.room, "Name of the room")->required();
  auto* leave = app.add_subcommand("leave", "Leave a room");
  leave->add_option("room", a.room, "Name of the room")->required();
  auto* room = app.add_subcommand("room", "Make and change rooms");
  room->require_subcommand(1);
  room->fallthrough();
  auto* create = room->add_subcommand("create", "Make a room, which is yours");
  create->add_option("room", a.room, "How it is called")->required();
  create->add_option("--kind", a.kind, "public (the default), private or announcement")
      ->check(CLI::IsMember({"public", "private", "announcement"}));
  auto* change = room->add_subcommand("change", "Give a room another name or topic, or archive it");
  change->add_option("room", a.room, "Name of the room")->required();
  change->add_option("--name", a.new_name, "How it is called from now on");
  change->add_option("--archived", a.archived, "yes: it is read, and nobody writes or joins")
      ->check(CLI::IsMember({"yes", "no"}));
  for (auto* command : {create, change}) {
    command->add_option("--topic", a.topic, "What it is for");
    command
        ->add_option("--past-readable", a.past_readable,
                     "no: who joins does not read what was said before")
        ->check(CLI::IsMember({"yes", "no"}));
  }
  auto* add = room->add_subcommand("add", "Add people to a room, or give members a standing");
  auto* remove = room->add_subcommand("remove", "Remove people from a room, which gets a new key");
  for (auto* command : {add, remove}) {
    command->add_option("room", a.room, "Name of the room")->required();
    command->add_option("user", a.users, "User names")->required();
  }
  add->add_option("--as", a.standing, "member, writer (in announcement rooms) or owner")
      ->check(CLI::IsMember({"member", "writer", "owner"}));
  auto* direct = app.add_subcommand(
      "direct", "Open the room of you and these people; the same people have the same room");
  direct->add_option("user", a.users, "User names")->required();
  auto* who = app.add_subcommand("who", "List the people of this server, or of a room");
  who->add_option("room", a.room, "Name of the room");
  auto* devices = app.add_subcommand("devices", "List your devices, or revoke one");
  devices->require_subcommand(0, 1);
  devices->fallthrough();
  auto* revoke = devices->add_subcommand("revoke", "Revoke a device of yours: out at once");
  revoke->add_option("device", a.device, "The beginning of its id, as `devices` shows it")
      ->required();
  auto* link = app.add_subcommand(
      "link", "Let a further device of yours in: prints a link for `enrol` there, and asks here");
  link->add_option("--name", a.device_name, "How it is to be called (default: as it says itself)");
  auto* passphrase = app.add_subcommand(
      "passphrase", "Lock this profile's key with a passphrase, change it, or remove it");
  passphrase->require_subcommand(1);
  passphrase->fallthrough();
  auto* lock = passphrase->add_subcommand("set", "Lock the key with a passphrase");
  auto* relock = passphrase->add_subcommand("change", "Take another passphrase");
  auto* unlock = passphrase->add_subcommand("remove", "Keep the key without a passphrase");
  for (auto* command : {lock, relock})
    command
        ->add_option("--new-passphrase-file", a.new_passphrase_file,
                     "Where the new one stands; -: standard input. Else it is asked for")
        ->type_name("FILE");
  auto* card = app.add_subcommand(
      "server-card",
      "Take the server's card by hand, when a change of its keys was missed; the administrator "
      "prints it: tertuliactl server card");
  card->add_option("file", a.file, "The card; - reads standard input");
  card->add_flag("--show", a.show, "Print the card that this profile knows");
  card->require_option(1);
  app.add_subcommand("config", "Print the settings that hold, and where each comes from");
  for (auto* command : {whoami, rooms, send, listen, history, who, devices, edit, erase, react})
    command->add_flag("--json", a.json, "One JSON object a line");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int code = app.exit(e);
    out.exit_code = code == 0 ? exit_done : exit_usage;
    return out;
  }
  for (const auto& [option, key] :
       {std::pair(profile, "profile.directory"), {timeout, "cli.timeout_s"}}) {
    if (option->count() == 0) continue;
    const std::string refusal = presets.refusal(option->get_name(), key);
    if (refusal.empty()) continue;
    std::fprintf(stderr, "%s\n", refusal.c_str());
    out.exit_code = exit_usage;
    return out;
  }
  a.command = enrol->parsed()     ? Command::enrol
              : whoami->parsed()  ? Command::whoami
              : rooms->parsed()   ? Command::rooms
              : send->parsed()    ? Command::send
              : listen->parsed()  ? Command::listen
              : history->parsed() ? Command::history
              : join->parsed()    ? Command::join
              : leave->parsed()   ? Command::leave
              : create->parsed()  ? Command::room_create
              : change->parsed()  ? Command::room_change
              : add->parsed()     ? Command::room_add
              : remove->parsed()  ? Command::room_remove
              : direct->parsed()  ? Command::direct
              : who->parsed()     ? Command::who
              : revoke->parsed()  ? Command::device_revoke
              : devices->parsed() ? Command::devices
              : link->parsed()    ? Command::link
              : lock->parsed()    ? Command::passphrase_set
              : relock->parsed()  ? Command::passphrase_change
              : unlock->parsed()  ? Command::passphrase_remove
              : edit->parsed()    ? Command::edit
              : erase->parsed()   ? Command::delete_
              : react->parsed()   ? Command::react
              : watch->parsed()   ? Command::watch
              : read->parsed()    ? Command::mark_read
              : sharing->parsed() ? Command::sharing
              : card->parsed()    ? Command::server_card
                                  : Command::config;
  return out;
}

}  // namespace tertulia::cli
