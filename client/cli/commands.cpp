#include "client/cli/commands.hpp"

#include <cstdio>
#include <set>

#include "client/cli/output.hpp"
#include "common/base/clock.hpp"

namespace tertulia::cli {

using client::Follow;

namespace {
std::uint64_t deadline_of(const Arguments& a) {
  return monotonic_ms() + std::uint64_t{a.timeout_s} * 1000;
}

client::EngineOptions quiet_options() {
  client::EngineOptions options;
  options.subscribe = false;
  options.read_only_outbox = true;
  return options;
}

int enrol(const Arguments& a) {
  std::string reason;
  if (!client::preview_invite(a.invite, reason)) return say(reason, exit_refused);
  Client client(a, quiet_options());
  client.engine().enrol(a.invite, a.display_name);
  bool used = false;
  // The engine ends the enrolment itself; then the first welcome brings role and rooms.
  const std::uint64_t deadline = deadline_of(a) + 5'000;
  while (monotonic_ms() < deadline) {
    for (const auto& event : client.wait(deadline)) {
      const auto* finished = std::get_if<client::EnrolFinished>(&event);
      if (finished == nullptr) continue;
      if (!finished->ok)
        return say(finished->reason, finished->unreachable ? exit_unreachable : exit_refused);
      used = true;
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
  Client client(a, quiet_options());
  if (const auto code = require_account(client)) return *code;
  if (const auto code = wait_online(client, deadline_of(a))) return *code;
  for (const auto& room : client.rooms()) print_line(a.json ? room_json(room) : room_line(room));
  return exit_done;
}

int listen(const Arguments& a) {
  client::EngineOptions options;
  options.read_only_outbox = true;
  options.follow = a.since ? Follow::since : Follow::from_now;
  options.since_room_seq = a.since.value_or(1);
  Client client(a, options);
  if (const auto code = require_account(client)) return *code;

  const std::set<std::string> wanted(a.rooms.begin(), a.rooms.end());
  std::uint64_t deadline = deadline_of(a);  // for being caught up the first time
  std::uint64_t printed = 0;
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
        }
        deadline = UINT64_MAX;
      }
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
    const bool news = client.link().problem == client::LinkProblem::none || client.link().problem != said;
    return news ? say(problem_sentence(client.link()), code) : code;
  }
}

int history(const Arguments& a) {
  Client client(a, quiet_options());
  if (const auto code = require_account(client)) return *code;
  const std::uint64_t deadline = deadline_of(a);
  if (const auto code = wait_online(client, deadline)) return *code;
  const client::Room* room = client.room_named(a.room);
  if (room == nullptr)
    return say("You are in no room that is called " + a.room + ".", exit_refused);
  const RoomId id = room->id;
  // Newest page first, as the log gives them; printed oldest first.
  std::vector<std::vector<client::Message>> pages;
  std::uint32_t left = a.limit;
  std::uint64_t before = 0;
  constexpr std::uint32_t page_messages = 1'000;
  client.engine().load_page(id, before, std::min(left, page_messages), 1);
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
      if (!complete) client.engine().load_page(id, before, std::min(left, page_messages), before);
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
}  // namespace

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

int run(const Arguments& a) {
  switch (a.command) {
    case Command::enrol: return enrol(a);
    case Command::whoami: return whoami(a);
    case Command::rooms: return rooms(a);
    case Command::send: return send(a);
    case Command::listen: return listen(a);
    case Command::history: return history(a);
  }
  return exit_usage;
}

}  // namespace tertulia::cli
