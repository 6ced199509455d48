// Store: the profile's SQLite database: account, rooms, people, cached messages, outbox.
//
// WAL, synchronous=NORMAL: a commit survives the death of the process at once, and a power cut from
// the next sync() on. What a submission is made of (its id, its salts) is written in one transaction
// with its rows, so after a power cut a row is there with the id it was sent under, or not at all.
//
// Writing methods open the transaction that commit() ends: one transaction for all that has arrived.
// Network thread only, after start(). Failures are StoreError; the transaction is then rolled back.
#pragma once

#include <map>
#include <utility>

#include "client/engine/database.hpp"
#include "client/engine/engine.hpp"
#include "client/engine/profile.hpp"

namespace tertulia::client {

// As it is bound: NULL where there is none.
inline std::optional<Bytes> blob_of(const std::optional<MessageId>& id) {
  return id ? std::optional(to_bytes(*id)) : std::nullopt;
}

struct OutboxRow {
  std::uint64_t local_id = 0;
  RoomId room;
  std::uint8_t kind = 1;
  std::optional<MessageId> target;  // of a change
  std::uint64_t created_ms = 0;
  SubmissionId submission;
  std::uint8_t index = 0;
  Salt salt;
  Bytes body;  // pb::Body, as it is committed to
  bool failed = false;
  // Failed, and in the log perhaps all the same: it is tried again under its id, and never another.
  bool perhaps_logged = false;
  std::string failure;
};

// One message of the log as it is cached: an original or a change, as it was sent, but that nothing
// is kept of the words of what was deleted. shown 0: its signature was wrong or its sender unknown;
// it is kept so that room_seq has no hole.
struct CachedMessage {
  RoomId room;
  std::uint64_t room_seq = 0;
  std::uint64_t seq = 0;
  MessageId id;
  UserId sender;
  std::uint8_t kind = 1;
  std::uint64_t sent_at_ms = 0;
  std::uint64_t logged_at_ms = 0;
  std::string text;
  bool shown = true;
  std::optional<MessageId> target;  // of a change
  std::optional<MessageId> reply_to;
  std::vector<UserId> mentions;
};

struct StoredRoom {
  RoomId id;
  std::string name;
  std::string topic;
  std::uint64_t head = 0;
  std::uint64_t read_up_to = 0;
  std::string draft;
};

struct StoredDevice {
  DeviceId id;
  UserId user;
  SignPublicKey sign;
  CurvePublicKey curve;
  std::uint64_t enrolled_seq = 0;
  std::uint64_t revoked_seq = 0;  // 0: live
};

struct StoredPerson {
  UserId id;
  std::string name;
  std::string display_name;
  std::string role;
  bool disabled = false;  // as of the newest page; not kept
};

class Store {
 public:
  static constexpr int wal_pages_max = 1024;  // 4 MiB

  // Opens it, and brings the tables to this version's schema in one transaction. Throws StoreError,
  // also for a store that a newer version has written.
  explicit Store(Profile& profile);
  ~Store();

  bool writing() const { return writing_; }
  void commit();  // nothing if no transaction is open
  void rollback();
  // Makes all that was committed survive a power cut; moves the WAL into the database.
  void sync();
  bool unsynced() const { return unsynced_; }
  bool take_written() { return std::exchange(written_, false); }  // committed since the last call
  bool wal_large() const { return wal_pages_ > wal_pages_max; }

  // ---- facts with a name ----
  std::optional<Bytes> fact(std::string_view name);
  std::string fact_text(std::string_view name);
  std::uint64_t fact_number(std::string_view name);
  void set_fact(std::string_view name, ByteView value);
  void set_fact(std::string_view name, std::string_view value) { set_fact(name, as_bytes(value)); }
  void set_number(std::string_view name, std::uint64_t value) {
    set_fact(name, std::to_string(value));
  }

  std::uint64_t next_process();  // 1, 2, 3 …: one for every start of an engine
  SubmissionId next_submission_id(std::uint64_t unix_ms);  // rises strictly over all processes

  // ---- rooms and people ----
  std::vector<StoredRoom> rooms();
  // Position from 1 in the order to show; 0: not shown. Draft and read_up_to stay.
  void put_room(const StoredRoom& room, std::uint64_t position);
  void set_draft(const RoomId& room, std::string_view text);
  void set_read(const RoomId& room, std::uint64_t room_seq);
  std::vector<StoredPerson> people();
  std::vector<StoredDevice> devices();
  void put(const StoredPerson& person);
  void put(const StoredDevice& device);

  // ---- cache; generation: the life of the log between restores ----
  void put(std::uint64_t generation, const CachedMessage& message);
  std::uint64_t cached_head(std::uint64_t generation, const RoomId& room);
  // At most limit messages with room_seq < before without a hole, newest first, hidden ones too.
  // Empty if before-1 itself is missing.
  std::vector<CachedMessage> cached_before(std::uint64_t generation, const RoomId& room,
                                           std::uint64_t before, std::uint32_t limit);
  std::optional<CachedMessage> cached(std::uint64_t generation, const RoomId& room,
                                      const MessageId& id);
  // Of the cached changes of an original those that count: its author's newest edit, the first delete.
  std::vector<CachedMessage> words_of(std::uint64_t generation, const RoomId& room,
                                      const MessageId& original, const UserId& author);
  // Its reactions, in order of room_seq, at most reactions_max: a broker takes no more than that.
  static constexpr std::uint64_t reactions_max = 10'000;
  std::vector<CachedMessage> reactions_of(std::uint64_t generation, const RoomId& room,
                                          const MessageId& original);
  bool is_deleted(std::uint64_t generation, const RoomId& room, const MessageId& original);
  // Takes the words of an original and of its edits out of the cache, for good.
  void wipe(std::uint64_t generation, const RoomId& room, const MessageId& original);
  // The last of the changes that follow room_seq at once; room_seq if none does.
  std::uint64_t last_change_after(std::uint64_t generation, const RoomId& room,
                                  std::uint64_t room_seq);

  // ---- outbox ----
  void put(std::uint64_t process, const OutboxRow& row);
  // Rows to send with submission > after, ordered as they are to be sent; at most limit.
  std::vector<OutboxRow> unsent(std::uint64_t process, const SubmissionId& after,
                                std::uint32_t limit);
  std::vector<OutboxRow> outbox_of(const RoomId& room);
  std::optional<OutboxRow> outbox_row(std::uint64_t local_id);
  std::vector<SubmissionId> perhaps_logged();  // of failed rows
  void remove_submission(const SubmissionId& submission);
  void remove_row(std::uint64_t local_id);
  void set_index(std::uint64_t local_id, std::uint8_t index);
  void set_failed(const SubmissionId& submission, std::string_view reason, bool perhaps_logged);
  std::map<RoomId, std::uint64_t> unsent_counts();
  std::vector<std::uint64_t> outbox_processes();
  void adopt(std::uint64_t from, std::uint64_t to);

 private:
  void begin();
  void migrate();
  static CachedMessage read_message(const RoomId& room, const Statement& s);
  OutboxRow read_row(const Statement& s) const;

  Profile& profile_;
  Database db_;
  bool writing_ = false;
  bool unsynced_ = false;
  // The WAL may hold the words of what was deleted: of this process, or of one that was killed.
  bool wal_has_wiped_ = true;
  bool written_ = false;
  int wal_pages_ = 0;

  struct Statements;
  std::unique_ptr<Statements> s_;
};

}  // namespace tertulia::client
