// What a hostile or broken peer makes of good bytes: every bit flipped, every length cut, bytes
// added, parts repeated. Deterministic, so that a failure comes again.
#pragma once

#include <random>

#include "common/base/bytes.hpp"

namespace tertulia::test {

template <class F>
void each_bit_flip(ByteView good, F&& f) {
  Bytes changed(good.begin(), good.end());
  for (std::size_t i = 0; i < changed.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      changed[i] = static_cast<std::uint8_t>(changed[i] ^ (1 << bit));
      f(ByteView(changed));
      changed[i] = static_cast<std::uint8_t>(changed[i] ^ (1 << bit));
    }
}

// Bit flips, cuts, trailing bytes and 2,000 random edits.
template <class F>
void each_mutation(ByteView good, F&& f) {
  each_bit_flip(good, f);
  for (std::size_t n = 0; n < good.size(); ++n) f(good.first(n));
  Bytes longer(good.begin(), good.end());
  longer.push_back(0);
  f(ByteView(longer));
  std::mt19937 random(1);
  const auto below = [&](std::size_t n) {
    return static_cast<std::size_t>(random() % (n == 0 ? 1 : n));
  };
  for (int round = 0; round < 2000; ++round) {
    Bytes changed(good.begin(), good.end());
    for (std::size_t edits = 1 + below(3); edits > 0; --edits) {
      const auto at = static_cast<std::ptrdiff_t>(below(changed.size() + 1));
      switch (random() % 4) {
        case 0: changed.insert(changed.begin() + at, static_cast<std::uint8_t>(random())); break;
        case 1:
          if (!changed.empty())
            changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(below(changed.size())));
          break;
        case 2:
          if (!changed.empty())
            changed[below(changed.size())] = static_cast<std::uint8_t>(random());
          break;
        default: {
          const std::size_t from = below(changed.size()), n = below(changed.size() - from + 1);
          const Bytes part(changed.begin() + static_cast<std::ptrdiff_t>(from),
                           changed.begin() + static_cast<std::ptrdiff_t>(from + n));
          changed.insert(changed.begin() + at, part.begin(), part.end());
        }
      }
    }
    f(ByteView(changed));
  }
}

}  // namespace tertulia::test
