// Every kind of tampering with a stored record is found, and named by the entry it was done to.
#include <sqlite3.h>

#include "broker/log/verify_log.hpp"
#include "tests/unit/log_fixture.hpp"

using namespace tertulia;
using namespace tertulia::test;
using record::Kind;

namespace {

struct RecordFixture : LogFixture {
  RecordFixture() {
    ana = enrol("ana");
    beto = enrol("beto");
    first = send(ana, {"one", "two", "three"});
    const record::MessageRef target{ana.keys.id, ana.last, 1};
    BOOST_REQUIRE(ask(submission(ana, general(), {"two, better"}, Kind::edit, target)).has_ack());
    BOOST_REQUIRE(ask(submission(beto, general(), {"👍"}, Kind::reaction, target)).has_ack());
    last = send(beto, {"four"});
    key = log->note_key();
    log->close();
  }

  VerifiedLog verify() {
    LogReader reader(options.database, data->keys().kek);
    return verify_log(reader, key, server());
  }
  // "kind seq" of the first fault; "whole" without one.
  std::string verdict() {
    const VerifiedLog v = verify();
    return v.fault ? v.fault->kind + " " + std::to_string(v.fault->seq) : "whole";
  }

  void sql(const std::string& text) {
    sqlite3* db = nullptr;
    BOOST_REQUIRE(sqlite3_open(options.database.c_str(), &db) == SQLITE_OK);
    // The tampering itself need not be durable.
    BOOST_REQUIRE(sqlite3_exec(db, "PRAGMA synchronous=OFF", nullptr, nullptr, nullptr) ==
                  SQLITE_OK);
    char* message = nullptr;
    const int code = sqlite3_exec(db, text.c_str(), nullptr, nullptr, &message);
    BOOST_REQUIRE_MESSAGE(code == SQLITE_OK, text << ": " << (message != nullptr ? message : ""));
    BOOST_REQUIRE_MESSAGE(sqlite3_total_changes(db) > 0, text << " changed nothing");
    sqlite3_close(db);
  }
  Bytes leaf(std::uint64_t seq) {
    Bytes out;
    LogReader reader(options.database, data->keys().kek);
    reader.for_each(seq, [&](LogReader::StoredEntry&& e) {
      out = std::move(e.leaf);
      return false;
    });
    return out;
  }
  void replace_leaf(std::uint64_t seq, const Bytes& leaf) {
    sql("UPDATE entries SET leaf=x'" + to_hex(leaf) + "' WHERE seq=" + std::to_string(seq));
  }
  void flip(std::uint64_t seq, std::size_t offset) {
    Bytes l = leaf(seq);
    BOOST_REQUIRE(offset < l.size());
    l[offset] ^= 1;
    replace_leaf(seq, l);
  }

  Member ana, beto;
  pb::Ack first, last;
  merkle::NoteKey key;
};

// Offsets in a leaf: ver, seq, first_room_seq, logged_at, length, then S.
constexpr std::size_t kSeq = 8, kRoomSeq = 16, kTime = 24, kSubmission = 27;
constexpr std::size_t kServer = kSubmission, kDevice = kServer + 32, kRoom = kDevice + 16,
                      kId = kRoom + 16, kSeenSize = kId + 16 + 7, kSeenRoot = kSeenSize + 1,
                      kFirstHeader = kSeenRoot + 33;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_log_verify, RecordFixture)

BOOST_AUTO_TEST_CASE(a_record_as_written_is_whole) {
  const VerifiedLog v = verify();
  BOOST_TEST(!v.fault);
  BOOST_TEST(v.messages == 6u);
  BOOST_TEST(v.entries == last.seq() + 1);
}

BOOST_AUTO_TEST_CASE(it_verifies_while_the_broker_writes) {
  open();
  BOOST_TEST(verdict() == "whole");
  send(ana, {"more"});
  BOOST_TEST(verdict() == "whole");
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_anywhere_in_a_leaf_is_found) {
  const std::uint64_t seq = first.seq();
  const Bytes whole = leaf(seq);
  for (std::size_t offset = 0; offset < whole.size(); ++offset) {
    flip(seq, offset);
    const VerifiedLog v = verify();
    BOOST_TEST_CONTEXT("offset " << offset) {
      BOOST_REQUIRE(v.fault);
      BOOST_TEST(v.fault->seq == seq);
    }
    replace_leaf(seq, whole);
  }
  BOOST_TEST(verdict() == "whole");
}

