#include "broker/log/log_reader.hpp"

#include <algorithm>
#include <limits>

#include "broker/log/data_keys.hpp"
#include "broker/log/log.hpp"
#include "broker/log/schema.hpp"

namespace tertulia::broker {

namespace {
constexpr std::uint64_t kPageRows = 512;
}

struct LogReader::Impl {
  Impl(const std::filesystem::path& path, std::shared_ptr<const DataKeyRing> shared,
       const std::optional<crypto::Seed>& own_kek, const std::optional<crypto::Seed>& own_next)
      : file(path),
        kek(own_kek),
        kek_next(own_next),
        db(path, Database::Access::read, {}),
        checked((require_schema(db, path), true)),
        ring(shared ? std::move(shared) : open_keys(db, *kek, kek_next)),
        room_no(db.prepare("SELECT room_no FROM rooms WHERE room_id=?")),
        holder(db.prepare(
            "SELECT first_room_seq FROM room_entries WHERE room_no=? AND first_room_seq<=? "
            "ORDER BY first_room_seq DESC LIMIT 1")),
        // A room's entries are dense: an entry ends where the next one begins.
        forward(db.prepare("SELECT e.seq, e.leaf, e.bodies, e.data_key FROM room_entries r JOIN "
                           "entries e ON e.seq=r.seq "
                           "WHERE r.room_no=? AND r.first_room_seq>=? ORDER BY r.first_room_seq")),
        backward(
            db.prepare("SELECT e.seq, e.leaf, e.bodies, e.data_key FROM room_entries r JOIN "
                       "entries e ON e.seq=r.seq "
                       "WHERE r.room_no=? AND r.first_room_seq<? ORDER BY r.first_room_seq DESC")),
        page(db.prepare(
            "SELECT seq, leaf, bodies, data_key FROM entries WHERE seq>=? ORDER BY seq LIMIT ?")),
        node(db.prepare("SELECT hash FROM nodes WHERE number=?")),
        count(db.prepare("SELECT ifnull(max(seq) + 1, 0) FROM entries")),
        by_id(
            db.prepare("SELECT s.seq FROM submissions s JOIN devices d ON d.device_no=s.device_no "
                       "WHERE d.device_id=? AND s.id=?")),
        by_room(db.prepare("SELECT e.seq FROM room_entries e JOIN rooms r ON r.room_no=e.room_no "
                           "WHERE r.room_id=? AND e.first_room_seq=?")),
        newest(db.prepare("SELECT size, root FROM checkpoints ORDER BY size DESC LIMIT 1")) {}

  // Of a process that does not write the log: what the database holds now.
  static std::shared_ptr<DataKeyRing> open_keys(Database& db, const crypto::Seed& kek,
                                                const std::optional<crypto::Seed>& next) {
    const auto stored = read_keys(db, kek, next);
    if (!stored) throw StorageFailure("keys/kek.key does not open this log's data key");
    auto out = std::make_shared<DataKeyRing>();
    for (const auto& [number, one] : stored->data_keys) out->put(number, one.key);
    return out;
  }

  // Before each read: keys that are dropped meanwhile stay until its end.
  void begin_read() { held = ring->all(); }
  const DataKeys& key(std::uint64_t number) {
    if (auto found = held->find(number); found != held->end()) return *found->second;
    if (kek) ring = open_keys(db, *kek, kek_next);
    begin_read();
    const auto found = held->find(number);
    // Damaged: opened by none.
    return found != held->end() ? *found->second : *held->begin()->second;
  }

  // Appends the statement's current row as an entry; answers how many messages it has.
  std::size_t append_row(Statement& row, Bytes& out) {
    key(row.number(3)).open_bodies(row.number(0), row.blob(2), bodies);
    record::append_entry(out, row.blob(1), bodies);
    return bodies.size();
  }

  Bytes newer(std::uint64_t room, std::uint64_t from, std::uint32_t limit, std::size_t bytes_max);
  Bytes older(std::uint64_t room, std::uint64_t before, std::uint32_t limit, std::size_t bytes_max);

