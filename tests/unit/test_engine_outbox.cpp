#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "client/engine/outbox.hpp"
#include "tests/unit/scratch_directory.hpp"

using namespace tertulia;
using namespace tertulia::client;
using tertulia::test::ScratchDirectory;

namespace {
RoomId room_of(std::uint8_t n) {
  RoomId id;
  id.bytes[0] = n;
  return id;
}

struct Box {
  explicit Box(const std::filesystem::path& directory)
      : profile(directory),
        store(profile),
        process(store.next_process()),
        outbox(store, profile, process, false) {
    profile.hold_process_lock(process);
    store.commit();
  }
  std::vector<OutboxRow> queue(std::size_t count, std::uint8_t room = 1, std::size_t bytes = 5) {
    std::vector<Outbox::Draft> drafts;
    for (std::size_t i = 0; i < count; ++i)
      drafts.push_back({++local, room_of(room), std::string(bytes, 'x'), 1, {}, {}, {}});
    return outbox.queue(drafts, 1'700'000'000'000);
  }
  Outbox::Submission* send() {
    return outbox.next_to_send(now, [](const RoomId&) { return true; });
  }
  Profile profile;
  Store store;
  std::uint64_t process;
  Outbox outbox;
  std::uint64_t local = process << 40;
  std::uint64_t now = 1000;
};
}  // namespace

BOOST_AUTO_TEST_SUITE(engine_outbox)

