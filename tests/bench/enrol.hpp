// How long it takes until everybody of a list has joined. One thread.
#pragma once

#include "tests/bench/scenarios.hpp"

namespace tertulia::bench {

struct EnrolAll {
  double list_s = 0;   // tertuliactl invite --csv --sheet: read, invited, written
  double total_s = 0;  // that, and all of them enrolled
};
// `people` by one list and its sheet, whose invites are read from it; each device enrols over a
// connection of its own, `at_once` of them beside each other.
EnrolAll enrol_by_list(const Settings& settings, std::size_t people, std::size_t at_once);

}  // namespace tertulia::bench
