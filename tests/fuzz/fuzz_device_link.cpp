#include <cstdlib>

#include "common/wire/device_link.hpp"

using namespace tertulia;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView in{data, size};
  const auto link = wire::decode_device_link(as_text(in));
  if (!link) return 0;
  const auto again = wire::decode_device_link(wire::encode_device_link(*link));
  if (!again || wire::encode_device_link(*again) != wire::encode_device_link(*link)) std::abort();
  return 0;
}
