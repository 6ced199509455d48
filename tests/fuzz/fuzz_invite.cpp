#include <cstdlib>

#include "common/wire/invite.hpp"

using namespace tertulia;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView in{data, size};
  const auto invite = wire::decode_invite(as_text(in));
  if (!invite) return 0;
  const auto again = wire::decode_invite(wire::encode_invite(*invite));
  if (!again || wire::encode_invite(*again) != wire::encode_invite(*invite)) std::abort();
  return 0;
}
