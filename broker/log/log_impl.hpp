// The inside of Log. One transaction at a time: begin() at the first write, add() and append_act()
// write, commit() makes it durable and known, rollback() undoes it in memory too.
#pragma once

#include <atomic>
#include <mutex>
#include <set>

#include "broker/flow/order_hold.hpp"
#include "broker/identity/identity.hpp"
#include "broker/log/answers.hpp"
#include "broker/log/data_keys.hpp"
#include "broker/log/derived.hpp"
#include "broker/log/log.hpp"
#include "broker/log/schema.hpp"
#include "common/base/log.hpp"
#include "common/wire/card.hpp"

namespace tertulia::broker {

inline constexpr std::uint32_t log_retry_ms = 1000;  // while it cannot write
inline constexpr const char* disk_full_text =
    "The server's disk is full: it reads and cannot write.";

struct Log::Impl {
  Impl(const LogOptions& options_in, const ServerKeys& keys_in, DirectoryCell& cell_in)
      : options(options_in),
        cell(cell_in),
        keys(keys_in) {}

  using RanBy = std::optional<UnixUser>;  // nullopt: nobody ran tertuliactl

  // ---- constant after the start ----
  const LogOptions options;
  DirectoryCell& cell;
  std::string origin;

  // ---- t-log ----
  ServerKeys keys;
  struct PlannedKey {
    crypto::CurveKey key;
    std::uint64_t not_before_ms;
  };
  struct KeyBefore {
    crypto::SigningKey key;
    std::uint64_t until_ms;
  };
  std::optional<PlannedKey> planned;                         // takes the transport key's place
  std::optional<KeyBefore> log_before;                       // signs checkpoints beside the log key
  std::vector<std::string> advertised = options.advertised;  // what the card is to name
  OrderHold hold;
  std::vector<std::uint64_t> change_targets;  // room_seqs that the submission in work changes
  std::unique_ptr<Database> db;
  std::unique_ptr<EntryStore> store;
  StoredKeys stored_keys;      // of data at rest
  std::uint64_t data_key = 1;  // number of the one that seals
  std::shared_ptr<const DataKeys> sealing;
  // Set: rows below `end` that are not under data_key yet are sealed again, from `next` on.
  struct Reseal {
    std::uint64_t next = 0, end = 0;
  };
  std::optional<Reseal> reseal;
  // An old key may still stand in the write-ahead log, which is to be carried over and cut.
  bool wal_holds_old_key = false;
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
  // The keys as they were before the transaction that changes them.
  struct SavedKeys {
    ServerKeys keys;
    std::optional<PlannedKey> planned;
    std::optional<KeyBefore> log_before;
    StoredKeys stored_keys;
    std::uint64_t data_key;
    std::optional<Reseal> reseal;
  };
  std::optional<SavedKeys> saved_keys;
  std::vector<std::function<void()>> when_committed;  // of this transaction
  struct Card {
    std::string note;
    std::uint64_t serial;
  };
  std::optional<Card> new_card;  // of this transaction
  // Acts of this transaction, told to the program's log when they are durable.
  struct Told {
    std::vector<log::Field> fields;
    std::string line;
  };
  std::vector<Told> to_tell;
  std::optional<Saved> transaction;  // set: in a transaction; what a rollback restores
  // Who has read what as an auditor in which hour, as entries of this run tell.
  struct Audited {
    std::uint64_t hour = 0;
    std::set<std::pair<UserId, RoomId>> reads;
  } audited;
  std::vector<Outgoing> notices;  // of transactions that are committed, not handed out yet
  bool failed = false;            // StorageFailure: nothing is written any more
  bool stopped = false;           // the disk is full: nothing is written until try_to_resume()

  // ---- any thread ----
  std::atomic<std::uint64_t> committed_size{0};
  std::atomic<std::uint64_t> card_serial{0};
  std::atomic<std::uint64_t> transport_due_ms{0};
  std::atomic<std::uint64_t> reseal_next{0}, reseal_end{0};  // end 0: nothing is sealed again
  const std::shared_ptr<DataKeyRing> ring = std::make_shared<DataKeyRing>();
  std::atomic<std::uint64_t> wal_frames{0};  // frames that are not yet in the database file
  mutable std::mutex mutex;
  std::shared_ptr<const std::string> checkpoint_note =
      std::make_shared<std::string>();                                        // protected by mutex
  std::string reason;                                                         // protected by mutex
  std::shared_ptr<const std::string> card = std::make_shared<std::string>();  // protected by mutex
  merkle::NoteKey shown_log_key;                                              // protected by mutex
  std::shared_ptr<const std::vector<KeyEntry>> shown_keys =
      std::make_shared<std::vector<KeyEntry>>();  // protected by mutex

  // log_open.cpp: start
  void open();
  void make_log();
  void note_this_program();
  void recover();
  void compare_keys();
  void check_tail();
  void make_reserve() const;
  bool settle_wal(StartProgress& progress);
  void check_transport_key() const;

