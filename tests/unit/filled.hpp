// An id or a key whose bytes are all the same: told apart at a glance in a failure.
#pragma once

#include "common/base/bytes.hpp"

namespace tertulia::test {

template <class Id>
Id filled(std::uint8_t with) {
  Id id;
  id.bytes.fill(with);
  return id;
}

}  // namespace tertulia::test