BOOST_AUTO_TEST_CASE(messages_that_come_together_become_submissions_of_64) {
  const ScratchDirectory dir;
  Box box(dir.path());
  const auto rows = box.queue(150);
  BOOST_TEST(rows.size() == 150u);
  std::vector<std::size_t> sizes;
  SubmissionId last;
  while (auto* s = box.send()) {
    sizes.push_back(s->rows.size());
    BOOST_TEST((last < s->id));
    last = s->id;
  }
  BOOST_TEST(sizes == (std::vector<std::size_t>{64, 64, 22}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_submission_stays_within_its_bytes) {
  const ScratchDirectory dir;
  Box box(dir.path());
  box.queue(20, 1, 30'000);
  std::size_t count = 0;
  while (auto* s = box.send()) {
    std::size_t bytes = 0;
    for (const auto& row : s->rows) bytes += row.body.size() + Salt::size_bytes;
    BOOST_TEST(bytes <= record::submission_bodies_bytes_max);
    count += s->rows.size();
  }
  BOOST_TEST(count == 20u);
}

BOOST_AUTO_TEST_CASE(what_is_sent_again_has_the_same_ids_and_salts) {
  const ScratchDirectory dir;
  Box box(dir.path());
  box.queue(3);
  auto* s = box.send();
  const SubmissionId id = s->id;
  const Salt salt = s->rows[2].salt;
  BOOST_TEST((box.send() == nullptr));
  box.outbox.connection_lost();
  s = box.send();
  BOOST_TEST((s->id == id));
  BOOST_TEST((s->rows[2].salt == salt));
  BOOST_TEST(box.outbox.acked(id).size() == 3u);
  BOOST_TEST(box.outbox.acked(id).empty());  // the answer to the first try: nothing any more
  BOOST_TEST(box.outbox.empty());
}

BOOST_AUTO_TEST_CASE(after_an_error_a_room_waits_for_all_answers_and_goes_on_in_order) {
  const ScratchDirectory dir;
  Box box(dir.path());
  box.queue(1);
  box.queue(1);
  box.queue(1);
  box.queue(1, 2);
  const SubmissionId a = box.send()->id, b = box.send()->id;
  box.outbox.again(a, box.now, 0);
  // Room 1 is held, room 2 is not.
  BOOST_TEST((box.send()->room == room_of(2)));
  BOOST_TEST((box.send() == nullptr));
  box.outbox.again(b, box.now, 500);
  BOOST_TEST((box.send() == nullptr));
  BOOST_TEST(box.outbox.next_deadline_ms(box.now) == box.now + 500);
  box.now += 500;
  BOOST_TEST((box.send()->id == a));
  BOOST_TEST((box.send()->id == b));
  BOOST_TEST((box.send() != nullptr));
}

BOOST_AUTO_TEST_CASE(one_busy_room_leaves_others_a_way) {
  const ScratchDirectory dir;
  Box box(dir.path());
  for (int i = 0; i < 100; ++i) box.queue(1);
  box.queue(1, 2);
  std::size_t of_first = 0, of_second = 0;
  while (auto* s = box.send()) (s->room == room_of(1) ? of_first : of_second)++;
  BOOST_TEST(of_first == Outbox::room_window);
  BOOST_TEST(of_second == 1u);
}

BOOST_AUTO_TEST_CASE(more_than_memory_holds_comes_from_the_store_in_order) {
  const ScratchDirectory dir;
  Box box(dir.path());
  const std::size_t total = Outbox::rows_in_memory_max + 10'000;
  for (std::size_t n = 0; n < total; n += 1000) box.queue(1000);
  std::uint64_t expected = box.process << 40;
  SubmissionId last;
  while (auto* s = box.send()) {
    BOOST_REQUIRE((last < s->id));
    last = s->id;
    for (const auto& row : box.outbox.acked(last)) BOOST_REQUIRE(row.local_id == ++expected);
  }
  BOOST_TEST(expected == box.local);
  BOOST_TEST(box.outbox.empty());
}

BOOST_AUTO_TEST_CASE(rows_of_a_dead_process_are_adopted_and_those_of_a_living_one_are_not) {
  const ScratchDirectory dir;
  const pid_t child = ::fork();
  if (child == 0) {
    Box dead(dir.path());
    dead.queue(70);
    ::_exit(0);  // without any farewell, as after SIGKILL
  }
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  Box living(dir.path());
  living.queue(2);
  Box box(dir.path());
  const auto adopted = box.outbox.adopt();
  BOOST_TEST(adopted.size() == 70u);
  BOOST_TEST(box.send()->rows.size() == 64u);
  BOOST_TEST(box.send()->rows.size() == 6u);
  BOOST_TEST((box.send() == nullptr));
  BOOST_TEST(living.send()->rows.size() == 2u);
}

BOOST_AUTO_TEST_CASE(what_was_refused_can_be_tried_again_under_another_id_or_be_dropped) {
  const ScratchDirectory dir;
  Box box(dir.path());
  box.queue(2);
  const SubmissionId id = box.send()->id;
  const auto failed = box.outbox.failed(id, "no", false);
  BOOST_REQUIRE(failed.size() == 2u);
  BOOST_TEST(box.outbox.empty());
  const auto again = box.outbox.retry(failed[0].local_id, 1'700'000'000'000);
  BOOST_REQUIRE(again.size() == 1u);
  BOOST_TEST((again[0].submission > id));
  BOOST_TEST((box.send()->id == again[0].submission));
  BOOST_TEST(box.outbox.discard(failed[1].local_id).has_value());
  BOOST_TEST(!box.store.outbox_row(failed[1].local_id).has_value());
  // Under way: it may be in the log, so it cannot be taken back.
  BOOST_TEST(!box.outbox.discard(failed[0].local_id).has_value());
}

BOOST_AUTO_TEST_CASE(what_may_be_in_the_log_is_tried_again_under_its_id_with_all_its_rows) {
  const ScratchDirectory dir;
  SubmissionId id;
  std::vector<OutboxRow> rows;
  {
    Box box(dir.path());
    rows = box.queue(3);
    id = box.send()->id;
    box.outbox.connection_lost();  // whether it was logged nobody knows
    BOOST_TEST(box.outbox.fail_room(room_of(1), "You are not a member of this room.").size() == 3u);
    box.store.commit();
  }
  Box box(dir.path());  // it is known after a restart too
  box.outbox.adopt();
  BOOST_TEST(box.send() == nullptr);
  BOOST_TEST(box.outbox.retry(rows[1].local_id, 1'700'000'000'000).size() == 3u);
  const auto* again = box.send();
  BOOST_REQUIRE(again != nullptr);
  BOOST_TEST((again->id == id));
  BOOST_REQUIRE(again->rows.size() == 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    BOOST_TEST((again->rows[i].salt == rows[i].salt));
    BOOST_TEST(again->rows[i].local_id == rows[i].local_id);
    BOOST_TEST(again->rows[i].index == i);
  }
  BOOST_TEST(box.outbox.retry(rows[0].local_id, 1'700'000'000'000).empty());  // it is under way
  BOOST_TEST(box.outbox.acked(id).size() == 3u);
  BOOST_TEST(box.outbox.empty());
}

BOOST_AUTO_TEST_CASE(what_is_seen_in_the_log_has_not_failed) {
  const ScratchDirectory dir;
  Box box(dir.path());
  box.queue(2);
  const SubmissionId id = box.send()->id;
  BOOST_TEST(box.outbox.seen(room_of(1), id).empty());  // it is under way
  BOOST_TEST(box.outbox.failed(id, "no member", true).size() == 2u);
  BOOST_TEST(box.outbox.seen(room_of(1), id).size() == 2u);
  BOOST_TEST(box.store.outbox_of(room_of(1)).empty());
  BOOST_TEST(box.outbox.seen(room_of(1), id).empty());
}

BOOST_AUTO_TEST_CASE(after_a_rollback_what_the_store_has_is_what_is_sent) {
  const ScratchDirectory dir;
  Box box(dir.path());
  const auto rows = box.queue(3);
  box.queue(1, 2);
  const SubmissionId id = box.send()->id;
  BOOST_TEST(box.outbox.failed(id, "no", false).size() == 3u);
  box.store.rollback();
  BOOST_TEST(box.outbox.reload().size() == 4u);
  const auto* again = box.send();
  BOOST_REQUIRE(again != nullptr);
  BOOST_TEST((again->id == id));
  BOOST_TEST(again->rows.size() == 3u);
  BOOST_TEST(box.send() != nullptr);
}

BOOST_AUTO_TEST_CASE(what_was_never_sent_gets_another_id_when_it_is_tried_again) {
  const ScratchDirectory dir;
  Box box(dir.path());
  const auto rows = box.queue(1);
  BOOST_TEST(box.outbox.fail_room(room_of(1), "no").size() == 1u);
  const auto again = box.outbox.retry(rows[0].local_id, 1'700'000'000'000);
  BOOST_REQUIRE(again.size() == 1u);
  BOOST_TEST((again[0].submission != rows[0].submission));
}

BOOST_AUTO_TEST_CASE(what_was_adopted_cannot_be_taken_back_however_much_it_is) {
  const ScratchDirectory dir;
  constexpr std::size_t many = 5'000;  // more than one load of the store
  std::uint64_t last = 0;
  {
    Box dead(dir.path());
    last = dead.queue(many).back().local_id;
  }
  Box box(dir.path());
  BOOST_TEST(!box.outbox.adopt().empty());
  BOOST_TEST(!box.outbox.acked(box.send()->id).empty());  // makes room: the rest is loaded
  BOOST_TEST(!box.outbox.discard(last).has_value());
}

BOOST_AUTO_TEST_CASE(a_message_that_was_never_sent_can_be_taken_out_of_its_submission) {
  const ScratchDirectory dir;
  Box box(dir.path());
  const auto rows = box.queue(3);
  BOOST_TEST(box.outbox.discard(rows[1].local_id).has_value());
  const auto* s = box.send();
  BOOST_REQUIRE(s->rows.size() == 2u);
  BOOST_TEST(s->rows[1].local_id == rows[2].local_id);
  BOOST_TEST(s->rows[1].index == 1);
  BOOST_TEST(box.store.outbox_row(rows[2].local_id)->index == 1);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(engine_cache)

BOOST_AUTO_TEST_CASE(what_is_shown_is_not_replaced_by_what_could_not_be_verified) {
  const ScratchDirectory dir;
  Box box(dir.path());
  CachedMessage good;
  good.room = room_of(1);
  good.room_seq = 1;
  good.text = "hola";
  CachedMessage forged = good;
  forged.text = "adiós";
  forged.shown = false;
  const auto text = [&] { return box.store.cached_before(1, room_of(1), 2, 1).at(0).text; };
  box.store.put(1, forged);
  box.store.put(1, good);
  BOOST_TEST(text() == "hola");
  box.store.put(1, forged);
  BOOST_TEST(text() == "hola");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(engine_profile)

BOOST_AUTO_TEST_CASE(submission_ids_rise_over_all_stores_of_a_profile) {
  const ScratchDirectory dir;
  Box a(dir.path()), b(dir.path());
  SubmissionId last;
  for (int i = 0; i < 50; ++i) {
    for (Box* box : {&a, &b}) {
      const SubmissionId id = box->store.next_submission_id(1'700'000'000'000);
      box->store.commit();
      BOOST_REQUIRE((last < id));
      last = id;
    }
  }
}

BOOST_AUTO_TEST_CASE(a_device_key_that_others_may_read_is_refused_with_the_command_that_mends_it) {
  const ScratchDirectory dir;
  Profile profile(dir.path());
  const auto seed = profile.make_device_seed();
  BOOST_TEST((profile.make_device_seed().view()[5] == seed.view()[5]));  // the same one again
  const auto key = dir.path() / "device.key";
  BOOST_REQUIRE(::chmod(key.c_str(), 0644) == 0);
  BOOST_CHECK_EXCEPTION(profile.device_seed(), std::runtime_error, [](const std::runtime_error& e) {
    return std::string(e.what()).find("chmod 0600") != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(a_hole_in_the_cache_ends_a_page) {
  const ScratchDirectory dir;
  Box box(dir.path());
  for (const std::uint64_t n : {1, 2, 3, 6, 7}) {
    CachedMessage m;
    m.room = room_of(1);
    m.room_seq = n;
    m.text = std::to_string(n);
    box.store.put(1, m);
  }
  box.store.commit();
  BOOST_TEST(box.store.cached_head(1, room_of(1)) == 7u);
  BOOST_TEST(box.store.cached_before(1, room_of(1), 8, 10).size() == 2u);
  BOOST_TEST(box.store.cached_before(1, room_of(1), 6, 10).empty());
  BOOST_TEST(box.store.cached_before(1, room_of(1), 4, 2).size() == 2u);
  BOOST_TEST(box.store.cached_before(2, room_of(1), 8, 10).empty());  // another generation
}

BOOST_AUTO_TEST_SUITE_END()
