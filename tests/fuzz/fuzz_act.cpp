#include <cstdlib>

#include "common/record/act.hpp"

using namespace tertulia;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView in{data, size};
  if (in.empty()) return 0;
  const auto act = record::decode_act(static_cast<record::Kind>(in[0]), in.subspan(1));
  if (act && record::encode(*act) != Bytes(in.begin() + 1, in.end())) std::abort();
  return 0;
}
