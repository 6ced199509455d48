#include <cstdlib>

#include "common/wire/frame.hpp"

using namespace tertulia;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView in{data, size};
  const auto f = wire::decode_command(in);
  if (f && wire::encode_command(f->type, f->request, f->content) != Bytes(in.begin(), in.end())) std::abort();
  return 0;
}