  // log_keys.cpp: the keys that change, and the card that names them
  void choose_log_key(const wire::Card& card);
  void choose_transport_key(const wire::Card& card);
  void save_keys();  // before the first change in a transaction
  void renew_card();
  // False: the card is right as it is.
  bool renew_card_in_transaction(const RanBy& ran = {});
  wire::Card wanted_card() const;
  void add_card(wire::Card card, const RanBy& ran = {});
  void set_card(Card&& next);
  void end_log_key_before();  // its time is over
  void show_keys();
  std::uint64_t since(const char* name);
  Outcome decide(RotateKeyCommand& c);
  bool is_in_use(const crypto::Seed& key) const;
  Result<crypto::Seed, std::string> make_next(const char* name) const;
  Outcome rotate_transport(const RotateKeyCommand& c);
  Outcome rotate_log(const RotateKeyCommand& c);

  // log_at_rest.cpp: the keys of data at rest
  void open_data_keys();
  void use_stored_keys();
  Outcome rotate_at_rest(const RotateKeyCommand& c);
  void reseal_some();
  void end_reseal();
  void cut_wal();
  KeyEntry data_key_entry() const;

  // log_transaction.cpp
  void begin();
  std::uint64_t entry_ms() const;  // the time that the next entry gets
  // Writes an entry at the end of the record; its leaf names seq frontier.size().
  std::uint64_t add(ByteView leaf, const std::vector<record::Body>& bodies);
  std::uint64_t append_act(record::Kind kind, const record::Act& act, const pb::ActNames& names);
  // The same, and who ran tertuliactl stands in it; nobody did: as it is.
  void append_act_of(const RanBy& ran, record::Kind kind, record::Act act,
                     pb::ActNames names = {});
  void tell_of(std::uint64_t seq, record::Kind kind, const record::Act& act,
               const pb::ActNames& names, const std::string& signer = {});
  void commit();
  void note_changes(
      const Derived::ToTell& changed);  // to the connections that it concerns, after the commit
  void note_card();
  void notice(const pb::Reply& reply, std::vector<CurvePublicKey> to);
  void rollback();
  void sign_head();
  merkle::NoteKey note_key() const { return {origin, keys.log.public_key()}; }
  std::string newest_checkpoint() const;
  void stop_writing();   // the disk is full; told when it is news
  bool try_to_resume();  // true: it is written again, and that was told
  std::string get_reason() const;
  void checkpoint_wal(int mode);
  bool has_space_again();
  bool holds_space() const;

  // log_presence.cpp
  void load_presence();
  void write_presence(bool all);

  // log_submission.cpp
  Outcome decide(SubmissionAppend& a);
  bool must_wait(const SubmissionAppend& a);  // behind one that is to be sent again
  void hold_behind(const SubmissionAppend& a, std::uint64_t pause_ms);
  std::optional<Outcome> known(const SubmissionAppend& a, const DeviceSlot& slot);
  std::optional<Refused> rights(const SubmissionAppend& a, const Device& device) const;
  std::optional<Refused> references(const SubmissionAppend& a, const Device& device);
  std::optional<Refused> changed_too_often(std::uint64_t room_no, std::uint64_t room_seq,
                                           const UserId& user, bool by_author) const;
  Outcome write(const SubmissionAppend& a, DeviceSlot& slot);

  // log_acts.cpp. signer null: the administrator at the machine.
  std::optional<Refused> act_fault(const User* signer, record::Kind kind, const record::Act& act,
                                   const pb::ActNames& names) const;
  Outcome decide_act(SubmissionAppend& a, const Device& device, DeviceSlot& slot);
  Outcome decide(ActCommand& c);
  Outcome decide(AuditedRead& a);

  // log_webhooks.cpp
  Outcome decide(WebhookCommand& c);
  std::optional<Refused> webhook_fault(const WebhookCommand& c, const User* bot) const;
  void enrol_webhook(const UserId& bot, const RanBy& ran, WebhookResult& out);
  // What this key brought into the log before; nullopt: it is new, or there is no key.
  std::optional<Outcome> posted_before(SubmissionAppend& a, const DeviceSlot& slot);
  void remember_key(const SubmissionAppend& a, const DeviceSlot& slot);

  // log_people.cpp
  Outcome decide(EnrolAppend& a);
  std::optional<Refused> link_fault(const Device& by, const User& user, const record::Act& act,
                                    const pb::ActNames& names) const;
  std::optional<Refused> enrol_fault(const EnrolAppend& a, const Invite& invite) const;
  // The user, in the rooms given (none: those for newcomers) as far as they are not full; and that he
  // is in one room.
  void add_user(record::Act act, const pb::ActNames& names, const std::vector<RoomId>& rooms,
                const RanBy& ran);
  void append_member(const UserId& user, const RoomId& room, const RanBy& ran,
                     std::optional<record::Standing> standing = {});

  // log_invites.cpp. What is left out of the act: the invite's keys, its time, who ran.
  Invited open_invite(record::Act act, std::uint64_t lifetime_ms, const RanBy& ran,
                      pb::ActNames names);
  Outcome decide(InviteCommand& c);
  Outcome decide(ClassLinkCommand& c);
  Outcome decide(RevokeInviteCommand& c);
  Outcome decide(AdvertiseCommand& c);
};

bool had_device(const Directory& directory, const UserId& user);  // live or revoked
// nullopt: it may be used, and is nobody else's nor looks like it.
std::optional<Refused> user_name_taken(const Directory& directory, const std::string& name,
                                       const UserId& user);

}  // namespace tertulia::broker
