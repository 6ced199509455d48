// A database of an earlier schema is carried into this one, with a copy of before; a later one is not.
#include <fstream>

#include "broker/log/log_reader.hpp"
#include "broker/log/migrations.hpp"
#include "broker/log/schema.hpp"
#include "broker/log/verify_log.hpp"
#include "tests/unit/log_fixture.hpp"

namespace tertulia::broker {

namespace {

namespace fs = std::filesystem;

struct Earlier : test::LogFixture {
  // As version 1 left it: no history, and a member is only a member.
  void make_schema_1() {
    log.reset();
    Database db(options.database, Database::Access::write, {});
    db.run("ALTER TABLE members DROP COLUMN standing; ALTER TABLE members DROP COLUMN joined_at");
    db.run("DROP TABLE read_markers; DROP TABLE device_seen");
    db.run("ALTER TABLE users DROP COLUMN changed_seq; ALTER TABLE users DROP COLUMN class_link");
    for (const char* column : {"role", "uses", "label", "rooms"})
      db.run(("ALTER TABLE invites DROP COLUMN " + std::string(column)).c_str());
    db.run("ALTER TABLE devices DROP COLUMN held_by_server");
    db.run("DROP TABLE webhooks; DROP TABLE webhook_keys");
    db.run("INSERT INTO meta(key, value) SELECT 'data_key', wrapped FROM data_keys");
    db.run("DROP TABLE changes");
    db.run("DROP TABLE data_keys; ALTER TABLE entries DROP COLUMN data_key");
    db.run("DROP TABLE history; UPDATE meta SET value=CAST('1' AS BLOB) WHERE key='schema'");
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  void set_schema(const char* sql) {
    log.reset();
    Database db(options.database, Database::Access::write, {});
    db.run(sql);
  }
  std::vector<fs::path> copies() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(options.database.parent_path()))
      if (entry.path().filename().string().find(".before-schema-") != std::string::npos)
        out.push_back(entry.path());
    return out;
  }
  std::string text_of(const fs::path& database, const char* sql) const {
    Database db(database, Database::Access::read, {});
    return db.pragma(sql);
  }
  std::string refusal() {
    try {
      Log again(options, data->keys(), cell);
      return "";
    } catch (const StorageFailure& e) {
      return e.what();
    }
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_log_migrations, Earlier)

BOOST_AUTO_TEST_CASE(an_earlier_schema_is_carried_over_and_a_copy_of_it_is_kept) {
  const auto size = log->size();
  make_schema_1();
  options.program = "tertuliad 9.9";
  {
    Log again(options, data->keys(), cell);
    BOOST_TEST(again.size() == size);
    again.close();
  }
  BOOST_TEST(text_of(options.database, "SELECT value FROM meta WHERE key='schema'") ==
             std::to_string(schema_version));
  BOOST_TEST(text_of(options.database, "SELECT program FROM history") == "tertuliad 9.9");
  const auto kept = copies();
  BOOST_REQUIRE(kept.size() == 1u);
  BOOST_TEST(text_of(kept[0], "SELECT value FROM meta WHERE key='schema'") == "1");
  BOOST_TEST(text_of(kept[0], "SELECT count(*) FROM entries") == std::to_string(size));
  BOOST_TEST(text_of(kept[0], "PRAGMA integrity_check") == "ok");
  BOOST_CHECK_NO_THROW(require_private(kept[0]));
}

BOOST_AUTO_TEST_CASE(who_came_when_is_taken_from_the_record) {
  test::Member ana = enrol("ana");
  send(ana, {"one", "two", "three"});
  enrol("beto");
  send(ana, {"four"});
  enrol("carla");
  const char* const all =
      "SELECT group_concat(joined_at) FROM (SELECT joined_at FROM members ORDER BY joined_at)";
  log->close();
  BOOST_TEST(text_of(options.database, all) == "0,3,4");
  make_schema_1();
  {
    Log again(options, data->keys(), cell);
    again.close();
    LogReader reader(options.database, data->keys().kek);
    const auto fault = verify_log(reader, again.note_key(), server()).fault;
    BOOST_CHECK_MESSAGE(!fault, (fault ? fault->kind + ": " + fault->text : ""));
  }
  BOOST_TEST(text_of(options.database, all) == "0,3,4");
}

BOOST_AUTO_TEST_CASE(a_carrying_over_that_fails_leaves_no_copy) {
  set_schema("DROP TABLE webhooks");  // made again by a step, but for this one
  set_schema("CREATE TABLE webhooks(other INTEGER)");
  set_schema("UPDATE meta SET value=CAST('4' AS BLOB) WHERE key='schema'");
  for (int i = 0; i < 3; ++i) BOOST_TEST(refusal() != "");
  BOOST_TEST(copies().empty());
}

BOOST_AUTO_TEST_CASE(a_start_that_carries_over_asks_for_time_before_each_long_step) {
  make_schema_1();
  std::vector<std::string> told;
  options.starting = [&](const std::string& doing, std::uint64_t more_ms) {
    told.push_back(doing);
    BOOST_TEST(more_ms >= 60'000u);
  };
  {
    Log again(options, data->keys(), cell);
    again.close();
  }
  const std::vector<std::string> steps{"Copying the database", "Writing the copy",
                                       "Carrying the database"};
  auto step = steps.begin();
  for (const auto& doing : told)
    if (step != steps.end() && doing.starts_with(*step)) ++step;
  BOOST_TEST((step == steps.end()), told.size() << " words");
  told.clear();
  Log again(options, data->keys(), cell);
  again.close();
  BOOST_TEST(told.empty());  // an ordinary start is short
}

BOOST_AUTO_TEST_CASE(a_start_with_a_long_wal_asks_for_time_and_leaves_it_short) {
  test::Member ana = enrol("ana");
  const fs::path wal = options.database.string() + "-wal";
  {
    // Somebody's sqlite3 stands in the way of carrying it over
    Database in_the_way(options.database, Database::Access::read, {});
    in_the_way.run("BEGIN");
    in_the_way.pragma("SELECT count(*) FROM entries");
    const std::vector<std::string> texts(64, std::string(4000, 'x'));
    while (wal_file_bytes(options.database) < long_wal_bytes) {
      std::vector<Append> batch;
      for (int i = 0; i < 16; ++i) batch.emplace_back(submission(ana, general(), texts));
      log->append(std::move(batch));
      log->idle();
    }
  }
  const auto size = log->size();
  log.reset();  // as a crash leaves it
  std::vector<std::string> told;
  options.starting = [&](const std::string& doing, std::uint64_t more_ms) {
    told.push_back(doing);
    BOOST_TEST(more_ms > 60'000u + (64u << 20) / 10'000);  // by its size
  };
  Log again(options, data->keys(), cell);
  BOOST_TEST(again.size() == size);
  BOOST_REQUIRE(told.size() == 2u);
  BOOST_TEST(told[0].starts_with("Reading the write-ahead log, 6"), told[0]);
  BOOST_TEST(told[1].starts_with("Carrying 6"), told[1]);
  BOOST_TEST(fs::file_size(wal) < 4u << 20);
  again.close();
  BOOST_TEST(text_of(options.database, "PRAGMA integrity_check") == "ok");
}

BOOST_AUTO_TEST_CASE(the_history_has_one_row_for_each_version_that_has_served) {
  for (const char* program : {"a", "a", "b", "b", "a"}) {
    log.reset();
    options.program = program;
    Log again(options, data->keys(), cell);
    again.close();
  }
  BOOST_TEST(text_of(options.database,
                     "SELECT group_concat(program, ' ') FROM history WHERE program <> 'unnamed'") ==
             "a b a");
}

BOOST_AUTO_TEST_CASE(what_a_crash_left_of_a_copy_is_removed_and_the_start_goes_on) {
  make_schema_1();
  const auto left = options.database.string() + ".before-schema-2-20260101T000000.000Z.partial";
  std::ofstream(left) << "half";
  Log again(options, data->keys(), cell);
  again.close();
  BOOST_TEST(!fs::exists(left));
  BOOST_TEST(copies().size() == 1u);
}

BOOST_AUTO_TEST_CASE(only_the_newest_copies_are_kept) {
  for (int i = 0; i < 4; ++i) {
    make_schema_1();
    Log again(options, data->keys(), cell);
    again.close();
  }
  BOOST_TEST(copies().size() == migration_copies_kept);
}

BOOST_AUTO_TEST_CASE(a_later_schema_is_refused_with_what_to_do_and_left_as_it_is) {
  set_schema("UPDATE meta SET value=CAST('99' AS BLOB) WHERE key='schema'");
  const std::string why = refusal();
  const std::string known = "knows schema " + std::to_string(schema_version) + " at most";
  for (const std::string& word :
       {std::string("schema 99"), known, std::string("newer tertuliad"),
        std::string(".before-schema-99")})
    BOOST_TEST(why.find(word) != std::string::npos, why);
  BOOST_TEST(text_of(options.database, "SELECT value FROM meta WHERE key='schema'") == "99");
  BOOST_CHECK_THROW(LogReader(options.database, data->keys().kek), StorageFailure);
  BOOST_TEST(copies().empty());
}

BOOST_AUTO_TEST_CASE(a_schema_that_is_no_number_is_refused) {
  set_schema("UPDATE meta SET value=CAST('two' AS BLOB) WHERE key='schema'");
  BOOST_TEST(refusal().find("does not say which schema") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_reader_of_an_earlier_schema_says_who_carries_it_over) {
  make_schema_1();
  try {
    LogReader reader(options.database, data->keys().kek);
    BOOST_ERROR("it was read");
  } catch (const StorageFailure& e) {
    BOOST_TEST(std::string(e.what()).find("start this version of tertuliad once") !=
               std::string::npos);
  }
  BOOST_TEST(text_of(options.database, "SELECT value FROM meta WHERE key='schema'") == "1");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::broker
