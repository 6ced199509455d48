// What is acked stays, whatever the disk does; what is not is sent again and stands there once.
#include <algorithm>

#include "broker/log/verify_log.hpp"
#include "common/base/log.hpp"
#include "tests/unit/faulty_vfs.hpp"
#include "tests/unit/log_fixture.hpp"

using namespace tertulia;
using namespace tertulia::test;
namespace fs = std::filesystem;

namespace {

struct FaultFixture : LogFixture {
  FaultFixture() {
    options.vfs = faulty_vfs();
    options.reserve = data->reserve();
    open();
    ana = enrol("ana");
    send(ana, {"before"});
  }
  ~FaultFixture() { set_disk_fault(DiskFault::none); }

  std::optional<record::Fault> fault_of(const fs::path& database) {
    LogReader reader(database, data->keys().kek);
    return verify_log(reader, log->note_key(), server()).fault;
  }
  void check_whole() {
    const auto fault = fault_of(options.database);
    BOOST_CHECK_MESSAGE(!fault, (fault ? fault->kind + ": " + fault->text : ""));
  }

  Member ana;
};

// Names of the events that are told while it lives.
class Heard {
 public:
  Heard() {
    names_.clear();
    log::set_sink(
        [](log::Level, const log::Event* event, std::span<const log::Field>, std::string_view) {
          if (event != nullptr) names_.emplace_back(event->name);
          return false;
        });
  }
  ~Heard() { log::set_sink(nullptr); }
  std::size_t count(const std::string& name) const {
    return static_cast<std::size_t>(std::count(names_.begin(), names_.end(), name));
  }

