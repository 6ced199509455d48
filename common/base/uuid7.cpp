#include "common/base/uuid7.hpp"

#include <sodium.h>

namespace tertulia {

namespace {
constexpr std::uint64_t kStepMax = 1u << 16;

// The 62 random bits after the variant, as a number; and back.
std::uint64_t tail_of(const SubmissionId& id) {
  std::uint64_t v = 0;
  for (std::size_t i = 8; i < 16; ++i) v = (v << 8) | id.bytes[i];
  return v & 0x3FFFFFFFFFFFFFFFULL;
}
std::uint64_t ms_of(const SubmissionId& id) {
  std::uint64_t v = 0;
  for (std::size_t i = 0; i < 6; ++i) v = (v << 8) | id.bytes[i];
  return v;
}
std::uint64_t rand_a_of(const SubmissionId& id) {
  return static_cast<std::uint64_t>((id.bytes[6] & 0x0F) << 8) | id.bytes[7];
}
SubmissionId compose(std::uint64_t ms, std::uint64_t rand_a, std::uint64_t tail) {
  SubmissionId id;
  for (std::size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(ms >> (8 * (5 - i)));
  id.bytes[6] = static_cast<std::uint8_t>(0x70 | (rand_a >> 8));
  id.bytes[7] = static_cast<std::uint8_t>(rand_a);
  for (std::size_t i = 8; i < 16; ++i)
    id.bytes[i] = static_cast<std::uint8_t>(tail >> (8 * (15 - i)));
  id.bytes[8] = static_cast<std::uint8_t>(0x80 | (id.bytes[8] & 0x3F));
  return id;
}
}  // namespace

SubmissionId next_uuid7(const SubmissionId& last, std::uint64_t unix_ms) {
  const std::uint64_t last_ms = last.is_zero() ? 0 : ms_of(last);
  if (unix_ms > last_ms) {
    std::uint64_t random[2];
    randombytes_buf(random, sizeof random);
    // The top bit of the tail stays free, so that steps within a millisecond do not overflow it.
    return compose(unix_ms, random[0] & 0xFFF, random[1] & 0x1FFFFFFFFFFFFFFFULL);
  }
  std::uint64_t tail = tail_of(last) + 1 + randombytes_uniform(kStepMax);
  std::uint64_t ms = last_ms, rand_a = rand_a_of(last);
  if (tail > 0x3FFFFFFFFFFFFFFFULL) {
    tail &= 0x1FFFFFFFFFFFFFFFULL;
    if (++rand_a > 0xFFF) rand_a = 0, ++ms;
  }
  return compose(ms, rand_a, tail);
}

RequestId random_request_id() {
  RequestId id;
  randombytes_buf(id.data(), id.size());
  return id;
}

}  // namespace tertulia
