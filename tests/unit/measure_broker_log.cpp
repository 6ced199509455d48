// What t-log alone does a second, on this disk; submissions are signed before the clock starts.
//   measure_broker_log [messages]      prints one line a shape; not a test
#define BOOST_TEST_MODULE measure_broker_log
#include <fmt/format.h>
#include <sys/resource.h>

#include "broker/log/verify_log.hpp"
#include "tests/unit/log_fixture.hpp"

using namespace tertulia;
using namespace tertulia::test;

namespace {

double cpu_seconds() {
  struct rusage u {};
  ::getrusage(RUSAGE_THREAD, &u);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(u.ru_utime) + seconds(u.ru_stime);
}

void measure(LogFixture& f, const char* name, std::size_t total, std::size_t per_submission,
             std::size_t per_batch) {
  Member ana = f.enrol(fmt::format("user-{}-{}", per_submission, per_batch));
  const std::vector<std::string> texts(per_submission, std::string(100, 'x'));
  std::vector<std::vector<Append>> batches;
  for (std::size_t made = 0; made < total; made += per_submission * per_batch) {
    auto& batch = batches.emplace_back();
    for (std::size_t i = 0; i < per_batch; ++i)
      batch.emplace_back(f.submission(ana, f.general(), texts));
  }
  const auto bytes_before = std::filesystem::file_size(f.options.database);
  const std::uint64_t start = monotonic_us();
  const double cpu = cpu_seconds();
  std::size_t acked = 0;
  for (auto& batch : batches) {
    acked += f.log->append(std::move(batch)).committed.entries.size();
    if (f.log->wal_bytes() > (4 << 20)) f.log->idle();
  }
  const double seconds = 1e-6 * static_cast<double>(monotonic_us() - start);
  const double cpu_used = cpu_seconds() - cpu;
  f.log->idle();
  const auto bytes = std::filesystem::file_size(f.options.database) - bytes_before;
  const auto messages = static_cast<double>(acked * per_submission);
  fmt::print(
      "{:<34} {:>9.0f} messages/s  {:>6.2f} us CPU each  {:>5.0f} bytes each  {:.0f} us a batch\n",
      name, messages / seconds, 1e6 * cpu_used / messages, static_cast<double>(bytes) / messages,
      1e6 * seconds / static_cast<double>(batches.size()));
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(measure_all, LogFixture) {
  const auto& suite = boost::unit_test::framework::master_test_suite();
  const std::size_t total = suite.argc > 1 ? std::stoul(suite.argv[1]) : 200'000;
  fmt::print("{} messages of 100 bytes on {}\n", total, file_system_name(scratch.path()));
  measure(*this, "64 in a submission, 16 in a batch", total, 64, 16);
  measure(*this, "64 in a submission, 1 in a batch", total, 64, 1);
  measure(*this, "1 in a submission, 64 in a batch", total / 4, 1, 64);
  measure(*this, "1 in a submission, 1 in a batch", 2000, 1, 1);
  LogReader reader(options.database, data->keys().kek);
  const std::uint64_t start = monotonic_us();
  const VerifiedLog verified = verify_log(reader, log->note_key(), server());
  const double seconds = 1e-6 * static_cast<double>(monotonic_us() - start);
  BOOST_TEST(!verified.fault);
  fmt::print("verify: {} entries, {} messages in {:.1f} s, {:.0f} us an entry\n", verified.entries,
             verified.messages, seconds, 1e6 * seconds / static_cast<double>(verified.entries));
  log->close();
  const std::uint64_t again = monotonic_us();
  open();
  fmt::print("start with {} entries: {} ms\n", log->size(), (monotonic_us() - again) / 1000);
}
