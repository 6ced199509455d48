// The clients' table of configuration keys. A new key: a member with its default in
// client_presets.hpp and a row in client_keys.cpp. Any thread.
#pragma once

#include "common/config/client_presets.hpp"
#include "common/config/table.hpp"

namespace tertulia::config {

const Table<ClientPresets>& client_table();

}  // namespace tertulia::config
