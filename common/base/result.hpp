// Result<T, E>: what a function returns whose failure a peer can cause (a bad frame, a wrong key).
// Failures of the environment (disk, memory, sockets) are exceptions; bugs are asserts, on in release.
#pragma once

#include <tl/expected.hpp>

namespace tertulia {

template <class T, class E>
using Result = tl::expected<T, E>;

template <class E>
[[nodiscard]] inline tl::unexpected<E> fail(E error) {
  return tl::unexpected<E>(error);
}

}  // namespace tertulia
