// edit, delete, react: a message that changes another one.
#include "client/cli/commands.hpp"
#include "client/cli/message_ref.hpp"
#include "client/cli/output.hpp"
#include "common/base/clock.hpp"
#include "common/record/submission.hpp"

namespace tertulia::cli {

namespace {
std::uint8_t kind_of(Command command) {
  using record::Kind;
  const Kind kind = command == Command::edit     ? Kind::edit
                    : command == Command::delete_ ? Kind::erase
                                                 : Kind::reaction;
  return static_cast<std::uint8_t>(kind);
}
}  // namespace

int change_message(const Arguments& a) {
  client::EngineOptions options;
  options.subscribe = false;
  Client client(a, options);
  if (const auto code = require_account(client)) return *code;
  const std::uint64_t deadline = monotonic_ms() + std::uint64_t{a.timeout_s} * 1000;
  if (const auto code = wait_online(client, deadline)) return *code;
  const client::Room* room = client.room_named(a.room);
  if (room == nullptr)
    return say("You are in no room that is called " + a.room + ".", exit_refused);
  client::Message original;
  if (const auto code = find_message(client, room->id, a.message, deadline, original)) return *code;
  if (client::is_change(original.kind))
    return say("That is itself a change of another message.", exit_refused);
  client::Draft draft;
  draft.room = room->id;
  draft.kind = kind_of(a.command);
  draft.text = a.text;
  draft.target = original.id;
  const std::string room_name = room->name;
  const std::uint64_t local_id = client.engine().send(std::move(draft));
  for (;;) {
    for (const auto& event : client.wait(deadline)) {
      const auto* changed = std::get_if<client::OutboxChanged>(&event);
      if (changed == nullptr) continue;
      for (const auto& message : changed->messages) {
        if (message.local_id != local_id) continue;
        if (message.state == client::MessageState::failed) {
          client.engine().discard(local_id);  // nobody will press Retry here
          return say(message.failure, exit_refused);
        }
        if (message.state == client::MessageState::sent) {
          if (a.json) print_line(message_json(message, room_name));
          return exit_done;
        }
      }
    }
    if (client.interrupted() || monotonic_ms() >= deadline || client.hopeless()) {
      say(problem_sentence(client.link()), 0);
      return say("The change stays in the outbox and goes with the next program of this profile.",
                 client.hopeless() ? exit_refused : exit_unreachable);
    }
  }
}

}  // namespace tertulia::cli
