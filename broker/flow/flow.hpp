// What the broker's threads hand each other, through common/base/queue.hpp and nothing else.
//
//   t-gateway ─Inbound→ t-worker-N ─Append→ t-log ─Committed→ t-publisher
//        ↑                  └──ReadRequest→ t-reader-N        │
//        └───────Outgoing── (everybody who has an answer) ────┘
//
// Plain values; the receiver owns what it takes. Bounds: see BrokerConfig::limits.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "broker/directory/directory.hpp"
#include "common/base/queue.hpp"
#include "common/record/leaf.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::broker {

// ROUTER's name for a connection; never shown to a peer, never taken as an identity.
struct RoutingId {
  static constexpr std::size_t bytes_max = 16;  // libzmq generates 5; clients set none
  std::uint8_t length = 0;
  std::array<std::uint8_t, bytes_max> bytes{};
  ByteView view() const { return {bytes.data(), length}; }
};

// Who asked: the connection, the request, and the CURVE key that ZAP vouched for.
struct Asker {
  RoutingId routing;
  RequestId request;
  CurvePublicKey key;
  int connection_fd = -1;  // for reads_too_slowly(); never closed, never written to
};

// A frame for one connection, complete (ver ‖ 3 ‖ request_id ‖ Reply); or a notice, for all
// connections of these keys.
struct Outgoing {
  RoutingId routing;
  Bytes frame;
  std::shared_ptr<const std::vector<CurvePublicKey>> to{};  // set: routing does not count
};

// ---- to t-log ----

// What came by a webhook instead of a connection: who hears of it, and what makes it the same again.
struct PostResult {
  pb::ErrorCode refused = pb::ERROR_NONE;
  std::string text;  // why it was refused, one English sentence
  std::uint64_t seq = 0;
  std::uint64_t room_seq = 0;
  SubmissionId id;     // of the first time
  bool again = false;  // it was in the log already
};
struct Posted {
  std::optional<Hash> key;  // of the Idempotency-Key
  std::function<void(PostResult)> done;  // as those of commands, below
  SubmissionId known{};  // t-log: the id under which this key is in the log
};

// A submission that a worker has opened and checked (commitments, signature, sizes, UTF-8).
// Rights, dedupe, references and `seen` are decided by t-log.
struct SubmissionAppend {
  Asker asker;
  record::Submission submission;
  Bytes submission_bytes;
  Bytes act;
  Signature signature;
  std::vector<record::Body> bodies;  // all present
  bool mentions_all = false;         // one of them is addressed to the whole room
  std::shared_ptr<Posted> posted{};  // set: asker.routing does not count
};

struct EnrolAppend {
  Asker asker;  // asker.key is the invite's key
  SignPublicKey sign;
  CurvePublicKey curve;
  Signature signature;
  std::string display_name;
  std::string device_name;
  std::string user_name{};  // by a class link; else empty
};

struct HistoryRead {
  RoomId room;
  std::uint64_t from_room_seq, before;
  std::uint32_t limit;
};
// An auditor reads a room, or a part of its past, that he could not read as its member. t-log hands it
// on to a reader when an entry tells of it: one for each auditor, room and hour.
struct AuditedRead {
  Asker asker;
  HistoryRead what;
};

