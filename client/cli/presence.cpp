// Commands about oneself that stand in no log: how far one has read, that one is writing, what one
// shares of it.
#include "client/cli/output.hpp"
#include "client/cli/talk.hpp"

namespace tertulia::cli {

int mark_read(const Arguments& a) {
  Talk talk(a);
  if (const auto code = talk.start()) return *code;
  const client::Room* room = talk.client().room_named(a.room);
  if (room == nullptr)
    return say("You are in no room that is called " + a.room + ".", exit_refused);
  const std::uint64_t up_to = std::min(a.up_to.value_or(room->head), room->head);
  if (up_to <= room->read_up_to) return exit_done;  // it never goes back
  talk.client().engine().mark_read(room->id, up_to);
  return talk
      .wait_for([](const client::Event& event) -> std::optional<int> {
        if (std::holds_alternative<client::ReadMarksTold>(event)) return exit_done;
        return std::nullopt;
      })
      .value_or(exit_done);
}

int sharing(const Arguments& a) {
  Client client(a, quiet_options());
  if (const auto code = require_account(client)) return *code;
  client.engine().share(yes_or_no(a.share_presence), yes_or_no(a.share_typing));
  return exit_done;
}

}  // namespace tertulia::cli