BOOST_AUTO_TEST_CASE(a_fault_is_named_by_what_was_changed) {
  const std::uint64_t seq = first.seq();
  const std::string at = " " + std::to_string(seq);
  const Bytes whole = leaf(seq);
  const auto after_flip = [&](std::size_t offset) {
    flip(seq, offset);
    const std::string out = verdict();
    replace_leaf(seq, whole);
    return out;
  };
  BOOST_TEST(after_flip(0) == "leaf" + at);
  BOOST_TEST(after_flip(kSeq) == "seq" + at);
  BOOST_TEST(after_flip(kRoomSeq - 1) == "room_seq" + at);
  BOOST_TEST(after_flip(kTime - 4) == "time" + at);  // about four billion milliseconds earlier
  BOOST_TEST(after_flip(kServer) == "leaf" + at);
  BOOST_TEST(after_flip(kDevice) == "device" + at);
  // The author's signature comes first for what he signed.
  BOOST_TEST(after_flip(kRoom) == "signature" + at);
  BOOST_TEST(after_flip(kId) == "signature" + at);
  BOOST_TEST(after_flip(kSeenRoot) == "signature" + at);
  BOOST_TEST(after_flip(kFirstHeader + 8) == "signature" + at);
  BOOST_TEST(after_flip(whole.size() - 1) == "signature" + at);
}

BOOST_AUTO_TEST_CASE(a_dropped_entry_is_found) {
  sql("DELETE FROM entries WHERE seq=" + std::to_string(first.seq()));
  BOOST_TEST(verdict() == "seq " + std::to_string(first.seq()));
}

BOOST_AUTO_TEST_CASE(a_dropped_last_entry_is_found) {
  sql("DELETE FROM entries WHERE seq=" + std::to_string(last.seq()));
  BOOST_TEST(verdict() == "checkpoint " + std::to_string(last.seq()));
}

BOOST_AUTO_TEST_CASE(two_entries_that_changed_places_are_found) {
  const std::string a = std::to_string(first.seq()), b = std::to_string(last.seq());
  sql("UPDATE entries SET seq=-1 WHERE seq=" + a + "; UPDATE entries SET seq=" + a +
      " WHERE seq=" + b + "; UPDATE entries SET seq=" + b + " WHERE seq=-1");
  BOOST_TEST(verdict() == "seq " + a);
}

BOOST_AUTO_TEST_CASE(a_body_that_was_changed_or_moved_is_found) {
  const std::string a = std::to_string(first.seq()), b = std::to_string(last.seq());
  sql("UPDATE entries SET bodies=substr(bodies, 1, length(bodies)-1) || x'00' WHERE seq=" + b);
  BOOST_TEST(verdict() == "commitment " + b);
  sql("UPDATE entries SET bodies=(SELECT bodies FROM entries WHERE seq=" + b + ") WHERE seq=" + a);
  BOOST_TEST(verdict().ends_with(a));
}

BOOST_AUTO_TEST_CASE(a_body_that_is_missing_without_an_order_is_found) {
  sql("UPDATE entries SET bodies=x'01' WHERE seq=" + std::to_string(last.seq()));
  BOOST_TEST(verdict() == "body_missing " + std::to_string(last.seq()));
  sql("UPDATE entries SET bodies=x'02' WHERE seq=" + std::to_string(last.seq()));
  BOOST_TEST(verdict() == "body_missing " + std::to_string(last.seq()));
  sql("UPDATE entries SET bodies=x'' WHERE seq=" + std::to_string(last.seq()));
  BOOST_TEST(verdict() == "body_missing " + std::to_string(last.seq()));
}

BOOST_AUTO_TEST_CASE(a_message_by_another_key_is_found) {
  Bytes forged = leaf(last.seq());
  const crypto::DeviceKeys stranger(crypto::Seed::random());
  const auto decoded = record::decode_leaf(forged);
  const Signature signature = record::sign_submission(stranger.signing, decoded->submission_bytes);
  replace_leaf(last.seq(),
               record::encode_leaf(decoded->seq, decoded->first_room_seq, decoded->logged_at_ms,
                                   decoded->submission_bytes, {}, signature));
  BOOST_TEST(verdict() == "signature " + std::to_string(last.seq()));
}

BOOST_AUTO_TEST_CASE(every_stored_tree_node_is_compared) {
  const std::uint64_t nodes = merkle::node_count(last.seq() + 1);
  for (std::uint64_t number = 0; number < nodes; number += 3) {
    const std::string at = " WHERE number=" + std::to_string(number);
    const std::string flipped =
        "UPDATE nodes SET hash=CAST(substr(hash, 2) || substr(hash, 1, 1) AS BLOB)" + at;
    sql(flipped);
    BOOST_TEST(verdict().starts_with("tree"));
    sql("UPDATE nodes SET hash=CAST(substr(CAST(hash AS BLOB), 32, 1) || substr(hash, 1, 31) AS "
        "BLOB)" +
        at);
  }
  BOOST_TEST(verdict() == "whole");
  sql("DELETE FROM nodes WHERE number=4");
  BOOST_TEST(verdict().starts_with("tree"));
}

