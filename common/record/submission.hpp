// A submission: what a device signs, 1 to 64 messages for one room (docs/log-format.md, "Submission").
// Decoding is strict: decode(x) succeeds only if encode(decode(x)) = x. Any thread; plain values.
#pragma once

#include "common/base/result.hpp"
#include "common/crypto/keys.hpp"

namespace tertulia::record {

// Kinds below 64 are messages, 64 and above acts of administration (act.hpp).
enum class Kind : std::uint8_t {
  text = 1,
  edit = 2,
  erase = 3,  // "delete" to users: leaves a tombstone
  reaction = 4,
  file = 5,
  card = 64,
  user_add = 65,
  user_change = 66,
  invite_open = 67,
  invite_revoke = 68,
  device_enrol = 69,
  device_revoke = 70,
  room_create = 71,
  room_change = 72,
  member_add = 73,
  member_remove = 74,
  retention = 75,
  erase_order = 76,
  clock_stepped = 77,
  auditor_read = 78,
  device_link = 79,
  restored = 80,
  member_change = 81,
  key_rotate = 82,
};
bool is_known_kind(std::uint8_t kind);
inline bool is_act(Kind kind) { return static_cast<std::uint8_t>(kind) >= 64; }
const char* kind_name(Kind kind);

inline constexpr std::size_t messages_max = 64;
inline constexpr std::size_t body_bytes_max = 32 * 1024;
// Salts and bodies of one submission together, so that it fits one frame both ways.
inline constexpr std::size_t submission_bodies_bytes_max = 192 * 1024;
inline constexpr std::size_t act_bytes_max = 4096;
inline constexpr std::size_t leaf_bytes_max = 65535;

// What a message refers to: the original message of an edit, delete or reaction.
struct MessageRef {
  DeviceId device;
  SubmissionId submission;
  std::uint8_t index = 0;
  auto operator<=>(const MessageRef&) const = default;
};

struct MessageHeader {
  Kind kind = Kind::text;
  std::uint64_t sent_at_ms = 0;
  MessageRef target;  // edit, erase, reaction
  Hash act_hash;      // acts: SHA-256(act)
  Hash commitment;    // SHA-256(salt ‖ body)
  bool operator==(const MessageHeader&) const = default;
};

struct Submission {
  ServerId server;
  DeviceId device;
  RoomId room;
  SubmissionId id;
  std::uint64_t seen_size = 0;
  Hash seen_root;
  std::vector<MessageHeader> messages;
  bool is_act() const { return !messages.empty() && record::is_act(messages[0].kind); }
};

enum class SubmissionError { malformed, unknown_kind, too_many_messages };

// S without its label. Precondition: 1 to 64 messages of known kinds.
Bytes encode(const Submission& submission);
Result<Submission, SubmissionError> decode_submission(ByteView bytes);

// Over "tertulia/submission/v1\n" ‖ bytes.
Signature sign_submission(const crypto::SigningKey& key, ByteView bytes);
bool verify_submission(const SignPublicKey& key, ByteView bytes, const Signature& signature);

Hash commitment(const Salt& salt, ByteView body);

// Same room and same message headers; `seen` may differ. Decides between "the first answer again"
// and `conflict` for an id that is known.
bool same_content(const Submission& a, const Submission& b);

}  // namespace tertulia::record
