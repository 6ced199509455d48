#include <cstdlib>

#include "common/record/leaf.hpp"

using namespace tertulia;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView in{data, size};
  const auto leaf = record::decode_leaf(in);
  if (leaf && record::encode_leaf(leaf->seq, leaf->first_room_seq, leaf->logged_at_ms, leaf->submission_bytes,
                                  leaf->act, leaf->signature) != Bytes(in.begin(), in.end()))
    std::abort();
  return 0;
}
