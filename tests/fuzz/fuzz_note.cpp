#include <cstdlib>

#include "common/merkle/checkpoint.hpp"

using namespace tertulia;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView in{data, size};
  const merkle::NoteKey key{"fuzz", SignPublicKey{}};
  if (merkle::open_note(as_text(in), key)) std::abort();  // nobody knows that key
  const auto vkey = merkle::parse_vkey(as_text(in));
  if (vkey && merkle::to_vkey(*vkey) != as_text(in)) std::abort();
  return 0;
}