// An administrator's command, from t-admin. `done` is called on t-log after the commit (or the
// refusal) and must only hand the answer on.
struct UnixUser {  // who ran tertuliactl
  std::uint32_t unix_uid = 0;
  std::string unix_user{};
};
inline constexpr std::uint64_t invite_lifetime_ms = 7ull * 24 * 3600 * 1000;
struct Invited {
  UserId user;  // zero: a class link
  record::Role role{};
  crypto::Seed seed;  // the invite's seed: for the string, kept nowhere
  std::uint64_t expires_ms = 0;
  bool was_there = false;   // the user was known before
  bool had_device = false;  // so this one will be marked as added by an administrator
};
struct InviteFault {
  std::optional<std::size_t> number;  // of those who were to be invited; nullopt: of none of them
  std::string sentence;               // one, English
};
struct InviteResult {
  std::vector<Invited> invited;     // in the order of the command; empty: none was made
  std::vector<InviteFault> faults;  // not empty: nothing was done
  bool ok() const { return faults.empty(); }
};
struct InvitePerson {
  std::string user_name;
  std::string display_name{};          // of a new user; empty: the user name
  std::optional<record::Role> role{};  // nullopt: admin for the first user, else member
  // What a newcomer joins; empty: the default rooms (a guest: none).
  std::vector<RoomId> rooms{};
};
// All of these people or none, in one transaction.
struct InviteCommand {
  std::vector<InvitePerson> people;
  bool takes_known = true;  // false: a user who is there already is a fault
  std::uint64_t lifetime_ms = invite_lifetime_ms;
  UnixUser ran{};
  std::function<void(InviteResult)> done{};
};
struct ClassLinkCommand {
  std::uint64_t uses = 0;
  record::Role role = record::Role::member;  // or guest
  std::string label{};                       // may be empty
  std::vector<RoomId> rooms{};               // as InvitePerson::rooms, each once
  std::uint64_t lifetime_ms = invite_lifetime_ms;
  UnixUser ran{};
  std::function<void(InviteResult)> done{};
};
struct RevokeInviteCommand {
  std::vector<InviteId> invites;  // those that are not used up nor revoked by then
  std::string whose{};            // for the answer: a user, or what a class link is called
  UnixUser ran{};
  std::function<void(bool ok, std::string text)> done{};
};

// The card is to name these addresses; nothing happens when it does.
struct AdvertiseCommand {
  std::vector<std::string> addresses;
  std::function<void(bool ok, std::string text)> done;
};

// An act of the administrator at the machine. t-admin makes it from a snapshot of the directory;
// t-log decides whether it is a valid transition.
struct ActCommand {
  record::Kind kind{};
  record::Act act;
  pb::ActNames names;
  UnixUser ran{};
  std::function<void(bool ok, std::string text)> done;
};

// A new webhook: a bot, there or made, with a device whose key the server keeps.
struct WebhookResult {
  bool ok = false;
  std::string error;   // one English sentence
  crypto::Seed token;  // for the administrator's eyes, kept nowhere
  DeviceId device;
};
struct WebhookCommand {
  std::string user_name;
  std::vector<RoomId> rooms;  // that it is to be in, besides those that it is in
  UnixUser ran{};
  std::function<void(WebhookResult)> done;
};

// A line of `tertuliactl key list`: a key, and never a secret.
struct KeyEntry {
  std::string name;         // "identity", "transport", "log", "kek", "data"
  std::string state;        // "in use", "next", "before"
  std::string public_part;  // as people compare it; empty: there is none
  std::string kept;         // "file", "credential", "database"
  std::string place;        // path; of the data key its number
  std::uint64_t since_ms = 0;
  std::uint64_t until_ms = 0;  // next: when it takes its place; before: until when it signs, too
  std::string remark;
};

// The server's keys change (tertuliactl key rotate).
struct RotateKeyCommand {
  enum class Which { transport, log, at_rest };
  Which which{};
  std::uint64_t at_ms = 0;  // transport: when the next key takes its place; 0: at once
  bool only_wrap = false;   // at_rest: the data key stays, wrapped under another KEK
  UnixUser ran{};
  std::function<void(bool ok, std::string text)> done;
};

using Append = std::variant<SubmissionAppend, EnrolAppend, AuditedRead, InviteCommand,
                            ClassLinkCommand, RevokeInviteCommand, AdvertiseCommand, ActCommand,
                            WebhookCommand, RotateKeyCommand>;

// ---- to t-publisher: what one transaction committed, in order of seq ----

struct CommittedEntry {
  RoomId room;
  std::uint64_t first_room_seq = 0;
  Bytes leaf;
  std::vector<record::Body> bodies;
  record::Submission submission;  // decoded once, for the console
};
struct Committed {
  std::shared_ptr<const Directory> directory;  // as of this commit
  std::vector<CommittedEntry> entries;         // room messages only
};

// ---- to t-reader-N ----

struct ConsistencyRead {
  std::uint64_t old_size, new_size;
};
struct InclusionRead {
  std::uint64_t seq, size;
};
struct ReadRequest {
  Asker asker;
  std::variant<HistoryRead, ConsistencyRead, InclusionRead> what;  // rights already checked
};
// The queue of the reader that serves this key. readers: pointers to queues, in order of their numbers.
template <class Pointers>
auto& reader_of(const Pointers& readers, const CurvePublicKey& key) {
  return *readers[std::hash<CurvePublicKey>{}(key) % readers.size()];
}

}  // namespace tertulia::broker