 private:
  static inline std::vector<std::string> names_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_log_faults, FaultFixture)

BOOST_AUTO_TEST_CASE(a_full_disk_is_read_only_and_resumes_by_itself) {
  const auto size = log->size();
  const auto people = cell.load()->people_version;
  const SubmissionAppend waiting = submission(ana, general(), {"while it is full"});
  set_disk_fault(DiskFault::full);
  const pb::Reply refused = ask(waiting);
  BOOST_REQUIRE(refused.has_error());
  BOOST_TEST(refused.error().code() == pb::READ_ONLY);
  BOOST_TEST(refused.error().retry_after_ms() == 1000u);
  BOOST_TEST(!log->read_only().empty());
  BOOST_TEST(log->size() == size);
  const InviteResult no_invite = try_invite("beto");
  BOOST_REQUIRE(!no_invite.ok());
  BOOST_TEST(no_invite.faults[0].sentence == log->read_only());
  BOOST_TEST(cell.load()->people_version == people);
  log->idle();
  BOOST_TEST(!log->read_only().empty());
  LogReader reader(options.database, data->keys().kek);
  BOOST_TEST(!reader.history(general(), 1, 0, 10, 10'000).empty());

  set_disk_fault(DiskFault::none);
  log->idle();
  BOOST_TEST(log->read_only().empty());
  const pb::Reply acked = ask(waiting);
  BOOST_REQUIRE_MESSAGE(acked.has_ack(), acked.error().text());
  BOOST_TEST(acked.ack().seq() == size);
  BOOST_TEST(acked.ack().first_room_seq() == 2u);
  BOOST_TEST(try_invite("beto").ok());
  check_whole();
}

BOOST_AUTO_TEST_CASE(the_next_append_resumes_too) {
  set_disk_fault(DiskFault::full);
  BOOST_TEST(ask(submission(ana, general(), {"x"})).has_error());
  set_disk_fault(DiskFault::none);
  BOOST_TEST(ask(submission(ana, general(), {"y"})).has_ack());
  BOOST_TEST(log->read_only().empty());
}

BOOST_AUTO_TEST_CASE(a_nearly_full_disk_does_not_stop_and_start_the_log_each_moment) {
  Heard heard;
  send(ana, {"goes into the WAL"});
  set_disk_fault(DiskFault::database_full);
  for (int i = 0; i < 10; ++i) {
    log->idle();
    BOOST_TEST(!log->read_only().empty());
    const pb::Reply refused = ask(submission(ana, general(), {"though the WAL has room"}));
    BOOST_REQUIRE(refused.has_error());
    BOOST_TEST(refused.error().code() == pb::READ_ONLY);
  }
  BOOST_TEST(heard.count("disk_full") == 1u);
  BOOST_TEST(heard.count("disk_has_space") == 0u);
  set_disk_fault(DiskFault::none);
  log->idle();
  BOOST_TEST(log->read_only().empty());
  for (int i = 0; i < 3; ++i) log->idle();
  BOOST_TEST(heard.count("disk_full") == 1u);
  BOOST_TEST(heard.count("disk_has_space") == 1u);
  send(ana, {"after"});
  check_whole();
}

BOOST_AUTO_TEST_CASE(a_log_that_stopped_waits_for_more_space_than_a_message_needs) {
  std::uint64_t free_bytes = 1 << 20;
  options.free_bytes = [&](const fs::path&) { return free_bytes; };
  log->close();
  open();
  Heard heard;
  send(ana, {"a little space is enough until it stops"});
  set_disk_fault(DiskFault::full);
  BOOST_TEST(ask(submission(ana, general(), {"x"})).has_error());
  set_disk_fault(DiskFault::none);
  for (const std::uint64_t little : {1ull << 20, 8ull << 20, (16ull << 20) - 1}) {
    free_bytes = little;
    log->idle();
    BOOST_TEST(ask(submission(ana, general(), {"y"})).has_error());
  }
  BOOST_TEST(heard.count("disk_has_space") == 0u);
  free_bytes = 16 << 20;
  send(ana, {"resumes with the next message"});
  BOOST_TEST(log->read_only().empty());
  free_bytes = 1 << 20;  // used again, and nothing has failed yet
  send(ana, {"goes on"});
  BOOST_TEST(heard.count("disk_full") == 1u);
  BOOST_TEST(heard.count("disk_has_space") == 1u);
  check_whole();
}

BOOST_AUTO_TEST_CASE(what_was_acked_is_acked_again_while_the_disk_is_full) {
  const SubmissionAppend known = submission(ana, general(), {"in time"});
  const auto seq = ask(known).ack().seq();
  set_disk_fault(DiskFault::full);
  BOOST_TEST(ask(submission(ana, general(), {"too late"})).has_error());
  const pb::Reply again = ask(known);
  BOOST_REQUIRE_MESSAGE(again.has_ack(), again.error().text());
  BOOST_TEST(again.ack().seq() == seq);
}

BOOST_AUTO_TEST_CASE(a_disk_that_fills_at_any_write_undoes_the_whole_batch) {
  for (int writes = 0; writes < 40; writes += 3) {
    const auto size = log->size();
    std::vector<Append> batch;
    for (int i = 0; i < 20; ++i)
      batch.emplace_back(submission(ana, general(), {std::string(2000, 'x')}));
    InviteCommand command;
    command.people.push_back({"user-" + std::to_string(writes), {}, {}, {}});
    command.done = [](InviteResult) {};
    batch.emplace_back(std::move(command));
    set_disk_fault(DiskFault::full, writes);
    const CommitResult result = log->append(std::move(batch));
    set_disk_fault(DiskFault::none);
    const bool committed = !result.committed.entries.empty();
    BOOST_TEST(result.committed.entries.size() == (committed ? 20u : 0u));
    BOOST_TEST(result.answers.size() == 20u);
    BOOST_TEST(log->size() == (committed ? size + 23 : size));
    BOOST_TEST(cell.load()->users_by_name.contains("user-" + std::to_string(writes)) == committed);
    log->idle();
  }
  send(ana, {"after"});
  check_whole();
}

BOOST_AUTO_TEST_CASE(a_failed_write_or_fsync_ends_the_log_and_nothing_is_acked) {
  for (const DiskFault fault : {DiskFault::write_error, DiskFault::sync_error}) {
    const SubmissionAppend waiting = submission(ana, general(), {"at the bad moment"});
    const auto size = log->size();
    set_disk_fault(fault);
    BOOST_CHECK_THROW(append(waiting), StorageFailure);
    BOOST_TEST(log->size() == size);
    set_disk_fault(DiskFault::none);
    // The disk is good again, but what it holds is unknown until the recovery.
    BOOST_CHECK_THROW(append(waiting), StorageFailure);
    log->close();
    open();
    // Nothing may rest on what the page cache alone holds: it was written anew, and synced
    BOOST_TEST(fs::file_size(options.database.string() + "-wal") == 0u);
    check_whole();
    const pb::Reply acked = ask(waiting);
    BOOST_REQUIRE_MESSAGE(acked.has_ack(), acked.error().text());
    BOOST_TEST(ask(waiting).ack().seq() == acked.ack().seq());
    check_whole();
  }
}

BOOST_AUTO_TEST_CASE(a_full_disk_at_the_end_takes_the_reserve) {
  BOOST_REQUIRE(fs::exists(options.reserve));
  BOOST_TEST(fs::file_size(options.reserve) == 64u << 20);
  set_disk_fault(DiskFault::full);
  log->close();
  set_disk_fault(DiskFault::none);
  BOOST_TEST(!fs::exists(options.reserve));
  open();
  BOOST_TEST(fs::exists(options.reserve));
  BOOST_TEST(send(ana, {"after"}).first_room_seq() == 2u);
  check_whole();
}

BOOST_AUTO_TEST_CASE(a_crash_at_any_point_of_the_wal_keeps_what_was_acked) {
  if (file_system_name(scratch.path()) == "tmpfs")
    BOOST_TEST_MESSAGE("on tmpfs: says nothing about a disk");
  log->idle();
  const fs::path wal = options.database.string() + "-wal";
  // The WAL starts over with the first commit after a checkpoint.
  struct Acked {
    std::uint64_t size, wal_bytes;
  };
  send(ana, {"first after the checkpoint"});
  std::vector<Acked> acked;
  std::uint64_t frames = log->wal_bytes();
  for (int i = 0; i < 12; ++i) {
    send(ana, {"message", std::to_string(i)});
    frames = log->wal_bytes();
    acked.push_back({log->size(), 32 + frames / 4096 * (4096 + 24)});
  }
  const Bytes whole = read_file(wal, 64u << 20);
  const std::uint64_t longest = acked.back().wal_bytes;
  BOOST_REQUIRE(whole.size() >= longest);
  for (std::uint64_t cut = acked.front().wal_bytes; cut <= longest; cut += 1999) {
    const ScratchDirectory crash;
    fs::copy_file(options.database, crash / "log.db");
    write_file_durably(crash / "log.db-wal", ByteView(whole).first(cut));
    LogOptions after = options;
    after.database = crash / "log.db";
    after.reserve.clear();
    DirectoryCell other;
    Log survivor(after, data->keys(), other);
    std::uint64_t promised = 0;
    for (const Acked& a : acked)
      if (a.wal_bytes <= cut) promised = a.size;
    BOOST_TEST(survivor.size() >= promised);
    BOOST_TEST(!fault_of(after.database));
  }
}

BOOST_AUTO_TEST_SUITE_END()
