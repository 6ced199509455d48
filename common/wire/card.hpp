// A server's card: a signed note by its identity key (docs/protocol.md, "Card"). Any thread.
//   tertulia/card/v1
//   server <64 hex>
//   serial <decimal>
//   identity <64 hex>
//   curve <64 hex>
//   log <vkey>
//   address <tcp://host:port>      (none or more)
#pragma once

#include "common/merkle/note.hpp"

namespace tertulia::wire {

struct Card {
  ServerId server;
  std::uint64_t serial = 0;
  SignPublicKey identity;
  CurvePublicKey curve;
  merkle::NoteKey log;
  std::vector<std::string> addresses;
};

// Name of the identity key in the note: "tertulia-card/<16 hex of server_id>".
std::string card_key_name(const ServerId& server);
std::string sign_card(const Card& card, const crypto::SigningKey& identity);
// Only if the note is signed by `identity` and states that same identity and the server id `server`.
std::optional<Card> open_card(std::string_view note, const SignPublicKey& identity,
                              const ServerId& server);

}  // namespace tertulia::wire
