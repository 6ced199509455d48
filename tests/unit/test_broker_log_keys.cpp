// The keys of a log that change: what the record says, what files say, and what a crash leaves between.
#include <fstream>

#include "broker/log/data_keys.hpp"
#include "broker/log/sqlite.hpp"
#include "broker/log/verify_log.hpp"
#include "common/wire/card.hpp"
#include "tests/unit/log_fixture.hpp"

namespace tertulia::broker {

namespace {

namespace fs = std::filesystem;
using Which = RotateKeyCommand::Which;

constexpr std::uint64_t kDayMs = 24ull * 3600 * 1000;

struct KeysFixture : test::LogFixture {
  struct Answer {
    bool ok = false;
    std::string text;
  };
  Answer rotate(Which which, std::uint64_t at_ms = 0, bool only_wrap = false) {
    Answer out;
    RotateKeyCommand c;
    c.which = which;
    c.at_ms = at_ms;
    c.only_wrap = only_wrap;
    c.ran.unix_user = "root";
    c.done = [&](bool ok, std::string text) { out = {ok, std::move(text)}; };
    for (const auto& callback : append(std::move(c)).callbacks) callback();
    return out;
  }
  // As a process that ended: without close() nothing is written that was not committed.
  void start_again() {
    log.reset();
    data.reset();
    data = std::make_unique<DataDirectory>(scratch.path() / "data", DataDirectory::Mode::serve);
    options.key_store = &data->key_store();
    log = std::make_unique<Log>(options, data->keys(), cell);
  }
  wire::Card card() const {
    const auto opened =
        wire::open_card(log->card(), data->keys().identity.public_key(), data->keys().id);
    BOOST_REQUIRE(opened);
    return *opened;
  }
  fs::path key(const char* name) const { return scratch.path() / "data" / "keys" / name; }
  fs::path kept(const char* name) const { return scratch.path() / name; }
  void keep_files() {
    fs::remove_all(kept("files"));
    fs::copy(scratch.path() / "data" / "keys", kept("files"));
  }
  // The files as they were at keep_files(): the crash came before they followed the record.
  void bring_files_back() {
    log.reset();
    data.reset();
    fs::remove_all(scratch.path() / "data" / "keys");
    fs::copy(kept("files"), scratch.path() / "data" / "keys");
    fs::permissions(scratch.path() / "data" / "keys", fs::perms::owner_all);
  }
  std::string verdict() {
    LogReader reader(options.database, data->keys().kek, data->keys().kek_next);
    const auto verified = verify_log(reader, first_log_key, data->keys().id);
    return verified.fault ? verified.fault->kind + ": " + verified.fault->text : "good";
  }
  std::vector<std::string> texts() {
    LogReader reader(options.database, log->data_keys());
    std::vector<std::string> out;
    reader.for_each(0, [&](LogReader::StoredEntry&& e) {
      BOOST_TEST(e.bodies_readable);
      const auto leaf = record::decode_leaf(e.leaf);
      for (const auto& body : e.bodies) {
        pb::Body words;
        words.ParseFromArray(body.bytes.data(), static_cast<int>(body.bytes.size()));
        if (!leaf->submission.is_act()) out.push_back(words.text());
      }
      return true;
    });
    return out;
  }
  bool in_files(ByteView bytes) const {
    for (const char* suffix : {"", "-wal"}) {
      const fs::path path = options.database.string() + suffix;
      if (!fs::exists(path)) continue;
      std::ifstream file(path, std::ios::binary);
      const std::string all{std::istreambuf_iterator<char>(file), {}};
      if (all.find(as_text(bytes)) != std::string::npos) return true;
    }
    return false;
  }
  Bytes wrapped_key() {
    Database db(options.database, Database::Access::read, {});
    Statement s = db.prepare("SELECT wrapped FROM data_keys ORDER BY number");
    BOOST_REQUIRE(s.next());
    const ByteView v = s.blob(0);
    return Bytes(v.begin(), v.end());
  }
  const merkle::NoteKey first_log_key = log->note_key();
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_log_keys, KeysFixture)

BOOST_AUTO_TEST_CASE(a_planned_transport_key_is_on_the_card_and_takes_its_place_at_an_opening) {
  const auto before = log->transport_key().public_key();
  const auto serial = card().serial;
  const auto said = rotate(Which::transport, now_ms + kDayMs);
  BOOST_REQUIRE_MESSAGE(said.ok, said.text);
  BOOST_REQUIRE(card().next);
  BOOST_TEST(card().serial == serial + 1);
  BOOST_TEST(card().next->not_before_ms == now_ms + kDayMs);
  BOOST_TEST(log->transport_due_ms() == now_ms + kDayMs);
  BOOST_CHECK(card().curve == before);
  const auto next = card().next->curve;

  start_again();  // too early
  BOOST_CHECK(log->transport_key().public_key() == before);
  BOOST_TEST(log->transport_due_ms() == now_ms + kDayMs);
  BOOST_TEST(card().serial == serial + 1);

  now_ms += kDayMs;
  start_again();
  BOOST_CHECK(log->transport_key().public_key() == next);
  BOOST_CHECK(card().curve == next);
  BOOST_CHECK(!card().next);
  BOOST_TEST(card().serial == serial + 2);
  BOOST_TEST(log->transport_due_ms() == 0u);
  BOOST_TEST(!fs::exists(key("transport.next.key")));
  BOOST_TEST(verdict() == "good");
  start_again();
  BOOST_CHECK(log->transport_key().public_key() == next);
  BOOST_TEST(card().serial == serial + 2);
}

BOOST_AUTO_TEST_CASE(another_date_moves_the_same_next_key) {
  BOOST_REQUIRE(rotate(Which::transport, now_ms + kDayMs).ok);
  const auto next = card().next->curve;
  BOOST_REQUIRE(rotate(Which::transport).ok);
  BOOST_CHECK(card().next->curve == next);
  BOOST_TEST(log->transport_due_ms() == now_ms + 2000);
  BOOST_TEST(!rotate(Which::transport, now_ms - 1).ok);
  BOOST_TEST(!rotate(Which::transport, now_ms + 400 * kDayMs).ok);
  BOOST_TEST(log->transport_due_ms() == now_ms + 2000);
}

BOOST_AUTO_TEST_CASE(a_key_that_was_made_and_not_named_is_dropped) {
  const auto before = log->transport_key().public_key();
  for (const char* name : {"transport.next.key", "log.next.key", "kek.next.key"})
    write_file_durably(key(name), crypto::Seed::random().view());
  start_again();
  BOOST_CHECK(log->transport_key().public_key() == before);
  BOOST_CHECK(log->note_key().key == first_log_key.key);
  for (const char* name : {"transport.next.key", "log.next.key", "kek.next.key"})
    BOOST_TEST(!fs::exists(key(name)));
}

BOOST_AUTO_TEST_CASE(a_crash_between_the_card_and_the_files_is_finished_by_the_next_start) {
  auto ana = enrol("ana");
  send(ana, {"one"});
  BOOST_REQUIRE(rotate(Which::transport, now_ms + 1000).ok);
  const auto next = card().next->curve;
  keep_files();
  now_ms += 1000;
  start_again();
  BOOST_CHECK(log->transport_key().public_key() == next);
  bring_files_back();
  start_again();
  BOOST_CHECK(log->transport_key().public_key() == next);
  BOOST_TEST(!fs::exists(key("transport.next.key")));

  keep_files();
  BOOST_REQUIRE(rotate(Which::log).ok);
  fs::copy(key("log.key"), kept("files") / "log.next.key");
  const auto log_key = log->note_key();
  bring_files_back();
  start_again();
  BOOST_CHECK(log->note_key().key == log_key.key);
  BOOST_TEST(fs::exists(key("log.before.key")));
  BOOST_TEST(!fs::exists(key("log.next.key")));
  BOOST_REQUIRE(card().log_before);
  BOOST_CHECK(card().log_before->key.key == first_log_key.key);

  keep_files();
  BOOST_REQUIRE(rotate(Which::at_rest, 0, true).ok);
  fs::copy(key("kek.key"), kept("files") / "kek.next.key");
  bring_files_back();
  start_again();
  BOOST_TEST(!fs::exists(key("kek.next.key")));
  BOOST_TEST(texts().size() == 1u);
  BOOST_TEST(verdict() == "good");
}

BOOST_AUTO_TEST_CASE(keys_of_another_age_than_the_record_are_refused_and_left_as_they_are) {
  const auto files = [&] {
    std::map<std::string, Bytes> out;
    for (const auto& entry : fs::directory_iterator(scratch.path() / "data" / "keys"))
      out[entry.path().filename().string()] = read_file(entry.path(), 64);
    return out;
  };
  const auto refusal = [&]() -> std::string {
    const auto before = files();
    std::string why;
    try {
      start_again();
    } catch (const StorageFailure& e) {
      why = e.what();
    }
    log.reset();
    data.reset();
    BOOST_TEST((files() == before));
    return why;
  };
  // An older transport key: clients would follow nobody
  const Bytes old_transport = read_file(key("transport.key"), 64);
  BOOST_REQUIRE(rotate(Which::transport, now_ms + 1000).ok);
  now_ms += 1000;
  start_again();
  const Bytes transport = read_file(key("transport.key"), 64);
  log.reset();
  data.reset();
  write_file_durably(key("transport.key"), old_transport);
  BOOST_TEST(refusal().find("had before") != std::string::npos);
  // One that no card has named is a replacement, and is told of
  write_file_durably(key("transport.key"), crypto::Seed::random().view());
  BOOST_TEST(refusal() == "");
  write_file_durably(key("transport.key"), transport);
  BOOST_TEST(refusal().find("had before") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_older_record_beside_newer_log_keys_is_refused_and_they_stay) {
  log->close();
  const auto copy = scratch.path() / "older.db";
  fs::copy(options.database, copy);
  start_again();
  BOOST_REQUIRE(rotate(Which::log).ok);
  BOOST_REQUIRE(fs::exists(key("log.before.key")));
  log->close();
  log.reset();
  data.reset();
  fs::copy(copy, options.database, fs::copy_options::overwrite_existing);
  for (const char* suffix : {"-wal", "-shm"}) fs::remove(options.database.string() + suffix);
  BOOST_CHECK_THROW(start_again(), StorageFailure);
  BOOST_TEST(fs::exists(key("log.before.key")));
  // It is the one that opens this record
  fs::rename(key("log.before.key"), key("log.key"));
  start_again();
  BOOST_TEST(verdict() == "good");
}

BOOST_AUTO_TEST_CASE(a_clock_that_steps_back_behind_an_empty_transaction_is_written_rightly) {
  auto ana = enrol("ana");
  send(ana, {"one"});
  const std::uint64_t at_ms = now_ms + kDayMs;
  BOOST_REQUIRE(rotate(Which::transport, at_ms).ok);
  now_ms += 10 * 60'000;
  BOOST_REQUIRE(rotate(Which::transport, at_ms).ok);  // nothing to write
  now_ms -= 5 * 60'000;
  send(ana, {"two"});
  now_ms -= 10 * 60'000;
  send(ana, {"three"});
  BOOST_TEST(verdict() == "good");
}

BOOST_AUTO_TEST_CASE(both_log_keys_sign_for_thirty_days_and_then_one) {
  auto ana = enrol("ana");
  const auto said = rotate(Which::log);
  BOOST_REQUIRE_MESSAGE(said.ok, said.text);
  const auto next = log->note_key();
  BOOST_CHECK(next.key != first_log_key.key);
  const auto both = [&] {
    BOOST_TEST(merkle::open_checkpoint(*log->checkpoint(), next).has_value());
    return merkle::open_checkpoint(*log->checkpoint(), first_log_key).has_value();
  };
  BOOST_TEST(both());
  const std::string note = send(ana, {"one"}).checkpoint();
  BOOST_TEST(merkle::open_checkpoint(note, first_log_key).has_value());
  start_again();
  BOOST_TEST(both());
  now_ms += 29 * kDayMs;
  send(ana, {"two"});
  BOOST_TEST(both());
  now_ms += 2 * kDayMs;
  send(ana, {"three"});
  BOOST_TEST(!both());
  BOOST_TEST(!fs::exists(key("log.before.key")));
  const auto serial = card().serial;
  start_again();
  BOOST_TEST(!both());
  BOOST_TEST(card().serial == serial);  // that its time is over is worth no card

  LogReader reader(options.database, data->keys().kek);
  const auto verified = verify_log(reader, first_log_key, data->keys().id);
  BOOST_REQUIRE(!verified.fault);
  BOOST_REQUIRE(verified.log_keys.size() == 2u);
  BOOST_CHECK(verified.log_keys[1].key.key == next.key);
}

BOOST_AUTO_TEST_CASE(data_is_sealed_again_in_small_steps_and_the_old_key_is_gone) {
  auto ana = enrol("ana");
  std::vector<std::string> said;
  for (int i = 0; i < 700; ++i) {
    said.push_back("message " + std::to_string(i));
    send(ana, {said.back()});
  }
  const Topic topic = cell.load()->room(general())->topic;
  const Bytes old_key = wrapped_key();
  const crypto::Seed old_kek = data->keys().kek;
  const auto answer = rotate(Which::at_rest);
  BOOST_REQUIRE_MESSAGE(answer.ok, answer.text);
  BOOST_TEST(log->is_resealing());
  BOOST_TEST(!rotate(Which::at_rest).ok);

  LogReader reader(options.database, log->data_keys());
  log->reseal();
  BOOST_TEST(log->is_resealing());
  said.push_back("while it goes on");
  send(ana, {said.back()});
  BOOST_TEST(texts() == said);

  start_again();  // killed half way
  BOOST_TEST(log->is_resealing());
  BOOST_TEST(texts() == said);
  int steps = 0;
  while (log->is_resealing() && ++steps < 100) log->reseal();
  BOOST_TEST(steps > 1);
  BOOST_TEST(!log->is_resealing());
  log->idle();
  BOOST_TEST(texts() == said);
  BOOST_TEST(verdict() == "good");
  BOOST_TEST(!in_files(old_key));
  BOOST_CHECK_THROW(LogReader(options.database, old_kek), StorageFailure);
  start_again();
  BOOST_TEST(texts() == said);
  BOOST_CHECK(cell.load()->room(general())->topic == topic);
}

BOOST_AUTO_TEST_CASE(the_seed_of_a_webhook_goes_with_the_data_key) {
  WebhookResult made;
  WebhookCommand command;
  command.user_name = "alarm";
  command.rooms = {general()};
  command.ran.unix_user = "root";
  command.done = [&](WebhookResult r) { made = std::move(r); };
  for (const auto& callback : append(std::move(command)).callbacks) callback();
  BOOST_REQUIRE_MESSAGE(made.ok, made.error);
  const auto sealed = [&] {
    Database db(options.database, Database::Access::read, {});
    return db.pragma("SELECT hex(seed) FROM webhooks");
  };
  const std::string before = sealed();
  BOOST_REQUIRE(rotate(Which::at_rest).ok);
  BOOST_TEST(sealed() != before);
  start_again();  // before the old key is gone
  BOOST_TEST((cell.load()->webhooks.at(made.device)->keys.id == made.device));
  while (log->is_resealing()) log->reseal();
  start_again();
  BOOST_TEST((cell.load()->webhooks.at(made.device)->keys.id == made.device));
}

BOOST_AUTO_TEST_CASE(a_reader_that_began_before_the_end_still_opens_what_it_reads) {
  auto ana = enrol("ana");
  for (int i = 0; i < 20; ++i) send(ana, {"text"});
  LogReader reader(options.database, log->data_keys());
  BOOST_REQUIRE(rotate(Which::at_rest).ok);
  std::size_t read = 0;
  reader.for_each(0, [&](LogReader::StoredEntry&& e) {
    if (read++ == 0)
      while (log->is_resealing()) log->reseal();
    BOOST_TEST(e.bodies_readable);
    return true;
  });
  BOOST_TEST(read == log->size());
  reader.for_each(0, [&](LogReader::StoredEntry&& e) {
    BOOST_TEST(e.bodies_readable);
    return true;
  });
}

BOOST_AUTO_TEST_CASE(the_list_of_keys_names_every_one_and_no_secret) {
  BOOST_REQUIRE(rotate(Which::transport, now_ms + kDayMs).ok);
  BOOST_REQUIRE(rotate(Which::log).ok);
  std::vector<std::string> names;
  const auto listed = log->keys();
  for (const KeyEntry& k : *listed) names.push_back(k.name + " " + k.state);
  const std::vector<std::string> wanted{"identity in use", "transport in use", "transport next",
                                        "log in use",      "log before",       "kek in use",
                                        "data in use"};
  BOOST_TEST(names == wanted);
  for (const KeyEntry& k : *listed)
    BOOST_CHECK(k.public_part.find(to_hex(data->keys().transport.secret().view())) ==
                std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::broker
