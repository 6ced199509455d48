// The keys of data at rest, and how a data key takes another's place: from the commit of the rotation
// on, new entries are sealed under the new one; the older rows are sealed again some at a time, each
// batch in a transaction with the place that it has come to, so that a crash loses nothing and a start
// goes on. When the last row is done the old key is removed from the database, and the write-ahead log
// is cut: with secure_delete nothing of it is left in the files.
#include <fmt/format.h>

#include <charconv>

#include "broker/log/log_impl.hpp"
#include "common/base/log.hpp"

namespace tertulia::broker {

using record::Act;
using record::Kind;
using record::Tag;
using Stage = KeyStore::Stage;

namespace {
// In one transaction: whoever appends meanwhile waits for it.
constexpr std::uint64_t kRowsMax = 256;
constexpr std::size_t kBytesMax = 128 * 1024;

std::uint64_t number_in(Database& db, const char* key) {
  const auto stored = read_meta(db, key);
  const std::string_view text = stored ? as_text(*stored) : std::string_view();
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}
class NoWaiting {
 public:
  explicit NoWaiting(Database& db) : db_(db) { sqlite3_busy_timeout(db_.raw(), 0); }
  ~NoWaiting() { sqlite3_busy_timeout(db_.raw(), busy_ms_max); }
  NoWaiting(const NoWaiting&) = delete;
  NoWaiting& operator=(const NoWaiting&) = delete;

