// A store of an earlier version is carried into this one; what was deleted is gone from it.
#include <boost/test/unit_test.hpp>

#include "client/engine/store.hpp"
#include "common/record/submission.hpp"
#include "tests/unit/scratch_directory.hpp"

using namespace tertulia;
using namespace tertulia::client;
using record::Kind;

namespace {
template <class Id>
Id id(std::uint8_t n) {
  Id out;
  out.bytes.fill(n);
  return out;
}

CachedMessage original() {
  CachedMessage m;
  m.room = id<RoomId>(1);
  m.room_seq = 1;
  m.id = {id<DeviceId>(2), id<SubmissionId>(3), 0};
  m.sender = id<UserId>(4);
  m.kind = static_cast<std::uint8_t>(Kind::text);
  return m;
}

struct Fixture {
  test::ScratchDirectory scratch;
  const std::filesystem::path profile_path = scratch.path() / "profile";

  // As version 1 made it.
  void make_version_1() {
    {
      Profile profile(profile_path);
      Store store(profile);
      store.commit();
    }
    const auto path = Profile(profile_path).store_path();
    Database db(path);
    db.exec("DROP TABLE messages; DROP TABLE outbox");
    db.exec(R"sql(
CREATE TABLE messages(generation INTEGER, room BLOB, room_seq INTEGER, seq INTEGER NOT NULL,
  device BLOB NOT NULL, submission BLOB NOT NULL, idx INTEGER NOT NULL, sender BLOB NOT NULL,
  kind INTEGER NOT NULL, sent_at INTEGER NOT NULL, logged_at INTEGER NOT NULL, text TEXT NOT NULL,
  shown INTEGER NOT NULL, PRIMARY KEY(generation, room, room_seq)) WITHOUT ROWID;
CREATE TABLE outbox(submission BLOB, idx INTEGER, process INTEGER NOT NULL,
  local_id INTEGER NOT NULL UNIQUE, room BLOB NOT NULL, kind INTEGER NOT NULL,
  created_ms INTEGER NOT NULL, salt BLOB NOT NULL, body BLOB NOT NULL, failed INTEGER NOT NULL,
  failure TEXT NOT NULL, PRIMARY KEY(submission, idx)) WITHOUT ROWID;
INSERT INTO messages VALUES(1, zeroblob(16), 1, 5, zeroblob(16), zeroblob(16), 0, zeroblob(16), 1, 7, 8,
  'de antes', 1);
INSERT INTO messages VALUES(1, zeroblob(16), 2, 6, zeroblob(16), zeroblob(16), 1, zeroblob(16), 4, 7, 8,
  'x', 1);
INSERT INTO outbox VALUES(zeroblob(16), 0, 1, 99, zeroblob(16), 1, 7, zeroblob(32), x'0a0161', 0, '');
UPDATE facts SET value=CAST('1' AS BLOB) WHERE name='schema';
)sql");
  }
};
}  // namespace

BOOST_FIXTURE_TEST_SUITE(engine_store, Fixture)

BOOST_AUTO_TEST_CASE(a_store_of_version_1_keeps_its_messages_and_its_outbox) {
  make_version_1();
  Profile profile(profile_path);
  Store store(profile);
  const auto messages = store.cached_before(1, RoomId{}, 2, 10);
  BOOST_REQUIRE(messages.size() == 1u);
  BOOST_TEST(messages[0].text == "de antes");
  BOOST_TEST(messages[0].mentions.empty());
  // A change had no target then: it comes again from the server
  BOOST_TEST(store.cached_before(1, RoomId{}, 3, 10).empty());
  const auto rows = store.outbox_of(RoomId{});
  BOOST_REQUIRE(rows.size() == 1u);
  BOOST_TEST(rows[0].local_id == 99u);
  BOOST_TEST(!rows[0].target);
}

BOOST_AUTO_TEST_CASE(a_store_of_a_newer_version_is_refused_and_left_as_it_is) {
  {
    Profile profile(profile_path);
    Store store(profile);
    store.set_number("schema", 77);
    store.commit();
  }
  Profile profile(profile_path);
  BOOST_CHECK_EXCEPTION(Store{profile}, StoreError, [](const StoreError& e) {
    return std::string(e.what()).find("newer Tertulia") != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(of_many_changes_those_that_count_are_read) {
  Profile profile(profile_path);
  Store store(profile);
  const CachedMessage m = original();
  const auto change = [&](std::uint64_t room_seq, Kind kind, const UserId& sender,
                          const std::string& text) {
    CachedMessage c = m;
    c.room_seq = room_seq;
    std::memcpy(c.id.submission.bytes.data(), &room_seq, sizeof room_seq);
    c.kind = static_cast<std::uint8_t>(kind);
    c.target = m.id;
    c.sender = sender;
    c.text = text;
    store.put(7, c);
  };
  for (std::uint64_t i = 2; i < 300; ++i) {
    change(2 * i, Kind::edit, m.sender, std::to_string(i));
    change(2 * i + 1, Kind::reaction, id<UserId>(5), "👍");
  }
  change(601, Kind::edit, id<UserId>(5), "ajeno");
  auto words = store.words_of(7, m.room, m.id, m.sender);
  BOOST_REQUIRE(words.size() == 1u);
  BOOST_TEST(words[0].text == "299");
  BOOST_TEST(store.reactions_of(7, m.room, m.id).size() == 298u);
  change(602, Kind::erase, id<UserId>(6), "");
  change(603, Kind::erase, id<UserId>(7), "");
  words = store.words_of(7, m.room, m.id, m.sender);
  BOOST_REQUIRE(words.size() == 2u);
  BOOST_TEST((words[1].sender == id<UserId>(6)));
}

BOOST_AUTO_TEST_CASE(the_words_of_what_was_deleted_are_gone) {
  Profile profile(profile_path);
  Store store(profile);
  CachedMessage m = original();
  m.text = "secreto";
  m.mentions = {id<UserId>(9)};
  store.put(1, m);
  CachedMessage edit = m;
  edit.room_seq = 2;
  edit.id.index = 1;
  edit.kind = static_cast<std::uint8_t>(Kind::edit);
  edit.target = m.id;
  edit.text = "más secreto";
  store.put(1, edit);
  BOOST_TEST(store.words_of(1, m.room, m.id, m.sender).size() == 1u);
  BOOST_TEST(store.words_of(1, m.room, m.id, id<UserId>(8)).empty());  // of another author
  BOOST_TEST(!store.is_deleted(1, m.room, m.id));
  CachedMessage erase = edit;
  erase.room_seq = 3;
  erase.id.index = 2;
  erase.kind = static_cast<std::uint8_t>(Kind::erase);
  erase.text.clear();
  store.put(1, erase);
  store.wipe(1, m.room, m.id);
  BOOST_TEST(store.is_deleted(1, m.room, m.id));
  for (const auto& kept : store.cached_before(1, m.room, 4, 10)) {
    BOOST_TEST(kept.text == "");
    BOOST_TEST(kept.mentions.empty() == (kept.kind != static_cast<std::uint8_t>(Kind::erase)));
  }
  BOOST_TEST(store.words_of(2, m.room, m.id, m.sender).empty());  // of another life of the log
}

BOOST_AUTO_TEST_SUITE_END()