  const std::filesystem::path file;
  const std::optional<crypto::Seed> kek, kek_next;  // none: the ring is the log's own
  Database db;
  const bool checked;  // in front of the statements, which a later schema may not know
  std::shared_ptr<const DataKeyRing> ring;
  std::shared_ptr<const DataKeyRing::Keys> held = ring->all();
  Statement room_no, holder, forward, backward, page, node, count, by_id, by_room, newest;
  std::vector<record::Body> bodies;
};

LogReader::LogReader(const std::filesystem::path& database, const crypto::Seed& kek,
                     const std::optional<crypto::Seed>& kek_next)
    : impl_(std::make_unique<Impl>(database, nullptr, kek, kek_next)) {}
LogReader::LogReader(const std::filesystem::path& database, std::shared_ptr<const DataKeyRing> keys)
    : impl_(std::make_unique<Impl>(database, std::move(keys), std::nullopt, std::nullopt)) {}
LogReader::~LogReader() = default;

Bytes LogReader::Impl::newer(std::uint64_t room, std::uint64_t from, std::uint32_t limit,
                             std::size_t bytes_max) {
  std::uint64_t first = from;
  {
    const ResetAtEnd guard(holder);
    if (holder.bind(1, room).bind(2, from).next()) first = holder.number(0);
  }
  Bytes out;
  std::uint64_t messages = 0;
  const ResetAtEnd guard(forward);
  forward.bind(1, room).bind(2, first);
  while (messages < limit && forward.next()) {
    const std::size_t before = out.size();
    const std::size_t taken = append_row(forward, out);
    if (first < from && first + taken <= from) {  // the room ends before `from`
      out.clear();
      first = from;
      continue;
    }
    messages += taken;
    if (out.size() > bytes_max && before > 0) {
      out.resize(before);
      break;
    }
  }
  return out;
}

Bytes LogReader::Impl::older(std::uint64_t room, std::uint64_t before, std::uint32_t limit,
                             std::size_t bytes_max) {
  constexpr auto kNoBound = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  std::vector<Bytes> newest_first;
  std::uint64_t messages = 0;
  std::size_t bytes = 0;
  {
    const ResetAtEnd guard(backward);
    backward.bind(1, room).bind(2, before == 0 ? kNoBound : before);
    while (messages < limit && backward.next()) {
      Bytes entry;
      messages += append_row(backward, entry);
      bytes += entry.size();
      if (bytes > bytes_max && !newest_first.empty()) break;
      newest_first.push_back(std::move(entry));
    }
  }
  Bytes out;
  out.reserve(std::min(bytes, bytes_max));
  for (auto it = newest_first.rbegin(); it != newest_first.rend(); ++it)
    out.insert(out.end(), it->begin(), it->end());
  return out;
}

Bytes LogReader::history(const RoomId& room, std::uint64_t from_room_seq, std::uint64_t before,
                         std::uint32_t limit, std::size_t bytes_max) {
  Impl& m = *impl_;
  m.begin_read();
  std::uint64_t number = 0;
  {
    const ResetAtEnd guard(m.room_no);
    if (!m.room_no.bind(1, room).next()) return {};
    number = m.room_no.number(0);
  }
  constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();
  return from_room_seq > 0 ? m.newer(number, std::min(from_room_seq, kLargest), limit, bytes_max)
                           : m.older(number, std::min(before, kLargest), limit, bytes_max);
}

std::uint64_t LogReader::size() {
  const ResetAtEnd guard(impl_->count);
  impl_->count.next();
  return impl_->count.number(0);
}

const std::filesystem::path& LogReader::path() const { return impl_->file; }

merkle::NodeReader LogReader::node_reader() {
  return [this](std::uint64_t number) {
    const auto hash = find_node(number);
    if (!hash)
      throw StorageFailure("the record is not whole: tree node " + std::to_string(number) +
                           " is missing");
    return *hash;
  };
}

std::optional<Hash> LogReader::find_node(std::uint64_t number) {
  Statement& s = impl_->node;
  const ResetAtEnd guard(s);
  if (!s.bind(1, number).next()) return std::nullopt;
  return Hash::parse(s.blob(0));
}

bool LogReader::is_indexed(const record::Leaf& leaf) {
  if (leaf.submission.is_act()) return true;
  const ResetAtEnd id_guard(impl_->by_id), room_guard(impl_->by_room);
  Statement& id = impl_->by_id.bind(1, leaf.submission.device).bind(2, leaf.submission.id);
  Statement& room = impl_->by_room.bind(1, leaf.submission.room).bind(2, leaf.first_room_seq);
  return id.next() && id.number(0) == leaf.seq && room.next() && room.number(0) == leaf.seq;
}

void LogReader::for_each(std::uint64_t from, const std::function<bool(StoredEntry&&)>& f) {
  Impl& m = *impl_;
  for (std::uint64_t at = from;;) {
    std::vector<StoredEntry> page;
    m.begin_read();
    {
      const ResetAtEnd guard(m.page);
      m.page.bind(1, at).bind(2, kPageRows);
      while (m.page.next()) {
        StoredEntry entry;
        entry.seq = m.page.number(0);
        const ByteView leaf = m.page.blob(1);
        entry.leaf.assign(leaf.begin(), leaf.end());
        entry.bodies_readable =
            m.key(m.page.number(3)).open_bodies(entry.seq, m.page.blob(2), entry.bodies);
        page.push_back(std::move(entry));
      }
    }
    if (page.empty()) return;
    at = page.back().seq + 1;
    for (auto& entry : page)
      if (!f(std::move(entry))) return;
  }
}

std::optional<std::pair<std::uint64_t, Hash>> LogReader::last_checkpoint() {
  Statement& s = impl_->newest;
  const ResetAtEnd guard(s);
  if (!s.next()) return std::nullopt;
  return std::pair(s.number(0), s.id<Hash>(1));
}

}  // namespace tertulia::broker