 private:
  Database& db_;
};
void put_number(Database& db, const char* key, std::uint64_t number) {
  write_meta(db, key, as_bytes(std::to_string(number)));
}
}  // namespace

void Log::Impl::use_stored_keys() {
  for (const auto& [number, one] : stored_keys.data_keys) ring->put(number, one.key);
  data_key = stored_keys.data_keys.rbegin()->first;
  sealing = ring->all()->at(data_key);
  reseal_next = reseal ? reseal->next : 0;
  reseal_end = reseal ? reseal->end : 0;
}

void Log::Impl::open_data_keys() {
  auto stored = read_keys(*db, keys.kek, keys.kek_next);
  if (!stored) throw StorageFailure("keys/kek.key does not open this log's data key");
  if (stored->by_next) keys.kek = *keys.kek_next;
  if (keys.kek_next && options.key_store != nullptr) {
    if (stored->by_next)  // a crash came between the commit and the renaming
      options.key_store->take_next("kek", false);
    else
      options.key_store->drop("kek", Stage::next);  // made, and nothing is under it
  }
  keys.kek_next.reset();
  stored_keys = std::move(*stored);
  if (const auto end = number_in(*db, "reseal_end"); end != 0)
    reseal = Reseal{number_in(*db, "reseal_next"), end};
  wal_holds_old_key = number_in(*db, "wal_holds_old_key") != 0;
  use_stored_keys();
}

Outcome Log::Impl::rotate_at_rest(const RotateKeyCommand& c) {
  if (reseal)
    return Done{false, fmt::format("{} of {} entries are sealed again from the last time; wait.",
                                   reseal->next, reseal->end)};
  const auto made = make_next("kek");
  if (!made) return Done{false, made.error()};
  begin();
  save_keys();
  keys.kek = *made;
  if (!c.only_wrap) {
    stored_keys.data_keys[data_key + 1] = {crypto::Seed::random(), batch_ms};
    reseal = Reseal{0, frontier.size()};
    put_number(*db, "reseal_next", reseal->next);
    put_number(*db, "reseal_end", reseal->end);
    const auto before = sealing;
    use_stored_keys();
    derived->reseal_webhooks(*before, *sealing);
  }
  write_keys(*db, keys.kek, keys.id, stored_keys);
  put_number(*db, "kek_since", batch_ms);
  put_number(*db, "wal_holds_old_key", 1);
  Act act;
  act.set(Tag::room, RoomId{});
  append_act_of(c.ran, Kind::key_rotate, std::move(act));
  when_committed.push_back([this] {
    wal_holds_old_key = true;
    options.key_store->take_next("kek", false);
    show_keys();
  });
  if (c.only_wrap) return Done{true, "The data key is wrapped under another kek.key."};
  return Done{true,
              fmt::format("New entries are sealed under another key, and {} older ones are being "
                          "sealed again; tertuliactl key list says how far it is.",
                          reseal->end)};
}

void Log::Impl::reseal_some() {
  struct Row {
    std::uint64_t seq;
    Bytes bodies;
  };
  const std::uint64_t old_key = stored_keys.data_keys.begin()->first;
  const auto old_keys = ring->all();
  const DataKeys& from = *old_keys->at(old_key);
  std::vector<Row> rows;
  std::size_t bytes = 0;
  std::uint64_t next = reseal->end;  // where there are no more
  {
    Statement read = db->prepare(
        "SELECT seq, bodies, data_key FROM entries WHERE seq>=? AND seq<? ORDER BY seq");
    read.bind(1, reseal->next).bind(2, reseal->end);
    while (read.next()) {
      if (rows.size() == kRowsMax || bytes >= kBytesMax) {
        next = read.number(0);
        break;
      }
      if (read.number(2) == data_key) continue;
      const ByteView bodies = read.blob(1);
      rows.push_back({read.number(0), Bytes(bodies.begin(), bodies.end())});
      bytes += bodies.size();
    }
  }
  try {
    db->run("BEGIN IMMEDIATE");
    Statement write = db->prepare("UPDATE entries SET bodies=?, data_key=? WHERE seq=?");
    std::vector<record::Body> bodies;
    for (const Row& row : rows) {
      // What does not open stays as it is: `log verify` names it, and nobody makes it good.
      if (!from.open_bodies(row.seq, row.bodies, bodies)) {
        log::error("the bodies of entry {} do not open, and stay as they are", row.seq);
        continue;
      }
      sealing->seal_bodies(row.seq, bodies, sealed);
      write.bind(1, sealed).bind(2, data_key).bind(3, row.seq).run();
    }
    put_number(*db, "reseal_next", next);
    if (next == reseal->end) end_reseal();
    db->run("COMMIT");
  } catch (const DiskFull&) {
    if (sqlite3_get_autocommit(db->raw()) == 0) db->run("ROLLBACK");
    throw;
  }
  reseal->next = next;
  reseal_next = next;
  if (next < reseal->end) return;
  stored_keys.data_keys.erase(old_key);
  ring->drop(old_key);
  reseal.reset();
  wal_holds_old_key = true;
  use_stored_keys();
  show_keys();
  log::notice("all entries are sealed under the new data key, and the old one is gone");
}

// Inside the transaction of the last rows.
void Log::Impl::end_reseal() {
  db->prepare("DELETE FROM data_keys WHERE number<?").bind(1, data_key).run();
  db->run("DELETE FROM meta WHERE key IN ('reseal_next', 'reseal_end')");
  put_number(*db, "wal_holds_old_key", 1);
}

// Carried over and cut to nothing, when no reader is in the way; it never waits for one.
void Log::Impl::cut_wal() {
  {
    const NoWaiting guard(*db);
    checkpoint_wal(SQLITE_CHECKPOINT_TRUNCATE);
  }
  if (wal_file_bytes(options.database) != 0) return;
  db->run("DELETE FROM meta WHERE key='wal_holds_old_key'");
  wal_holds_old_key = false;
}

KeyEntry Log::Impl::data_key_entry() const {
  KeyEntry entry;
  const auto& [number, one] = *stored_keys.data_keys.rbegin();
  entry.name = "data";
  entry.state = "in use";
  entry.kept = "database";
  entry.place = std::to_string(number);
  entry.since_ms = one.made_ms != 0 ? one.made_ms : store->leaf(0).logged_at_ms;
  return entry;
}

}  // namespace tertulia::broker
