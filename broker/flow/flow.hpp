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

// A frame for one connection, complete (ver ‖ 3 ‖ request_id ‖ Reply).
struct Outgoing {
  RoutingId routing;
  Bytes frame;
};

// ---- to t-log ----

// A submission that a worker has opened and checked (commitments, signature, sizes, UTF-8).
// Rights, dedupe, references and `seen` are decided by t-log.
struct SubmissionAppend {
  Asker asker;
  record::Submission submission;
  Bytes submission_bytes;
  Bytes act;
  Signature signature;
  std::vector<record::Body> bodies;  // all present
};

struct EnrolAppend {
  Asker asker;  // asker.key is the invite's key
  SignPublicKey sign;
  CurvePublicKey curve;
  Signature signature;
  std::string display_name;
  std::string device_name;
};

// An administrator's command, from t-admin. `done` is called on t-log after the commit (or the
// refusal) and must only hand the answer on.
struct InviteResult {
  bool ok = false;
  std::string error;  // one English sentence
  UserId user;
  record::Role role{};
  crypto::Seed seed;   // the invite's seed: for the string, kept nowhere
  std::uint64_t expires_ms = 0;
};
struct InviteCommand {
  std::string user_name;
  std::optional<record::Role> role;  // nullopt: admin for the first user, else member
  std::uint64_t lifetime_ms = 7ull * 24 * 3600 * 1000;
  std::uint32_t unix_uid = 0;
  std::string unix_user;
  std::function<void(InviteResult)> done;
};
struct RevokeInviteCommand {
  std::string user_name;  // all open invites of this user
  std::uint32_t unix_uid = 0;
  std::string unix_user;
  std::function<void(bool ok, std::string text)> done;
};

using Append = std::variant<SubmissionAppend, EnrolAppend, InviteCommand, RevokeInviteCommand>;

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

struct HistoryRead { RoomId room; std::uint64_t from_room_seq, before; std::uint32_t limit; };
struct ConsistencyRead { std::uint64_t old_size, new_size; };
struct InclusionRead { std::uint64_t seq, size; };
struct ReadRequest {
  Asker asker;
  std::variant<HistoryRead, ConsistencyRead, InclusionRead> what;  // rights already checked
};

}  // namespace tertulia::broker
