// Health: looks at the broker every few seconds and warns of what will hurt: a disk that fills, a
// clock that jumps, commits that take long, handshakes that are refused in numbers, work that piles
// up, descriptors that run out, a WAL that is not carried over.
//
// A condition is told once when it begins, and once when it has been good for a minute; one that
// comes and goes is told at most once an hour. look() on one thread; the rest on any.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "broker/metrics/metrics.hpp"
#include "broker/metrics/prometheus.hpp"
#include "broker/metrics/vitals.hpp"

namespace tertulia::broker {

enum class Condition : std::size_t {
  disk,
  clock,
  commits,
  handshakes,
  backlog,
  files,
  wal,
  count_
};
inline constexpr std::size_t conditions = static_cast<std::size_t>(Condition::count_);
const char* condition_name(Condition condition);

// [health] of the configuration.
struct HealthLimits {
  std::uint64_t disk_free_mib_min = 1024;
  std::uint64_t disk_hours_min = 48;  // until it is full, as it fills now
  std::uint64_t commit_ms_max = 250;  // mean of the commits between two looks
  std::uint64_t refused_per_minute_max = 60;
  std::uint64_t clock_jump_s = 30;
};

// What is looked at; the counters only rise.
struct Observation {
  std::uint64_t elapsed_ms = 0;  // of a clock that never steps and does not stop in a suspend
  std::uint64_t wall_ms = 0;
  Vitals vitals;
  std::uint64_t commits = 0, commits_us = 0;
  std::uint64_t handshakes_refused = 0;
};
Observation observe(const Metrics& metrics, Vitals vitals);

class Health {
 public:
  explicit Health(const HealthLimits& limits) : limits_(limits) {}

  void set_limits(const HealthLimits& limits);  // any thread

  // Compares with the last look, and writes to the log what begins and what is over.
  void look(const Observation& now);

  struct Warning {
    Condition condition;
    std::string sentence;
    std::uint64_t since_ms = 0;  // wall clock
  };
  std::vector<Warning> warnings() const;
  std::vector<HealthGauge> gauges() const;

 private:
  struct State {
    std::optional<Warning> warning;
    std::uint64_t good_since_ms = 0;  // of elapsed_ms
    std::uint64_t told_ms = 0;        // of elapsed_ms; 0: never
    bool told = false;                // this warning was told, so its end is too
  };
  using Verdict = std::optional<std::string>;  // why it is bad

  Verdict disk(const Observation& now);
  Verdict clock(const Observation& now) const;
  Verdict commits(const Observation& now) const;
  Verdict handshakes(const Observation& now);
  Verdict backlog(const Observation& now);
  Verdict files(const Observation& now) const;
  Verdict wal(const Observation& now) const;
  void judge(Condition condition, const Verdict& bad, const Observation& now);

  mutable std::mutex mutex_;
  HealthLimits limits_;                   // protected by mutex_
  std::array<State, conditions> states_;  // protected by mutex_
  // ---- the thread that looks ----
  std::optional<Observation> last_;
  std::optional<Observation> minute_;  // of about a minute ago
  std::optional<Observation> hour_;    // of up to an hour ago: how the disk fills
  std::uint64_t backlog_looks_ = 0;
};

}  // namespace tertulia::broker
