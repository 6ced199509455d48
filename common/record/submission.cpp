#include "common/record/submission.hpp"

#include <cassert>

namespace tertulia::record {

namespace {
constexpr std::string_view kLabel = "tertulia/submission/v1\n";

bool has_target(Kind k) { return k == Kind::edit || k == Kind::erase || k == Kind::reaction; }

Bytes labelled(ByteView bytes) {
  Bytes out;
  out.reserve(kLabel.size() + bytes.size());
  Writer w(out);
  w.raw(kLabel);
  w.raw(bytes);
  return out;
}
}  // namespace

bool is_known_kind(std::uint8_t kind) { return (kind >= 1 && kind <= 5) || (kind >= 64 && kind <= 82); }

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::text: return "text";
    case Kind::edit: return "edit";
    case Kind::erase: return "delete";
    case Kind::reaction: return "reaction";
    case Kind::file: return "file";
    case Kind::card: return "card";
    case Kind::user_add: return "user_add";
    case Kind::user_change: return "user_change";
    case Kind::invite_open: return "invite_open";
    case Kind::invite_revoke: return "invite_revoke";
    case Kind::device_enrol: return "device_enrol";
    case Kind::device_revoke: return "device_revoke";
    case Kind::room_create: return "room_create";
    case Kind::room_change: return "room_change";
    case Kind::member_add: return "member_add";
    case Kind::member_remove: return "member_remove";
    case Kind::retention: return "retention";
    case Kind::erase_order: return "erase_order";
    case Kind::clock_stepped: return "clock_stepped";
    case Kind::auditor_read: return "auditor_read";
    case Kind::device_link: return "device_link";
    case Kind::restored: return "restored";
    case Kind::member_change: return "member_change";
    case Kind::key_rotate: return "key_rotate";
  }
  return "unknown";
}

Bytes encode(const Submission& s) {
  assert(!s.messages.empty() && s.messages.size() <= messages_max);
  Bytes out;
  out.reserve(121 + s.messages.size() * 74);
  Writer w(out);
  w.raw(s.server);
  w.raw(s.device);
  w.raw(s.room);
  w.raw(s.id);
  w.u64(s.seen_size);
  w.raw(s.seen_root);
  w.u8(static_cast<std::uint8_t>(s.messages.size()));
  for (const auto& m : s.messages) {
    w.u8(static_cast<std::uint8_t>(m.kind));
    w.u64(m.sent_at_ms);
    if (has_target(m.kind)) {
      w.raw(m.target.device);
      w.raw(m.target.submission);
      w.u8(m.target.index);
    } else if (is_act(m.kind)) {
      w.raw(m.act_hash);
    }
    w.raw(m.commitment);
  }
  return out;
}

Result<Submission, SubmissionError> decode_submission(ByteView bytes) {
  Reader r(bytes);
  Submission s;
  s.server = r.id<ServerId>();
  s.device = r.id<DeviceId>();
  s.room = r.id<RoomId>();
  s.id = r.id<SubmissionId>();
  s.seen_size = r.u64();
  s.seen_root = r.id<Hash>();
  const std::size_t count = r.u8();
  if (!r.ok() || count == 0) return fail(SubmissionError::malformed);
  if (count > messages_max) return fail(SubmissionError::too_many_messages);
  s.messages.resize(count);
  for (auto& m : s.messages) {
    const std::uint8_t kind = r.u8();
    if (!r.ok()) return fail(SubmissionError::malformed);
    if (!is_known_kind(kind)) return fail(SubmissionError::unknown_kind);
    m.kind = static_cast<Kind>(kind);
    m.sent_at_ms = r.u64();
    if (has_target(m.kind)) {
      m.target.device = r.id<DeviceId>();
      m.target.submission = r.id<SubmissionId>();
      m.target.index = r.u8();
      if (m.target.index >= messages_max) return fail(SubmissionError::malformed);
    } else if (is_act(m.kind)) {
      if (count != 1) return fail(SubmissionError::malformed);
      m.act_hash = r.id<Hash>();
    }
    m.commitment = r.id<Hash>();
  }
  if (!r.done()) return fail(SubmissionError::malformed);
  return s;
}

Signature sign_submission(const crypto::SigningKey& key, ByteView bytes) {
  return key.sign(labelled(bytes));
}
bool verify_submission(const SignPublicKey& key, ByteView bytes, const Signature& signature) {
  return crypto::verify(key, labelled(bytes), signature);
}

Hash commitment(const Salt& salt, ByteView body) {
  return crypto::Sha256{}.update(salt.view()).update(body).finish();
}

bool same_content(const Submission& a, const Submission& b) {
  return a.server == b.server && a.device == b.device && a.room == b.room && a.id == b.id &&
         a.messages == b.messages;
}

}  // namespace tertulia::record
