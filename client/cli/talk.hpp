// Talk: a connected client that asks and acts, one thing after the other, for commands that are over
// when they have their answer. Main thread only.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/commands.hpp"
#include "client/cli/output.hpp"
#include "common/base/clock.hpp"

namespace tertulia::cli {

class Talk {
 public:
  explicit Talk(const Arguments& a)
      : client_(a, quiet_options()),
        deadline_(monotonic_ms() + std::uint64_t{a.timeout_s} * 1000) {}

  // Set: it makes no sense to go on, and everything has been said.
  std::optional<int> start() {
    if (const auto code = require_account(client_)) return code;
    return wait_online(client_, deadline_);
  }

  // Writes the answer of this kind to `out`; else the exit code, and everything has been said.
  template <class Answer>
  std::optional<int> ask(client::List what, Answer& out) {
    client_.engine().list(std::move(what), ++token_);
    return wait_for([&](const client::Event& event) -> std::optional<int> {
      if (const auto* answer = std::get_if<Answer>(&event); answer && answer->token == token_) {
        out = *answer;
        return exit_done;
      }
      if (const auto* no = std::get_if<client::ListRefused>(&event); no && no->token == token_)
        return say(no->reason, exit_refused);
      return std::nullopt;
    });
  }

  // nullopt: it is in the log.
  std::optional<int> act(client::Act act, RoomId* room = nullptr) {
    client_.engine().act(std::move(act), ++token_);
    return wait_for([&](const client::Event& event) -> std::optional<int> {
      const auto* done = std::get_if<client::ActFinished>(&event);
      if (done == nullptr || done->token != token_) return std::nullopt;
      if (!done->ok) return say(done->reason, exit_refused);
      if (room != nullptr) *room = done->room;
      return exit_done;
    });
  }

  // One's own room, or one that is only seen.
  std::optional<int> find(const std::string& name, client::Room& out) {
    if (const client::Room* room = client_.room_named(name)) {
      out = *room;
      return std::nullopt;
    }
    client::RoomsListed listed;
    if (const auto code = ask(client::ListRooms{}, listed)) return code;
    for (const auto& room : listed.rooms)
      if (room.name == name && !room.archived) {
        out = room;
        return std::nullopt;
      }
    return say("There is no room that is called " + name + ".", exit_refused);
  }

  // One's own room; an auditor's also any other, one that is not archived first, or by its id.
  std::optional<int> find_to_read(const std::string& name, client::Room& out) {
    if (const client::Room* room = client_.room_named(name)) {
      out = *room;
      return std::nullopt;
    }
    client::RoomsListed listed;
    if (client_.account()->role == record::role_name(record::Role::auditor))
      if (const auto code = ask(client::ListRooms{}, listed)) return code;
    const client::Room* found = nullptr;
    for (const auto& room : listed.rooms)
      if ((room.name == name || to_hex(room.id.view()) == name) && (!found || found->archived))
        found = &room;
    if (found == nullptr)
      return say("You are in no room that is called " + name + ".", exit_refused);
    out = *found;
    return std::nullopt;
  }

  // Waits for what `done` answers with an exit code; nullopt: that was exit_done.
  template <class Done>
  std::optional<int> wait_for(const Done& done) {
    for (;;) {
      for (const auto& event : client_.wait(deadline_))
        if (const std::optional<int> code = done(event))
          return *code == exit_done ? std::nullopt : code;
      if (client_.interrupted() || monotonic_ms() >= deadline_)
        return say(problem_sentence(client_.link()), exit_unreachable);
      if (client_.hopeless()) return say(problem_sentence(client_.link()), exit_refused);
    }
  }

  Client& client() { return client_; }

 private:
  Client client_;
  const std::uint64_t deadline_;
  std::uint64_t token_ = 0;
};

inline std::optional<bool> yes_or_no(const std::string& said) {
  if (said.empty()) return std::nullopt;
  return said == "yes";
}

inline int print_all(const std::vector<std::string>& lines) {
  for (const auto& line : lines)
    if (!print_line(line)) return exit_refused;
  return exit_done;
}

}  // namespace tertulia::cli
