// The passphrase on a profile: asked for before anything is done with a locked one, set, changed and
// removed. Main thread only.
#pragma once

#include <optional>

#include "client/cli/arguments.hpp"

namespace tertulia::cli {

// The key of a locked profile, once its passphrase is known; none: it has no passphrase. Set exit code:
// everything has been said.
struct Unlocked {
  std::optional<crypto::Seed> key;
  std::optional<int> exit_code;
};
Unlocked unlock(const Arguments& arguments);

int change_passphrase(const Arguments& arguments);  // passphrase set, change, remove

}  // namespace tertulia::cli
