#include <condition_variable>

#include "broker/log/log_thread.hpp"
#include "broker/log/verify_log.hpp"
#include "tests/unit/faulty_vfs.hpp"
#include "tests/unit/log_fixture.hpp"

using namespace tertulia;
using namespace tertulia::test;

namespace {

struct ThreadFixture : LogFixture {
  ThreadFixture() {
    options.vfs = faulty_vfs();
    open();
    ana = enrol("ana");
  }
  ~ThreadFixture() { set_disk_fault(DiskFault::none); }

  LogOutlet outlet() {
    return {[this](std::vector<Outgoing>&& out) {
              std::lock_guard lock(mutex);
              for (auto& answer : out) answers.push_back(std::move(answer));
              changed.notify_all();
            },
            [this](Committed&& c) {
              std::lock_guard lock(mutex);
              for (auto& entry : c.entries) published.push_back(entry.first_room_seq);
              changed.notify_all();
            },
            [this](const std::string& why) {
              std::lock_guard lock(mutex);
              failure = why;
              changed.notify_all();
            },
            [](std::vector<ReadRequest>&&) {}};
  }
  template <class Condition>
  bool wait_for(Condition condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(20), condition);
  }

  Member ana;
  Queue<Append> queue{1000};
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Outgoing> answers;         // protected by mutex
  std::vector<std::uint64_t> published;  // protected by mutex
  std::string failure;                   // protected by mutex
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_log_thread, ThreadFixture)

BOOST_AUTO_TEST_CASE(what_is_pushed_is_answered_and_published_in_order) {
  std::vector<SubmissionAppend> made;
  for (int i = 0; i < 50; ++i) made.push_back(submission(ana, general(), {"x"}));
  LogThread thread(*log, queue, outlet());
  for (auto& s : made) BOOST_REQUIRE(queue.push(std::move(s)));
  BOOST_TEST(wait_for([&] { return answers.size() == 50 && published.size() == 50; }));
  for (std::uint64_t i = 0; i < published.size(); ++i) BOOST_TEST(published[i] == i + 1);
  BOOST_TEST(queue.turns() > 0u);
  thread.stop();
  BOOST_TEST(failure.empty());
}

BOOST_AUTO_TEST_CASE(stop_commits_what_is_queued_and_closes) {
  const auto size = log->size();
  std::vector<SubmissionAppend> made;
  for (int i = 0; i < 20; ++i) made.push_back(submission(ana, general(), {"x"}));
  {
    LogThread thread(*log, queue, outlet());
    for (auto& s : made) BOOST_REQUIRE(queue.push(std::move(s)));
  }
  BOOST_TEST(answers.size() == 20u);
  BOOST_TEST(queue.depth() == 0u);
  BOOST_TEST(std::filesystem::file_size(options.database.string() + "-wal") == 0u);
  open();
  BOOST_TEST(log->size() == size + 20);
}

BOOST_AUTO_TEST_CASE(a_failed_fsync_is_said_and_nothing_is_acked_or_published) {
  SubmissionAppend s = submission(ana, general(), {"x"});
  set_disk_fault(DiskFault::sync_error);
  LogThread thread(*log, queue, outlet());
  BOOST_REQUIRE(queue.push(std::move(s)));
  BOOST_TEST(wait_for([&] { return !failure.empty(); }));
  thread.stop();
  BOOST_TEST(answers.empty());
  BOOST_TEST(published.empty());
}

BOOST_AUTO_TEST_CASE(readers_and_a_verifier_run_beside_it) {
  std::vector<SubmissionAppend> made;
  for (int i = 0; i < 300; ++i) made.push_back(submission(ana, general(), {"x", "y"}));
  LogThread thread(*log, queue, outlet());
  LogReader reader(options.database, data->keys().kek);
  std::uint64_t last = 0;
  for (auto& s : made) {
    BOOST_REQUIRE(queue.push(std::move(s)));
    const std::uint64_t size = reader.size();
    BOOST_REQUIRE(size >= last);
    last = size;
  }
  BOOST_TEST(!verify_log(reader, log->note_key(), server()).fault);
  BOOST_TEST(wait_for([&] { return answers.size() == 300; }));
  const VerifiedLog whole = verify_log(reader, log->note_key(), server());
  BOOST_TEST(!whole.fault);
  BOOST_TEST(whole.messages == 600u);
}

BOOST_AUTO_TEST_SUITE_END()
