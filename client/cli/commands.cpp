#include "client/cli/commands.hpp"

#include <cstdio>
#include <map>
#include <set>

#include "client/cli/passphrase.hpp"
#include "client/cli/talk.hpp"
#include "common/config/client_keys.hpp"
#include "common/config/write.hpp"

namespace tertulia::cli {

using client::Follow;

namespace {
std::uint64_t deadline_of(const Arguments& a) {
  return monotonic_ms() + std::uint64_t{a.timeout_s} * 1000;
}

int enrol(const Arguments& a) {
  std::string reason;
  const auto preview = client::preview_invite(a.invite, reason);
  if (!preview) return say(reason, exit_refused);
  if (preview->class_link && a.user_name.empty())
    return say("This invite is for several people: say with --name which user name you want.",
               exit_usage);
  if (!preview->class_link && !a.user_name.empty())
    return say("This invite is for " + preview->user_name +
                   ": --name is for invites that name nobody; --display-name says how others see "
                   "you.",
               exit_usage);
  Client client(a, quiet_options());
  client.engine().enrol(a.invite, a.display_name, a.user_name);
  bool used = false;
  // The engine ends the enrolment itself; then the first welcome brings role and rooms.
  std::uint64_t deadline = deadline_of(a) + 5'000;
  while (monotonic_ms() < deadline) {
    for (const auto& event : client.wait(deadline)) {
      if (const auto* waiting = std::get_if<client::EnrolWaiting>(&event)) {
        // The engine knows how long the link holds.
        deadline = UINT64_MAX;
        say(waiting->code.empty() ? "Waiting for your other device."
                                  : "The code is " + waiting->code +
                                        ": let this device in on the other one if it "
                                        "shows the same.",
            exit_done);
      }
      const auto* finished = std::get_if<client::EnrolFinished>(&event);
      if (finished == nullptr) continue;
      if (!finished->ok)
        return say(finished->reason, finished->unreachable ? exit_unreachable : exit_refused);
      used = true;
      deadline = deadline_of(a);
    }
    if (client.interrupted()) return exit_unreachable;
    if (!used) continue;
    if (client.online() && client.account()) {
      print_line(account_lines(*client.account()));
      return exit_done;
    }
    if (client.hopeless()) return say(problem_sentence(client.link()), exit_refused);
  }
  return say(problem_sentence(client.link()), exit_unreachable);
}

int whoami(const Arguments& a) {
  Client client(a, quiet_options());
  if (const auto code = require_account(client)) return *code;
  print_line(a.json ? account_json(*client.account()) : account_lines(*client.account()));
  return exit_done;
}

int rooms(const Arguments& a) {
  if (a.all) return rooms_to_see(a);
  Client client(a, quiet_options());
  if (const auto code = require_account(client)) return *code;
  if (const auto code = wait_online(client, deadline_of(a))) return *code;
  for (const auto& room : client.rooms()) print_line(a.json ? room_json(room) : room_line(room));
  return exit_done;
}

// Lines of who comes, goes and is writing; empty: the event is of something else.
std::string activity_lines(const client::Event& event, const Client& client,
                           std::map<UserId, std::string>& people, bool as_json) {
  constexpr const char *activity = "activity", *typing = "typing";
  std::string lines;
  const auto add = [&](const char* what, const std::string& who, const std::string& how) {
    lines += as_json
                 ? activity_json(what, who, how)
                 : harmless(who) + (what == typing ? " is writing in " : " is ") + harmless(how);
    lines += '\n';
  };
  if (const auto* listed = std::get_if<client::PeopleListed>(&event))
    for (const auto& person : listed->people) {
      people[person.id] = person.name;
      if (person.activity != client::Activity::offline)
        add(activity, person.name, activity_name(person.activity));
    }
  if (const auto* changed = std::get_if<client::PresenceChanged>(&event))
    for (const auto& [user, now] : changed->people)
      if (const auto at = people.find(user); at != people.end())
        add(activity, at->second, activity_name(now));
  if (const auto* writing = std::get_if<client::TypingChanged>(&event))
    for (const auto& user : writing->users) add(typing, user, client.name_of(writing->room));
  return lines;
}

int listen(const Arguments& a) {
  client::EngineOptions options;
  options.read_only_outbox = true;
  options.follow = a.since ? Follow::since : Follow::from_now;
  options.since_room_seq = a.since.value_or(1);
  Client client(a, options);
  if (const auto code = require_account(client)) return *code;

  const std::set<std::string> wanted(a.rooms.begin(), a.rooms.end());
  if (a.active) client.engine().set_activity(client::Activity::active);
  std::uint64_t deadline = deadline_of(a);  // for being caught up the first time
  std::uint64_t printed = 0;
  std::map<UserId, std::string> people;  // whose coming and going can be told
  std::string lines;
  auto said = client::LinkProblem::none;
  for (;;) {
    for (const auto& event : client.wait(deadline)) {
      // Whoever waits wants to know why nothing comes, or why it comes late
      const auto* link = std::get_if<client::LinkChanged>(&event);
      if (link != nullptr && link->status.problem != said) {
        said = link->status.problem;
        if (said != client::LinkProblem::none) say(problem_sentence(link->status), exit_done);
      }
      if (std::holds_alternative<client::CaughtUp>(event)) {
        if (deadline != UINT64_MAX) {
          for (const auto& name : wanted)
            if (client.room_named(name) == nullptr)
              return say("You are in no room that is called " + name + ".", exit_refused);
          std::fputs("listening\n", stderr);
          if (a.activity) client.engine().list(client::ListPeople{}, 1);
        }
        deadline = UINT64_MAX;
      }
      if (a.activity && !print_lines(lines = activity_lines(event, client, people, a.json)))
        return exit_done;
      const auto* arrived = std::get_if<client::MessagesArrived>(&event);
      if (arrived == nullptr) continue;
      const std::string& room = client.name_of(arrived->room);
      if (!wanted.empty() && !wanted.contains(room)) continue;
      for (const auto& message : arrived->messages) {
        lines += a.json ? message_json(message, room) : message_line(message, room);
        lines += '\n';
        if (++printed == a.count) break;
      }
      if (!print_lines(lines) || (a.count != 0 && printed >= a.count)) return exit_done;
    }
    if (client.interrupted()) return exit_done;
    const bool too_late = monotonic_ms() >= deadline;
    if (!client.hopeless() && !too_late) continue;
    const int code = too_late ? exit_unreachable : exit_refused;
    const bool news =
        client.link().problem == client::LinkProblem::none || client.link().problem != said;
    return news ? say(problem_sentence(client.link()), code) : code;
  }
}

int history(const Arguments& a) {
  Talk talk(a);
  if (const auto code = talk.start()) return *code;
  Client& client = talk.client();
  const std::uint64_t deadline = deadline_of(a);
  client::Room room;
  if (const auto code = talk.find_to_read(a.room, room)) return *code;
  const RoomId id = room.id;
  // Newest page first, as the log gives them; printed oldest first.
  std::vector<std::vector<client::Message>> pages;
  std::uint32_t left = a.limit;
  std::uint64_t before = 0;
  constexpr std::uint32_t page_messages = 1'000;
  const auto content = a.raw ? client::PageContent::raw : client::PageContent::folded;
  client.engine().load_page(id, before, std::min(left, page_messages), 1, content);
  bool complete = false;
  while (!complete) {
    for (const auto& event : client.wait(deadline)) {
      const auto* page = std::get_if<client::PageLoaded>(&event);
      if (page == nullptr) continue;
      std::vector<client::Message> logged;
      for (const auto& message : page->messages)
        if (message.room_seq > 0) logged.push_back(message);
      left -= std::min<std::uint32_t>(left, static_cast<std::uint32_t>(logged.size()));
      complete = page->complete || left == 0 || logged.empty();
      if (!logged.empty()) before = logged.front().room_seq;
      pages.push_back(std::move(logged));
      if (!complete)
        client.engine().load_page(id, before, std::min(left, page_messages), before, content);
    }
    if (complete) break;
    if (client.interrupted() || monotonic_ms() >= deadline)
      return say(problem_sentence(client.link()), exit_unreachable);
    if (client.hopeless()) return say(problem_sentence(client.link()), exit_refused);
  }
  std::string lines;
  for (auto page = pages.rbegin(); page != pages.rend(); ++page) {
    for (const auto& message : *page) {
      lines += a.json ? message_json(message, a.room) : message_line(message, a.room);
      lines += '\n';
    }
    if (!print_lines(lines)) break;
  }
  return exit_done;
}

// The command line is the last word, as in every other command.
int config(const Arguments& a, const PresetsRead& presets) {
  auto loaded = presets.loaded;
  const auto say_over = [&](const char* key, auto ClientPresets::*member, auto value) {
    if (loaded.config.*member == value) return;
    loaded.config.*member = value;
    loaded.origins[key] = {"command line", 0, 0};
  };
  if (a.profile != profile_directory(loaded.config))
    say_over("profile.directory", &ClientPresets::profile_directory, a.profile.string());
  say_over("cli.timeout_s", &ClientPresets::cli_timeout_s, std::uint64_t{a.timeout_s});
  std::string text = config::effective_config(config::client_table(), loaded,
                                              "The settings of the Tertulia clients");
  text.pop_back();  // print_line adds it
  return print_line(text) ? exit_done : exit_refused;
}
}  // namespace

client::EngineOptions quiet_options() {
  client::EngineOptions options;
  options.subscribe = false;
  options.read_only_outbox = true;
  return options;
}

int say(const std::string& sentence, int code) {
  std::fprintf(stderr, "%s\n", harmless(sentence).c_str());
  return code;
}

std::optional<int> require_account(Client& client) {
  client.wait(monotonic_ms());  // what start() has told
  if (client.account()) return std::nullopt;
  return say("This profile is not enrolled; run: tertulia-cli enrol INVITE", exit_usage);
}

std::optional<int> wait_online(Client& client, std::uint64_t deadline_ms) {
  while (!client.online()) {
    if (client.interrupted() || monotonic_ms() >= deadline_ms)
      return say(problem_sentence(client.link()), exit_unreachable);
    if (client.hopeless()) return say(problem_sentence(client.link()), exit_refused);
    client.wait(deadline_ms);
  }
  return std::nullopt;
}

namespace {
int run_unlocked(const Arguments& a, const PresetsRead& presets) {
  switch (a.command) {
    case Command::enrol: return enrol(a);
    case Command::whoami: return whoami(a);
    case Command::rooms: return rooms(a);
    case Command::send: return send(a);
    case Command::listen: return listen(a);
    case Command::history: return history(a);
    case Command::config: return config(a, presets);
    case Command::edit:
    case Command::delete_:
    case Command::react: return change_message(a);
    case Command::watch: return watch(a);
    case Command::mark_read: return mark_read(a);
    case Command::sharing: return sharing(a);
    case Command::join: return join(a);
    case Command::leave: return leave(a);
    case Command::room_create:
    case Command::room_change:
    case Command::room_add:
    case Command::room_remove:
    case Command::direct: return change_rooms(a);
    case Command::who: return who(a);
    case Command::devices:
    case Command::device_revoke: return devices(a);
    case Command::server_card: return server_card(a);
    case Command::link: return link(a);
    case Command::passphrase_set:
    case Command::passphrase_change:
    case Command::passphrase_remove: return change_passphrase(a);
  }
  return exit_usage;
}

bool needs_key(Command command) {
  return command != Command::config && command != Command::passphrase_set &&
         command != Command::passphrase_change && command != Command::passphrase_remove;
}
}  // namespace

int run(const Arguments& a, const PresetsRead& presets) {
  if (!needs_key(a.command)) return run_unlocked(a, presets);
  Unlocked unlocked = unlock(a);
  if (unlocked.exit_code) return *unlocked.exit_code;
  Arguments opened = a;
  opened.unlocked = unlocked.key;
  return run_unlocked(opened, presets);
}

}  // namespace tertulia::cli
