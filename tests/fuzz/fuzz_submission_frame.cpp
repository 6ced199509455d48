#include <cstdlib>

#include "common/wire/frame.hpp"

using namespace tertulia;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView in{data, size};
  const auto f = wire::decode_submission_frame(in);
  if (f && f->header.size() + f->box.size() != size) std::abort();
  return 0;
}
