#include "common/record/leaf.hpp"

namespace tertulia::record {

Bytes encode_leaf(std::uint64_t seq, std::uint64_t first_room_seq, std::uint64_t logged_at_ms,
                  ByteView submission, ByteView act, const Signature& signature) {
  Bytes out;
  out.reserve(1 + 24 + 4 + submission.size() + act.size() + 64);
  Writer w(out);
  w.u8(leaf_version);
  w.u64(seq);
  w.u64(first_room_seq);
  w.u64(logged_at_ms);
  w.u16(static_cast<std::uint16_t>(submission.size()));
  w.raw(submission);
  w.u16(static_cast<std::uint16_t>(act.size()));
  w.raw(act);
  w.raw(signature);
  return out;
}

Result<Leaf, LeafError> decode_leaf(ByteView bytes) {
  if (bytes.size() > leaf_bytes_max) return fail(LeafError::malformed);
  Reader r(bytes);
  if (r.u8() != leaf_version) return fail(r.ok() ? LeafError::unknown_version : LeafError::malformed);
  Leaf leaf;
  leaf.seq = r.u64();
  leaf.first_room_seq = r.u64();
  leaf.logged_at_ms = r.u64();
  const ByteView submission = r.raw(r.u16());
  const ByteView act = r.raw(r.u16());
  leaf.signature = r.id<Signature>();
  if (!r.done()) return fail(LeafError::malformed);
  auto decoded = decode_submission(submission);
  if (!decoded) return fail(LeafError::bad_submission);
  leaf.submission = std::move(*decoded);
  leaf.submission_bytes.assign(submission.begin(), submission.end());
  leaf.act.assign(act.begin(), act.end());
  if (leaf.submission.is_act()) {
    const auto& header = leaf.submission.messages[0];
    if (crypto::sha256(act) != header.act_hash || !decode_act(header.kind, act))
      return fail(LeafError::bad_act);
  } else if (!act.empty()) {
    return fail(LeafError::bad_act);
  }
  // Acts stand in no room and take no room_seq; messages do both.
  if (leaf.submission.is_act() != (leaf.first_room_seq == 0) ||
      leaf.submission.is_act() != leaf.submission.room.is_zero())
    return fail(LeafError::malformed);
  return leaf;
}

void append_entry(Bytes& out, ByteView leaf, const std::vector<Body>& bodies) {
  Writer w(out);
  w.u32(static_cast<std::uint32_t>(leaf.size()));
  w.raw(leaf);
  for (const Body& body : bodies) {
    w.u8(static_cast<std::uint8_t>(body.state));
    if (body.state != BodyState::present) continue;
    w.raw(body.salt);
    w.u32(static_cast<std::uint32_t>(body.bytes.size()));
    w.raw(body.bytes);
  }
}

Result<Entry, LeafError> read_entry(Reader& r) {
  Entry entry;
  const ByteView leaf = r.raw(r.u32());
  if (!r.ok()) return fail(LeafError::malformed);
  auto decoded = decode_leaf(leaf);
  if (!decoded) return fail(decoded.error());
  entry.leaf = std::move(*decoded);
  entry.leaf_bytes.assign(leaf.begin(), leaf.end());
  for (const auto& header : entry.leaf.submission.messages) {
    Body body;
    const std::uint8_t state = r.u8();
    if (!r.ok() || state > 2) return fail(LeafError::malformed);
    body.state = static_cast<BodyState>(state);
    if (body.state == BodyState::present) {
      body.salt = r.id<Salt>();
      const ByteView bytes = r.raw(r.u32());
      if (!r.ok() || bytes.size() > body_bytes_max ||
          commitment(body.salt, bytes) != header.commitment)
        return fail(LeafError::malformed);
      body.bytes.assign(bytes.begin(), bytes.end());
    }
    entry.bodies.push_back(std::move(body));
  }
  return entry;
}

}  // namespace tertulia::record
