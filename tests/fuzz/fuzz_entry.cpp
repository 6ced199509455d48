#include <cstdlib>

#include "common/record/leaf.hpp"

using namespace tertulia;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView in{data, size};
  Reader r(in);
  const auto entry = record::read_entry(r);
  if (!entry) return 0;
  Bytes again;
  record::append_entry(again, entry->leaf_bytes, entry->bodies);
  if (again != Bytes(in.begin(), in.end() - static_cast<std::ptrdiff_t>(r.left()))) std::abort();
  return 0;
}
