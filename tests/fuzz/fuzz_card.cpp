#include <cstdlib>

#include "common/wire/card.hpp"

using namespace tertulia;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView in{data, size};
  static const crypto::SigningKey identity{crypto::Seed{}};
  static const ServerId server = crypto::server_id(identity.public_key());
  const std::string note = merkle::sign_note(as_text(in), wire::card_key_name(server), identity);
  const auto card = wire::open_card(note, identity.public_key(), server);
  if (card && wire::sign_card(*card, identity) != note) std::abort();
  return 0;
}
