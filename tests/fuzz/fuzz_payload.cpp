#include <cstdlib>

#include "common/wire/frame.hpp"

using namespace tertulia;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView in{data, size};
  const auto p = wire::decode_payload(in);
  if (p && (p->parts.empty() || p->parts.size() > record::messages_max)) std::abort();
  return 0;
}
