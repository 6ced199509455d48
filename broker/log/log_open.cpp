// The start of a log: a new one is made in one transaction; one that exists is checked before it is
// served.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <utility>

#include "broker/log/log_impl.hpp"
#include "broker/log/migrations.hpp"
#include "common/base/file.hpp"
#include "common/base/log.hpp"
#include "common/wire/card.hpp"

namespace tertulia::broker {

using record::Act;
using record::Kind;
using record::Tag;

namespace {

constexpr std::uint64_t kReserveBytes = 64ull << 20;
constexpr std::uint64_t kTailEntries = 256;
constexpr std::uint64_t kGeneration = 1;

[[noreturn]] void refuse(const std::string& sentence) { throw StorageFailure(sentence); }

int count_wal(void* impl, sqlite3*, const char*, int frames) {
  static_cast<std::atomic<std::uint64_t>*>(impl)->store(static_cast<std::uint64_t>(frames));
  return SQLITE_OK;
}

}  // namespace

std::uint64_t free_bytes_beside(const std::filesystem::path& file) {
  struct statvfs fs {};
  return ::statvfs(file.c_str(), &fs) == 0 ? fs.f_bavail * fs.f_frsize : 0;
}

void Log::Impl::open() {
  StartProgress progress(options.starting);
  OpenedDatabase opened = open_for_writing(options.database, options.vfs, progress);
  db = std::move(opened.database);
  sqlite3_wal_hook(db->raw(), count_wal, &wal_frames);
  begin_statement.emplace(db->prepare("BEGIN IMMEDIATE"));
  commit_statement.emplace(db->prepare("COMMIT"));
  const bool is_full = !opened.is_new && !settle_wal(progress);
  if (opened.is_new)
    make_log();
  else
    recover();
  if (is_full) stop_writing();
  notices.clear();  // nobody is connected yet
  note_this_program();
  load_presence();
  make_reserve();
}

// What was read back may lie in the page cache alone: of a commit whose fsync a kill or an error met.
// Before anything rests on it (an ack that is given again, a checkpoint, a renamed key file) it is made
// to last. The carrying over writes and syncs each page anew, which also mends the WAL of a disk whose
// fsync has failed: the kernel takes such pages for written. False: the disk is full, and the WAL is
// synced as it lies there.
bool Log::Impl::settle_wal(StartProgress& progress) {
  const std::uint64_t bytes = wal_file_bytes(options.database);
  if (bytes == 0) return true;
  if (bytes >= long_wal_bytes)
    progress.begins(
        fmt::format("Carrying {} MiB of the write-ahead log into the database.", bytes >> 20),
        bytes);
  sync_file(options.database.string() + "-wal");
  try {
    checkpoint_wal(SQLITE_CHECKPOINT_TRUNCATE);
  } catch (const DiskFull&) {
    return false;
  }
  return true;
}

// Full or not: the log serves whether this can be written or not.
void Log::Impl::note_this_program() {
  try {
    db->run("BEGIN IMMEDIATE");
    note_program(*db, options.program, options.now_ms());
    db->run("COMMIT");
  } catch (const DiskFull&) {
    if (sqlite3_get_autocommit(db->raw()) == 0) db->run("ROLLBACK");
  }
}

void Log::Impl::make_log() {
  batch_ms = options.now_ms();
  begin_statement->run();
  create_tables(*db);
  stored_keys.data_keys[1] = {crypto::Seed::random(), 0};
  stored_keys.topics = crypto::derive(stored_keys.data_keys[1].key, "tertdata", 5);
  origin = merkle::log_origin(options.server_name, keys.id, kGeneration);
  write_meta(*db, "server_id", keys.id.view());
  write_meta(*db, "origin", as_bytes(origin));
  write_meta(*db, "generation", as_bytes(std::to_string(kGeneration)));
  write_keys(*db, keys.kek, keys.id, stored_keys);
  use_stored_keys();
  store = std::make_unique<EntryStore>(*db);
  derived = std::make_unique<Derived>(*db, *store, stored_keys.topics);
  last_ms = batch_ms;
  derived->set_time(last_ms);
  transaction = Saved{frontier, last_ms, checkpoint_rows};

  add_card(wanted_card());
  RoomId general;
  randombytes_buf(general.data(), general.size());
  Act create;
  create.set(Tag::room, general)
      .set_number(Tag::flags, record::flag_default_room | record::flag_past_readable)
      .set_number(Tag::room_kind, static_cast<std::uint64_t>(record::RoomKind::public_room));
  pb::ActNames names;
  names.set_room_name("general");
  append_act(Kind::room_create, create, names);
  commit();
}

void Log::Impl::recover() {
  compare_keys();
  store = std::make_unique<EntryStore>(*db);
  derived = std::make_unique<Derived>(*db, *store, stored_keys.topics);
  const std::uint64_t size = store->entries(), nodes = store->nodes();
  if (size == 0) refuse("the record is not whole: it has no entries");
  if (nodes != merkle::node_count(size))
    refuse(fmt::format("the record is not whole: {} entries need {} tree nodes, and there are {}",
                       size, merkle::node_count(size), nodes));
  const merkle::NodeReader read = [this](std::uint64_t number) { return store->node(number); };
  frontier = merkle::Frontier(size, read);
  check_tail();
  check_transport_key();
  last_ms = store->leaf(size - 1).logged_at_ms;

  const auto rows = store->last_checkpoints(checkpoints_remembered);
  checkpoint_rows = rows.size();
  for (const auto& [at, root] : rows) recent.add(at, root);
  if (!rows.empty()) {
    const auto& [at, root] = rows.back();
    if (at > size)
      refuse(fmt::format(
          "the record is not whole: a checkpoint of size {} was signed, and there are {} entries",
          at, size));
    if (merkle::root_at(at, read) != root)
      refuse(fmt::format(
          "the record was changed: its root at size {} is not the one of the checkpoint", at));
  }
  // Ed25519 is deterministic: what a crash kept from being written is signed again, to the same bytes.
  sign_head();
  if (!rows.empty() && rows.back().first == size) unwritten.reset();
  derived->set_time(options.now_ms());
  derived->load(size, *sealing);
  derived->publish(cell);
  renew_card();
}

void Log::Impl::compare_keys() {
  const auto server = read_meta(*db, "server_id"), stored_origin = read_meta(*db, "origin");
  const auto stored_card = read_meta(*db, "card");
  if (!server || !stored_origin || !stored_card)
    refuse("the record is not whole: a meta value is missing");
  if (as_text(*server) != as_text(keys.id.view()))
    refuse(fmt::format("the log is that of server {}, and keys/identity.key is that of server {}",
                       to_hex(ByteView(*server)).substr(0, 16), to_hex(keys.id.view().first(8))));
  open_data_keys();
  origin = std::string(as_text(*stored_origin));
  const auto opened = wire::open_card(as_text(*stored_card), keys.identity.public_key(), keys.id);
  if (!opened) refuse("the card in the log is not signed by keys/identity.key");
  set_card({std::string(as_text(*stored_card)), opened->serial});
  choose_log_key(*opened);
  choose_transport_key(*opened);
  if (origin != merkle::log_origin(options.server_name, keys.id, kGeneration))
    log::warning("the log keeps its name {}: a log is not renamed by the configuration", origin);
}

// The last entries, which a crash may have met: their leaves are those of the tree.
void Log::Impl::check_tail() {
  const std::uint64_t size = frontier.size();
  for (std::uint64_t seq = size > kTailEntries ? size - kTailEntries : 0; seq < size; ++seq) {
    const record::Leaf leaf = store->leaf(seq);  // decodes, and compares its seq
    if (merkle::leaf_hash(store->leaf_bytes(leaf.seq)) != store->node(merkle::node_number(0, seq)))
      refuse(fmt::format("the record was changed: entry {} is not the one in the tree", seq));
  }
}

// Clients follow the key that the newest card names. One that an earlier card named comes from an old
// copy of the keys: a card that goes back to it would lock everybody out, and may name a key that has
// leaked. One that no card has named is a replacement by hand.
void Log::Impl::check_transport_key() const {
  const CurvePublicKey own = keys.transport.public_key();
  const auto newest = wire::open_card(*card, keys.identity.public_key(), keys.id);
  if (newest->curve == own) return;
  for (std::uint64_t seq = 0; seq < frontier.size(); ++seq) {
    const record::Leaf leaf = store->leaf(seq);
    if (!leaf.submission.is_act() || leaf.submission.messages[0].kind != Kind::card) continue;
    const auto act = record::decode_act(Kind::card, leaf.act);
    if (act && act->id<CurvePublicKey>(Tag::curve_pk) == own)
      refuse(fmt::format(
          "keys/transport.key is one that this server had before. Clients know {}…, which the newest "
          "card names: put that key back. Where keys are credentials it may be the file "
          "keys/transport.next.key",
          to_hex(newest->curve.view()).substr(0, 16)));
  }
  log::warning(
      "keys/transport.key was put there by hand: clients that know the key before it are told by "
      "nobody, and take the card by tertulia-cli server-card");
}

void Log::Impl::make_reserve() const {
  if (options.reserve.empty()) return;
  struct statvfs fs {};
  if (::statvfs(options.database.c_str(), &fs) != 0)
    throw_errno("cannot stat the file system of the log");
  const UniqueFd fd(::open(options.reserve.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) throw_errno("cannot open " + options.reserve.string());
  const auto size = static_cast<std::uint64_t>(std::filesystem::file_size(options.reserve));
  if (size >= kReserveBytes) return;
  if (fs.f_bavail * fs.f_frsize < 2 * kReserveBytes) {
    std::filesystem::remove(options.reserve);
    log::warning("there is too little space on the disk for the reserve of {} MiB",
                 kReserveBytes >> 20);
    return;
  }
  if (const int code = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(kReserveBytes));
      code != 0) {
    if (code == ENOSPC || code == EDQUOT) {  // a quota, which statvfs() does not tell of
      std::filesystem::remove(options.reserve);
      log::warning("there is too little space for the reserve of {} MiB", kReserveBytes >> 20);
      return;
    }
    errno = code;
    throw_errno("cannot allocate " + options.reserve.string());
  }
}

}  // namespace tertulia::broker
