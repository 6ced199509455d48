// The broker's table of configuration keys. A new key: a member with its default in config.hpp and a
// row in keys.cpp. Any thread.
#pragma once

#include <span>
#include <vector>

#include "common/config/config.hpp"
#include "common/config/table.hpp"

namespace tertulia::config {

using Key = KeyOf<BrokerConfig>;

const Table<BrokerConfig>& table();
std::span<const Key> keys();

// The keys whose values differ, in the table's order: what a reload changes, or (Applies::at_restart)
// cannot change.
std::vector<const Key*> differing(const BrokerConfig& a, const BrokerConfig& b);

}  // namespace tertulia::config
