// A leaf, as it is hashed, stored and exported; and an entry, a leaf with its bodies as it travels to
// members (docs/log-format.md, "Leaf", "Entry"). Strict both ways. Any thread; plain values.
#pragma once

#include "common/record/act.hpp"

namespace tertulia::record {

inline constexpr std::uint8_t leaf_version = 1;

struct Leaf {
  std::uint64_t seq = 0;
  std::uint64_t first_room_seq = 0;  // 0 without a room
  std::uint64_t logged_at_ms = 0;
  Submission submission;
  Bytes submission_bytes;  // as received: what the signature is over
  Bytes act;               // empty for messages
  Signature signature;     // zero for acts of the server
};

enum class LeafError { malformed, unknown_version, bad_submission, bad_act };

// Composes the bytes without decoding: the log thread has them as received.
Bytes encode_leaf(std::uint64_t seq, std::uint64_t first_room_seq, std::uint64_t logged_at_ms,
                  ByteView submission, ByteView act, const Signature& signature);
// Checks also that an act's hash is the one in its submission and that its TLV is right.
Result<Leaf, LeafError> decode_leaf(ByteView bytes);

// A body as a member gets it.
enum class BodyState : std::uint8_t { present = 0, withheld = 1, erased = 2 };
struct Body {
  BodyState state = BodyState::present;
  Salt salt;
  Bytes bytes;  // protobuf, as received
};

// Appends u32 length ‖ leaf ‖ per message: state(1) [‖ salt(32) ‖ u32 length ‖ body].
void append_entry(Bytes& out, ByteView leaf, const std::vector<Body>& bodies);

struct Entry {
  Leaf leaf;
  Bytes leaf_bytes;
  std::vector<Body> bodies;
};
// Reads one entry; the reader stands behind it afterwards. Checks the commitments of present bodies.
Result<Entry, LeafError> read_entry(Reader& reader);

}  // namespace tertulia::record
