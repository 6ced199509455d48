// `tertuliactl log verify`: good on a whole log, running or stopped; on one that somebody changed
// it names the first entry that is wrong, and how.
#include <sqlite3.h>

#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

class Tampering {
 public:
  explicit Tampering(const std::filesystem::path& database) {
    BOOST_REQUIRE_EQUAL(sqlite3_open(database.c_str(), &db_), SQLITE_OK);
  }
  ~Tampering() { sqlite3_close(db_); }
  Tampering(const Tampering&) = delete;
  Tampering& operator=(const Tampering&) = delete;

  void run(const std::string& sql) {
    char* error = nullptr;
    BOOST_REQUIRE_MESSAGE(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, &error) == SQLITE_OK,
                          sql << ": " << (error == nullptr ? "" : error));
    BOOST_REQUIRE_MESSAGE(sqlite3_changes(db_) > 0, sql << " changed nothing");
  }
  // One bit of one byte of a blob; from the end when `at` is negative.
  void flip(const std::string& table, const std::string& column, std::uint64_t row, int at) {
    sqlite3_blob* blob = nullptr;
    BOOST_REQUIRE_EQUAL(sqlite3_blob_open(db_, "main", table.c_str(), column.c_str(),
                                          static_cast<sqlite3_int64>(row), 1, &blob),
                        SQLITE_OK);
    const int offset = at >= 0 ? at : sqlite3_blob_bytes(blob) + at;
    std::uint8_t byte = 0;
    BOOST_REQUIRE_EQUAL(sqlite3_blob_read(blob, &byte, 1, offset), SQLITE_OK);
    byte ^= 1;
    BOOST_REQUIRE_EQUAL(sqlite3_blob_write(blob, &byte, 1, offset), SQLITE_OK);
    sqlite3_blob_close(blob);
  }

 private:
  sqlite3* db_ = nullptr;
};

// A stopped broker with ten messages; the fourth is what tests change.
struct Town {
  TestBroker broker;
  std::uint64_t victim = 0;  // seq
  Town() {
    RawClient ana(broker.invite("ana"));
    ana.join();
    for (int i = 0; i < 10; ++i) {
      const auto answer = ana.submit(ana.device.room("general").id, {fmt::format("m {}", i)});
      BOOST_REQUIRE_MESSAGE(answer && answer->has_ack(), describe(answer));
      if (i == 3) victim = answer->ack().seq();
    }
    const std::string running = broker.verify();
    BOOST_REQUIRE_MESSAGE(running.empty(), running);
    BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
    const std::string stopped = broker.verify();
    BOOST_REQUIRE_MESSAGE(stopped.empty(), stopped);
  }

  // Exit 1; the place and the kind are said.
  void check_found(std::uint64_t seq, const std::string& kind) {
    const Ran ran = broker.ctl({"log", "verify"});
    const std::string said = ran.out + ran.err;
    BOOST_TEST(ran.code == 1, "exit " << ran.code << ": " << said);
    BOOST_TEST(said.find(std::to_string(seq)) != std::string::npos, seq << " in: " << said);
    BOOST_TEST(said.find(kind) != std::string::npos, kind << " in: " << said);
    BOOST_TEST_MESSAGE(said);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(verify)

BOOST_FIXTURE_TEST_CASE(a_changed_signature_is_found, Town) {
  Tampering(broker.database()).flip("entries", "leaf", victim, -1);
  check_found(victim, "signature");
}

BOOST_FIXTURE_TEST_CASE(a_changed_leaf_is_found, Town) {
  // The last byte of the commitment: before two bytes of act length and the signature
  Tampering(broker.database()).flip("entries", "leaf", victim, -67);
  check_found(victim, "");
}

BOOST_FIXTURE_TEST_CASE(a_changed_time_is_found_by_the_root, Town) {
  // logged_at_ms is the server's word, signed by no author: the tree holds it
  Tampering(broker.database()).flip("entries", "leaf", victim, 24);
  const Ran ran = broker.ctl({"log", "verify"});
  BOOST_TEST(ran.code == 1, ran.out << ran.err);
}

BOOST_FIXTURE_TEST_CASE(a_changed_body_is_found, Town) {
  Tampering(broker.database()).flip("entries", "bodies", victim, -1);
  check_found(victim, "bod");
}

BOOST_FIXTURE_TEST_CASE(a_deleted_entry_is_found, Town) {
  Tampering(broker.database()).run(fmt::format("DELETE FROM entries WHERE seq={}", victim));
  check_found(victim, "seq");
}

BOOST_FIXTURE_TEST_CASE(two_entries_that_changed_places_are_found, Town) {
  Tampering t(broker.database());
  t.run(fmt::format("UPDATE entries SET seq=1000000 WHERE seq={}", victim));
  t.run(fmt::format("UPDATE entries SET seq={} WHERE seq={}", victim, victim + 1));
  t.run(fmt::format("UPDATE entries SET seq={} WHERE seq=1000000", victim + 1));
  check_found(victim, "seq");
}

BOOST_FIXTURE_TEST_CASE(a_last_entry_that_was_cut_off_is_found, Town) {
  Tampering(broker.database()).run("DELETE FROM entries WHERE seq=(SELECT max(seq) FROM entries)");
  const Ran ran = broker.ctl({"log", "verify"});
  BOOST_TEST(ran.code == 1, ran.out << ran.err);
}

BOOST_FIXTURE_TEST_CASE(a_broker_does_not_serve_a_log_with_a_broken_tree, Town) {
  Tampering(broker.database()).flip("nodes", "hash", 3, 0);
  const Ran ran = run(broker.argv(), broker.dir() / "broken", 20'000);
  BOOST_TEST(ran.code > 0, "exit " << ran.code);
  BOOST_TEST(ran.code < 128, "exit " << ran.code);
  BOOST_TEST(!ran.err.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
