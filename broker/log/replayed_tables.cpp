#include "broker/log/replayed_tables.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stdexcept>

#include "broker/log/derived.hpp"
#include "broker/log/log.hpp"
#include "broker/log/schema.hpp"

namespace tertulia::broker {

namespace {

using record::Fault;

struct Table {
  const char* name;
  std::vector<std::string> keys;
  std::vector<std::string> values;
};
const std::vector<Table>& tables() {
  static const std::vector<Table> all{
      {"users",
       {"user_id"},
       {"name", "display_name", "role", "disabled", "changed_seq", "class_link"}},
      {"devices",
       {"device_no"},
       {"device_id", "user_id", "sign_pk", "curve_pk", "name", "enrolled_seq", "revoked_seq",
        "by_administrator", "held_by_server"}},
      {"invites",
       {"invite_id"},
       {"user_id", "curve_pk", "expires_ms", "revoked", "used_by", "role", "uses", "label",
        "rooms"}},
      {"rooms", {"room_no"}, {"room_id", "name", "topic", "kind", "flags", "archived"}},
      {"members", {"room_no", "user_id"}, {"standing", "joined_at"}},
  };
  return all;
}

std::string joined(const std::vector<std::string>& columns, const char* form, const char* between) {
  std::vector<std::string> out;
  for (const auto& c : columns) out.push_back(fmt::format(fmt::runtime(form), fmt::arg("c", c)));
  return fmt::format("{}", fmt::join(out, between));
}

}  // namespace

struct ReplayedTables::Impl {
  explicit Impl(const std::filesystem::path& database)
      : db(":memory:", Database::Access::write, {}),
        taken((take_copy(database), true)),
        store(db),
        derived(db, store, crypto::Seed()) {}  // topics are in no table: any key will do

  // Through a connection that only reads: one that may write could meet the log's writer.
  void take_copy(const std::filesystem::path& database) {
    create_tables(db);
    Database log(database, Database::Access::read, {});
    log.run("BEGIN");
    for (const Table& t : tables()) {
      std::vector<std::string> columns = t.keys;
      columns.insert(columns.end(), t.values.begin(), t.values.end());
      const std::string names = joined(columns, "{c}", ", ");
      db.run(fmt::format("CREATE TABLE stored_{}({}, PRIMARY KEY({})) WITHOUT ROWID", t.name, names,
                         joined(t.keys, "{c}", ", "))
                 .c_str());
      Statement from = log.prepare(fmt::format("SELECT {} FROM {}", names, t.name).c_str());
      Statement to = db.prepare(fmt::format("INSERT INTO stored_{}({}) VALUES({})", t.name, names,
                                            joined(columns, "?", ", "))
                                    .c_str());
      while (from.next()) to.bind_row(from).run();
    }
    Statement count = log.prepare("SELECT ifnull(max(seq) + 1, 0) FROM entries");
    count.next();
    size = count.number(0);
    count.reset();
    log.run("COMMIT");
  }

  std::optional<Fault> compare(const Table& t);
  std::optional<Fault> difference(const Table& t, const std::string& from, const std::string& in,
                                  const char* without);
  std::optional<Fault> fault(const Table& t, const std::string& key,
                             const std::string& what) const {
    return Fault{size - 1, "tables", fmt::format("The table {}, row {}: {}.", t.name, key, what)};
  }

  Database db;
  std::uint64_t size = 0;  // entries that the copy stands for
  const bool taken;        // before statements on its tables are made
  EntryStore store;
  Derived derived;
};

ReplayedTables::ReplayedTables(const std::filesystem::path& database)
    : impl_(std::make_unique<Impl>(database)) {}
ReplayedTables::~ReplayedTables() = default;

std::optional<Fault> ReplayedTables::apply(const record::Leaf& leaf,
                                           const std::vector<record::Body>& bodies) {
  Impl& m = *impl_;
  if (leaf.seq >= m.size) return std::nullopt;
  const record::Submission& s = leaf.submission;
  try {
    // How far a room had come when somebody joined it is in a table too
    if (!s.is_act()) m.derived.advance(s.room, leaf.seq, s.messages.size());
  } catch (const std::out_of_range&) {
    return Fault{leaf.seq, "member", "The entry names a room that is not there."};
  }
  if (!s.is_act()) return std::nullopt;
  const record::Kind kind = leaf.submission.messages[0].kind;
  const auto act = record::decode_act(kind, leaf.act);
  pb::Body words;
  if (!act || bodies.size() != 1 ||
      !words.ParseFromArray(bodies[0].bytes.data(), static_cast<int>(bodies[0].bytes.size())))
    return Fault{leaf.seq, "act", "The act or its body cannot be decoded."};
  try {
    m.derived.apply(leaf.seq, kind, *act, words.names());
  } catch (const StorageFailure&) {  // two rows where the tables allow one
    return Fault{leaf.seq, "act", "The act names somebody or something that is there already."};
  } catch (const std::out_of_range&) {
    return Fault{leaf.seq, "act", "The act names somebody or something that is not there."};
  }
  return std::nullopt;
}

std::optional<Fault> ReplayedTables::compare() {
  for (const Table& t : tables())
    if (auto found = impl_->compare(t)) return found;
  return std::nullopt;
}

// The first row of `from` whose key is not in `in`.
std::optional<Fault> ReplayedTables::Impl::difference(const Table& t, const std::string& from,
                                                      const std::string& in, const char* without) {
  const std::string shown =
      joined(t.keys, "iif(typeof(a.{c})='blob', hex(a.{c}), a.{c})", " || ' ' || ");
  Statement s = db.prepare(fmt::format("SELECT {} FROM {} a WHERE NOT EXISTS (SELECT 1 FROM {} b "
                                       "WHERE {}) LIMIT 1",
                                       shown, from, in, joined(t.keys, "a.{c} IS b.{c}", " AND "))
                               .c_str());
  if (!s.next()) return std::nullopt;
  return fault(t, s.text(0), without);
}

std::optional<Fault> ReplayedTables::Impl::compare(const Table& t) {
  const std::string stored = fmt::format("stored_{}", t.name);
  if (auto found = difference(t, t.name, stored, "it is missing, and the entries say it"))
    return found;
  if (auto found = difference(t, stored, t.name, "it is there, and no entry says it")) return found;
  if (t.values.empty()) return std::nullopt;
  Statement s = db.prepare(
      fmt::format("SELECT {}, {} FROM {} a JOIN {} b ON {} WHERE {} LIMIT 1",
                  joined(t.keys, "iif(typeof(a.{c})='blob', hex(a.{c}), a.{c})", " || ' ' || "),
                  joined(t.values, "iif(a.{c} IS b.{c}, '', ' {c}')", " || "), t.name, stored,
                  joined(t.keys, "a.{c} IS b.{c}", " AND "),
                  joined(t.values, "a.{c} IS NOT b.{c}", " OR "))
          .c_str());
  if (!s.next()) return std::nullopt;
  return fault(t, s.text(0), "the entries say otherwise of:" + s.text(1));
}

}  // namespace tertulia::broker
