// How long a broker with a long record takes from exec to READY=1. One thread.
#pragma once

#include "tests/bench/scenarios.hpp"

namespace tertulia::bench {

// Medians of several starts.
struct Start {
  double clean_ms = 0;   // the database is in the page cache, as after `systemctl restart`
  double cold_ms = 0;    // it is not, as after a boot
  double killed_ms = 0;  // after a kill -9 under load: with a WAL
};
// The record is filled in this process, with broker::Log, in batches of 4,096 entries of one message
// of 200 B, signed as always.
Start start_with_entries(const Settings& settings, std::uint64_t entries);

}  // namespace tertulia::bench
