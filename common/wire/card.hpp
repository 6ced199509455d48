// A server's card: a signed note by its identity key (docs/protocol.md, "Card"). Any thread.
//   tertulia/card/v1
//   server <64 hex>
//   serial <decimal>
//   identity <64 hex>
//   curve <64 hex>
//   curve_next <64 hex>            (both or neither: the key that takes its place, at the earliest
//   not_before <ms>                 at that time)
//   log <vkey>
//   log_before <vkey>              (both or neither: the key whose place `log` has taken; checkpoints
//   until <ms>                      are signed by both until then)
//   address <tcp://host:port>      (none or more)
#pragma once

#include "common/merkle/note.hpp"

namespace tertulia::wire {

struct Card {
  ServerId server;
  std::uint64_t serial = 0;
  SignPublicKey identity;
  CurvePublicKey curve;
  struct Next {
    CurvePublicKey curve;
    std::uint64_t not_before_ms = 0;
  };
  std::optional<Next> next;
  merkle::NoteKey log;
  struct Before {
    merkle::NoteKey key;
    std::uint64_t until_ms = 0;
  };
  std::optional<Before> log_before;
  std::vector<std::string> addresses;
};

// Name of the identity key in the note: "tertulia-card/<16 hex of server_id>".
std::string card_key_name(const ServerId& server);
std::string sign_card(const Card& card, const crypto::SigningKey& identity);
// Only if the note is signed by `identity` and states that same identity and the server id `server`.
std::optional<Card> open_card(std::string_view note, const SignPublicKey& identity,
                              const ServerId& server);

}  // namespace tertulia::wire
