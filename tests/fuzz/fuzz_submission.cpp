#include <cstdlib>

#include "common/record/submission.hpp"

using namespace tertulia;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView in{data, size};
  const auto s = record::decode_submission(in);
  if (s && record::encode(*s) != Bytes(in.begin(), in.end())) std::abort();
  return 0;
}
