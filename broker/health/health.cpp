#include "broker/health/health.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "broker/events/events.hpp"
#include "common/base/clock.hpp"

namespace tertulia::broker {

namespace {
constexpr std::uint64_t kMinuteMs = 60'000;
constexpr std::uint64_t kHourMs = 60 * kMinuteMs;
constexpr std::uint64_t kGoodForMs = kMinuteMs;
constexpr std::uint64_t kTellAgainMs = kHourMs;
// How long the disk's filling is watched before it is extrapolated.
constexpr std::uint64_t kFillWatchMs = 10 * kMinuteMs;
constexpr std::uint64_t kBacklogLooks = 3;  // so many in a row, each longer than the last
constexpr std::uint64_t kBacklogMin = 1000;
constexpr std::uint64_t kFilesPercent = 90;
// The log carries its WAL over above 4 MiB: 16 times as much means that it cannot.
constexpr std::uint64_t kWalBytesMax = 64ull << 20;

struct ConditionText {
  Condition condition;
  const char* name;
  const log::Event* event;
};
constexpr ConditionText kConditions[] = {
    {Condition::disk, "disk", &events::disk_nearly_full},
    {Condition::clock, "clock", &events::clock_jumped},
    {Condition::commits, "commits", &events::commits_slow},
    {Condition::handshakes, "handshakes", &events::handshakes_refused},
    {Condition::backlog, "backlog", &events::backlog_grows},
    {Condition::files, "files", &events::files_nearly_used},
    {Condition::wal, "wal", &events::wal_grows},
};
static_assert(std::size(kConditions) == conditions);

const ConditionText& text_of(Condition c) { return kConditions[static_cast<std::size_t>(c)]; }

std::uint64_t boottime_ms() {
  timespec t{};
  ::clock_gettime(CLOCK_BOOTTIME, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1000 +
         static_cast<std::uint64_t>(t.tv_nsec) / 1'000'000;
}

std::uint64_t waiting(const Vitals& v) {
  return v.queue_gateway + v.queue_workers + v.queue_log + v.queue_readers + v.queue_publisher;
}
}  // namespace

const char* condition_name(Condition condition) { return text_of(condition).name; }

Observation observe(const Metrics& metrics, Vitals vitals) {
  Observation o;
  o.elapsed_ms = boottime_ms();
  o.wall_ms = wall_ms();
  o.vitals = vitals;
  o.commits = metrics.get(Count::commits);
  o.commits_us = metrics.commit_time.sum_us();
  o.handshakes_refused = metrics.get(Count::handshakes_refused_key) +
                         metrics.get(Count::handshakes_refused_malformed) +
                         metrics.get(Count::handshakes_refused_full);
  return o;
}

void Health::set_limits(const HealthLimits& limits) {
  std::lock_guard lock(mutex_);
  limits_ = limits;
}

void Health::look(const Observation& now) {
  std::lock_guard lock(mutex_);
  if (!minute_) minute_ = now;
  if (!hour_) hour_ = now;
  judge(Condition::disk, disk(now), now);
  judge(Condition::files, files(now), now);
  judge(Condition::wal, wal(now), now);
  if (last_) {
    judge(Condition::clock, clock(now), now);
    judge(Condition::commits, commits(now), now);
    judge(Condition::handshakes, handshakes(now), now);
    judge(Condition::backlog, backlog(now), now);
  }
  last_ = now;
}

Health::Verdict Health::disk(const Observation& now) {
  const std::uint64_t free = now.vitals.disk_free_bytes, min = limits_.disk_free_mib_min << 20;
  const std::uint64_t elapsed = now.elapsed_ms - hour_->elapsed_ms;
  const std::uint64_t before = hour_->vitals.disk_free_bytes;
  Verdict bad;
  if (now.vitals.disk_bytes > 0 && free < min) {
    bad = fmt::format("the disk of the record has {} MiB left; make space on it, or give it more",
                      free >> 20);
  } else if (elapsed >= kFillWatchMs && free < before) {
    const double hours = static_cast<double>(free) / static_cast<double>(before - free) *
                         static_cast<double>(elapsed) / static_cast<double>(kHourMs);
    if (hours < static_cast<double>(limits_.disk_hours_min))
      bad = fmt::format(
          "the disk of the record will be full in about {:.0f} h, as it fills now; make space on "
          "it, or give it more",
          hours);
  }
  if (elapsed >= kHourMs) hour_ = now;
  return bad;
}

Health::Verdict Health::clock(const Observation& now) const {
  const auto wall =
      static_cast<std::int64_t>(now.wall_ms) - static_cast<std::int64_t>(last_->wall_ms);
  const auto elapsed = static_cast<std::int64_t>(now.elapsed_ms - last_->elapsed_ms);
  const std::int64_t jump_s = (wall - elapsed) / 1000;
  if (static_cast<std::uint64_t>(jump_s < 0 ? -jump_s : jump_s) < limits_.clock_jump_s) return {};
  return fmt::format(
      "the clock jumped {} by {} s; messages carry its time: see that it is set by NTP "
      "(timedatectl)",
      jump_s < 0 ? "back" : "forward", jump_s < 0 ? -jump_s : jump_s);
}

Health::Verdict Health::commits(const Observation& now) const {
  const std::uint64_t n = now.commits - last_->commits;
  if (n == 0) return {};
  const std::uint64_t mean_ms = (now.commits_us - last_->commits_us) / n / 1000;
  if (mean_ms <= limits_.commit_ms_max) return {};
  return fmt::format(
      "a commit takes {} ms on average, and every sender waits for it; see what else writes to "
      "this "
      "disk, and whether it is sound (dmesg)",
      mean_ms);
}

Health::Verdict Health::handshakes(const Observation& now) {
  const std::uint64_t elapsed = now.elapsed_ms - minute_->elapsed_ms;
  if (elapsed < kMinuteMs) {
    // Judged once a minute; in between it is as it was
    const State& s = states_[static_cast<std::size_t>(Condition::handshakes)];
    return s.warning && s.good_since_ms == 0 ? Verdict(s.warning->sentence) : std::nullopt;
  }
  const std::uint64_t refused =
      (now.handshakes_refused - minute_->handshakes_refused) * kMinuteMs / elapsed;
  minute_ = now;
  if (refused <= limits_.refused_per_minute_max) return {};
  return fmt::format(
      "{} handshakes a minute are refused: somebody knocks without a key, or a client has one that "
      "is no longer good; keep strangers off the two ports (firewall)",
      refused);
}

Health::Verdict Health::backlog(const Observation& now) {
  const std::uint64_t length = waiting(now.vitals);
  const bool grows = length >= kBacklogMin && length > waiting(last_->vitals);
  backlog_looks_ = grows ? backlog_looks_ + 1 : length >= kBacklogMin ? backlog_looks_ : 0;
  if (backlog_looks_ < kBacklogLooks) return {};
  return fmt::format(
      "{} frames wait, and it becomes more: clients send faster than this machine writes; see "
      "commit latency and CPU (tertuliactl status --watch)",
      length);
}

Health::Verdict Health::files(const Observation& now) const {
  const Vitals& v = now.vitals;
  if (v.open_files_max == 0 || v.open_files * 100 < v.open_files_max * kFilesPercent) return {};
  return fmt::format(
      "{} of {} file descriptors are open; raise LimitNOFILE (systemctl edit tertuliad), or lower "
      "[limits] max_connections",
      v.open_files, v.open_files_max);
}

Health::Verdict Health::wal(const Observation& now) const {
  if (now.vitals.wal_bytes < kWalBytesMax) return {};
  return fmt::format(
      "{} MiB are committed and not yet carried into the database: something holds an old state of "
      "it open (a backup program, sqlite3?); end it",
      now.vitals.wal_bytes >> 20);
}

void Health::judge(Condition condition, const Verdict& bad, const Observation& now) {
  State& s = states_[static_cast<std::size_t>(condition)];
  if (bad) {
    s.good_since_ms = 0;
    if (s.warning) {
      s.warning->sentence = *bad;
      return;
    }
    s.warning = Warning{condition, *bad, now.wall_ms};
    s.told = s.told_ms == 0 || now.elapsed_ms - s.told_ms >= kTellAgainMs;
    if (!s.told) return;
    s.told_ms = now.elapsed_ms;
    log::event(*text_of(condition).event, {{"reason", *bad}}, *bad);
  } else if (s.warning) {
    if (s.good_since_ms == 0) s.good_since_ms = now.elapsed_ms;
    if (now.elapsed_ms - s.good_since_ms < kGoodForMs) return;
    if (s.told)
      log::event(events::health_good, {{"reason", condition_name(condition)}},
                 fmt::format("over: {}", s.warning->sentence));
    s = State{std::nullopt, 0, s.told_ms, false};
  }
}

std::vector<Health::Warning> Health::warnings() const {
  std::lock_guard lock(mutex_);
  std::vector<Warning> out;
  for (const State& s : states_)
    if (s.warning) out.push_back(*s.warning);
  return out;
}

std::vector<HealthGauge> Health::gauges() const {
  std::lock_guard lock(mutex_);
  std::vector<HealthGauge> out;
  for (const ConditionText& c : kConditions)
    out.push_back({c.name, states_[static_cast<std::size_t>(c.condition)].warning.has_value()});
  return out;
}

}  // namespace tertulia::broker
