// The inside of Log. One transaction at a time: begin() at the first write, add() and append_act()
// write, commit() makes it durable and known, rollback() undoes it in memory too.
#pragma once

#include <atomic>
#include <mutex>

#include "broker/identity/identity.hpp"
#include "broker/log/answers.hpp"
#include "broker/log/derived.hpp"
#include "broker/log/log.hpp"
#include "broker/log/schema.hpp"

namespace tertulia::broker {

struct Log::Impl {
  Impl(const LogOptions& options_in, const ServerKeys& keys_in, DirectoryCell& cell_in)
      : options(options_in),
        keys(keys_in),
        cell(cell_in) {}

  // ---- constant after the start ----
  const LogOptions options;
  const ServerKeys keys;
  DirectoryCell& cell;
  std::string origin;
  std::string card;

  // ---- t-log ----
  std::unique_ptr<Database> db;
  std::unique_ptr<EntryStore> store;
  std::unique_ptr<DataKeys> data_keys;
  std::unique_ptr<Derived> derived;
  std::optional<Statement> begin_statement, commit_statement;
  Answers answers;
  merkle::Frontier frontier;   // inside the transaction
  std::uint64_t last_ms = 0;   // logged_at of the newest entry, inside the transaction
  std::uint64_t batch_ms = 0;  // the clock when the batch was taken
  RecentCheckpoints recent{checkpoints_remembered};
  std::optional<std::pair<std::uint64_t, Hash>>
      unwritten;  // signed, its row comes with the next commit
  std::uint64_t checkpoint_rows = 0;
  SubmissionId last_act_id;
  Bytes sealed;  // scratch: bodies as stored
  struct Saved {
    merkle::Frontier frontier;
    std::uint64_t last_ms;
    std::uint64_t checkpoint_rows;
  };
  std::optional<Saved> transaction;  // set: in a transaction; what a rollback restores
  bool failed = false;               // StorageFailure: nothing is written any more

  // ---- any thread ----
  std::atomic<std::uint64_t> committed_size{0};
  std::atomic<std::uint64_t> wal_frames{0};  // frames that are not yet in the database file
  mutable std::mutex mutex;
  std::shared_ptr<const std::string> checkpoint_note =
      std::make_shared<std::string>();  // protected by mutex
  std::string reason;                   // protected by mutex

  // log_open.cpp: start
  void open();
  void make_log();
  void recover();
  void compare_keys();
  void check_tail();
  void renew_card();
  void add_card(std::uint64_t serial);
  void make_reserve() const;

  // log_transaction.cpp
  void begin();
  std::uint64_t entry_ms() const;  // the time that the next entry gets
  // Writes an entry at the end of the record; its leaf names seq frontier.size().
  std::uint64_t add(ByteView leaf, const std::vector<record::Body>& bodies);
  std::uint64_t append_act(record::Kind kind, const record::Act& act, const pb::ActNames& names);
  void commit();
  void rollback();
  void sign_head();
  merkle::NoteKey note_key() const { return {origin, keys.log.public_key()}; }
  std::string newest_checkpoint() const;
  void set_reason(std::string text);
  std::string get_reason() const;
  void checkpoint_wal(int mode);
  bool has_space_again();

  // log_submission.cpp
  Outcome decide(SubmissionAppend& a);
  std::optional<Outcome> known(const SubmissionAppend& a, const DeviceSlot& slot);
  std::optional<Refused> rights(const SubmissionAppend& a, const Device& device) const;
  std::optional<Refused> references(const SubmissionAppend& a, const Device& device);
  Outcome write(const SubmissionAppend& a, DeviceSlot& slot);

  // log_people.cpp
  Outcome decide(EnrolAppend& a);
  Outcome decide(InviteCommand& c);
  Outcome decide(RevokeInviteCommand& c);
};

}  // namespace tertulia::broker
