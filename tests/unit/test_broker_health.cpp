// What is warned of, once, and when it is over: a look every ten seconds of a made-up time.
#include <boost/test/unit_test.hpp>

#include "broker/events/events.hpp"
#include "broker/health/health.hpp"

namespace tertulia::broker {

namespace {

std::vector<std::string> told;  // names of events, in order

bool keep(log::Level, const log::Event* event, std::span<const log::Field>, std::string_view) {
  told.push_back(event == nullptr ? "" : std::string(event->name));
  return true;
}

struct Looks {
  Looks() : health(HealthLimits{}) {
    told.clear();
    log::set_sink(keep);
    o.elapsed_ms = 1'000'000;
    o.wall_ms = 1'700'000'000'000;
    o.vitals.disk_bytes = 100ull << 30;
    o.vitals.disk_free_bytes = 50ull << 30;
    o.vitals.open_files = 40;
    o.vitals.open_files_max = 1024;
  }
  ~Looks() { log::set_sink(nullptr); }
  void look(int times = 1) {
    for (int i = 0; i < times; ++i) {
      o.elapsed_ms += 10'000;
      o.wall_ms += 10'000;
      health.look(o);
    }
  }
  bool warns(Condition c) const {
    for (const auto& w : health.warnings())
      if (w.condition == c) return true;
    return false;
  }
  using Names = std::vector<std::string>;
  Observation o;
  Health health;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_health, Looks)

BOOST_AUTO_TEST_CASE(a_broker_that_is_well_is_silent) {
  look(1000);
  BOOST_TEST(told.empty());
  BOOST_TEST(health.warnings().empty());
  BOOST_TEST(health.gauges().size() == conditions);
}

BOOST_AUTO_TEST_CASE(a_disk_with_little_space_is_told_once_and_so_is_its_end) {
  look();
  o.vitals.disk_free_bytes = 500ull << 20;
  look(100);
  BOOST_TEST(told == Names{"disk_nearly_full"}, boost::test_tools::per_element());
  BOOST_TEST(warns(Condition::disk));
  o.vitals.disk_free_bytes = 50ull << 30;
  look(5);
  BOOST_TEST(warns(Condition::disk));  // good for less than a minute
  look(5);
  BOOST_TEST(told == (Names{"disk_nearly_full", "health_good"}), boost::test_tools::per_element());
  BOOST_TEST(!warns(Condition::disk));
}

BOOST_AUTO_TEST_CASE(what_comes_and_goes_is_told_at_most_once_an_hour) {
  for (int i = 0; i < 100; ++i) {  // 100 times 200 s
    o.vitals.disk_free_bytes = 500ull << 20;
    look(10);
    o.vitals.disk_free_bytes = 5ull << 30;
    look(10);
  }
  const auto begun = std::count(told.begin(), told.end(), "disk_nearly_full");
  BOOST_TEST(begun >= 5);
  BOOST_TEST(begun <= 6);  // 20,000 s
  BOOST_TEST(std::count(told.begin(), told.end(), "health_good") <= begun);
}

BOOST_AUTO_TEST_CASE(a_disk_that_fills_fast_is_told_while_there_is_space) {
  for (int i = 0; i < 90; ++i) {  // 15 minutes, 100 MiB a look: 50 GiB last 80 minutes
    o.vitals.disk_free_bytes -= 100ull << 20;
    look();
  }
  BOOST_TEST(told == Names{"disk_nearly_full"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_clock_that_jumps_either_way_is_told) {
  look(2);
  o.wall_ms += 3'600'000;
  look(10);
  BOOST_TEST(told == (Names{"clock_jumped", "health_good"}), boost::test_tools::per_element());
  o.elapsed_ms += 3'600'000;  // an hour without a look: the wall clock would have gone on
  look();
  BOOST_TEST(told.back() == "clock_jumped");
}

BOOST_AUTO_TEST_CASE(a_suspended_machine_is_no_jump) {
  look(2);
  o.wall_ms += 3'600'000;
  o.elapsed_ms += 3'600'000;
  look(2);
  BOOST_TEST(told.empty());
}

BOOST_AUTO_TEST_CASE(slow_commits_are_told_by_their_mean) {
  look(2);
  o.commits += 10;
  o.commits_us += 10 * 100'000;
  look();
  BOOST_TEST(told.empty());
  o.commits += 10;
  o.commits_us += 10 * 400'000;
  look();
  BOOST_TEST(told == Names{"commits_slow"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(handshakes_refused_in_numbers_are_told_and_a_few_are_not) {
  look(2);
  for (int i = 0; i < 60; ++i) {
    o.handshakes_refused += 5;  // 30 a minute
    look();
  }
  BOOST_TEST(told.empty());
  for (int i = 0; i < 60; ++i) {
    o.handshakes_refused += 500;
    look();
  }
  BOOST_TEST(told == Names{"handshakes_refused"}, boost::test_tools::per_element());
  look(60);
  BOOST_TEST(told.back() == "health_good");
}

BOOST_AUTO_TEST_CASE(a_backlog_that_grows_is_told_and_one_that_is_worked_off_is_not) {
  look(2);
  for (const std::uint64_t n : {5000, 3000, 6000, 1500, 0}) {
    o.vitals.queue_log = n;
    look();
  }
  BOOST_TEST(told.empty());
  for (const std::uint64_t n : {2000, 4000, 8000, 16000}) {
    o.vitals.queue_log = n;
    look();
  }
  BOOST_TEST(told == Names{"backlog_grows"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(descriptors_and_the_wal_are_told) {
  o.vitals.open_files = 1000;
  look();
  o.vitals.wal_bytes = 100ull << 20;
  look();
  BOOST_TEST(told == (Names{"files_nearly_used", "wal_grows"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(limits_that_a_reload_brings_hold_at_the_next_look) {
  look(2);
  HealthLimits l;
  l.disk_free_mib_min = 60 * 1024;
  health.set_limits(l);
  look();
  BOOST_TEST(told == Names{"disk_nearly_full"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::broker