BOOST_AUTO_TEST_CASE(checkpoints_and_indexes_are_compared) {
  sql("UPDATE submissions SET seq=seq+1 WHERE seq=" + std::to_string(last.seq()));
  BOOST_TEST(verdict() == "index " + std::to_string(last.seq()));
  sql("UPDATE submissions SET seq=seq-1 WHERE seq>" + std::to_string(last.seq()));
  sql("UPDATE room_entries SET first_room_seq=first_room_seq+9 WHERE seq=" +
      std::to_string(last.seq()));
  BOOST_TEST(verdict() == "index " + std::to_string(last.seq()));
  sql("UPDATE room_entries SET first_room_seq=first_room_seq-9 WHERE seq=" +
      std::to_string(last.seq()));
  BOOST_TEST(verdict() == "whole");
  sql("UPDATE checkpoints SET root=zeroblob(32) WHERE size=(SELECT max(size) FROM checkpoints)");
  BOOST_TEST(verdict() == "checkpoint " + std::to_string(last.seq()));
}

BOOST_AUTO_TEST_CASE(the_tables_are_compared_with_what_the_entries_say) {
  struct Change {
    std::string sql;
    std::vector<std::string> words;  // of the sentence
  };
  const std::string ana_id = "x'" + to_hex(ana.user.view()) + "'";
  const std::vector<Change> changes{
      {"UPDATE users SET role=1-role WHERE name='beto'", {"table users", "otherwise of: role."}},
      {"UPDATE users SET name='eve', display_name='eve' WHERE name='ana'",
       {"table users", "otherwise of: name display_name."}},
      {"UPDATE devices SET sign_pk=zeroblob(32) WHERE device_no=1",
       {"table devices, row 1", "otherwise of: sign_pk."}},
      {"UPDATE devices SET revoked_seq=9 WHERE device_no=2",
       {"table devices, row 2", "otherwise of: revoked_seq."}},
      {"UPDATE invites SET uses=2, role=3", {"table invites", "otherwise of: role uses."}},
      {"UPDATE users SET class_link=zeroblob(15) || x'01'", {"table users", "of: class_link."}},
      {"UPDATE invites SET revoked=1", {"table invites", "otherwise of: revoked."}},
      {"UPDATE rooms SET flags=0, archived=1",
       {"table rooms, row 1", "otherwise of: flags archived."}},
      {"INSERT INTO members VALUES(2, " + ana_id + ", 1, 0)",
       {"table members, row 2", "no entry says it"}},
      {"DELETE FROM members WHERE user_id=" + ana_id, {"table members, row 1", "missing"}},
      {"INSERT INTO invites SELECT zeroblob(16), user_id, zeroblob(32), 0, 0, used_by, role, uses, "
       "label, rooms FROM invites LIMIT 1",
       {"table invites, row 0000", "no entry says it"}},
  };
  for (const Change& c : changes) {
    const std::filesystem::path before = scratch.path() / "before.db";
    std::filesystem::copy_file(options.database, before,
                               std::filesystem::copy_options::overwrite_existing);
    sql(c.sql);
    const VerifiedLog v = verify();
    BOOST_TEST_CONTEXT(c.sql) {
      BOOST_REQUIRE(v.fault);
      BOOST_TEST(v.fault->kind == "tables");
      BOOST_TEST(v.fault->seq == last.seq());
      for (const auto& word : c.words)
        BOOST_TEST(v.fault->text.find(word) != std::string::npos, v.fault->text);
    }
    std::filesystem::copy_file(before, options.database,
                               std::filesystem::copy_options::overwrite_existing);
  }
  BOOST_TEST(verdict() == "whole");
}

BOOST_AUTO_TEST_CASE(another_log_key_is_not_the_card_s) {
  key.key.bytes[0] ^= 1;
  BOOST_TEST(verdict() == "act 0");
}

BOOST_AUTO_TEST_CASE(a_log_that_was_changed_is_not_served) {
  const auto refused_with = [&](const std::string& words) {
    try {
      open();
    } catch (const StorageFailure& e) {
      return std::string(e.what()).find(words) != std::string::npos;
    }
    return false;
  };
  flip(last.seq(), kTime);
  BOOST_TEST(refused_with("is not the one in the tree"));
  flip(last.seq(), kTime);
  sql("DELETE FROM nodes WHERE number=(SELECT max(number) FROM nodes)");
  BOOST_TEST(refused_with("tree nodes"));
}

BOOST_AUTO_TEST_SUITE_END()
