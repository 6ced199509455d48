#include "common/wire/frame.hpp"

#include <cassert>

namespace tertulia::wire {

namespace {
constexpr std::size_t kCommandHeader = 18;
constexpr std::size_t kSubmissionHeader = kCommandHeader + 16 + 8;
constexpr std::size_t kCountOffset = 32 + 16 + 16 + 16 + 8 + 32;  // of the count byte in S

Bytes up_associated(const ServerId& server, const DeviceId& device, ByteView header) {
  Bytes ad;
  Writer w(ad);
  w.raw("tertulia/up/v1\n");
  w.raw(server);
  w.raw(device);
  w.raw(header);
  return ad;
}
Bytes down_associated(const ServerId& server, const RoomId& room, ByteView header) {
  Bytes ad;
  Writer w(ad);
  w.raw("tertulia/down/v1\n");
  w.raw(server);
  w.raw(room);
  w.raw(header);
  return ad;
}
}  // namespace

std::optional<CommandFrame> decode_command(ByteView frame) {
  Reader r(frame);
  const std::uint8_t version = r.u8(), type = r.u8();
  CommandFrame out;
  out.request = r.id<RequestId>();
  if (!r.ok() || version != protocol_version || type < 1 || type > 3) return std::nullopt;
  out.type = static_cast<FrameType>(type);
  out.content = r.rest();
  return out;
}

Bytes encode_command(FrameType type, const RequestId& request, ByteView content) {
  Bytes out;
  out.reserve(kCommandHeader + content.size());
  Writer w(out);
  w.u8(protocol_version);
  w.u8(static_cast<std::uint8_t>(type));
  w.raw(request);
  w.raw(content);
  return out;
}

Bytes seal_submission(const crypto::RoomKey& key, const ServerId& server, const DeviceId& device,
                      const RequestId& request, const RoomId& room, const SubmissionPayload& p) {
  Bytes plain;
  Writer w(plain);
  w.u16(static_cast<std::uint16_t>(p.submission.size()));
  w.raw(p.submission);
  w.u16(static_cast<std::uint16_t>(p.act.size()));
  w.raw(p.act);
  w.raw(p.signature);
  for (const auto& part : p.parts) {
    w.raw(part.salt);
    w.u32(static_cast<std::uint32_t>(part.body.size()));
    w.raw(part.body);
  }
  Bytes out;
  out.reserve(kSubmissionHeader + crypto::nonce_bytes + plain.size() + crypto::tag_bytes);
  Writer f(out);
  f.u8(protocol_version);
  f.u8(static_cast<std::uint8_t>(FrameType::submission));
  f.raw(request);
  f.raw(room);
  f.raw(key.id);
  const Bytes ad = up_associated(server, device, out);
  crypto::seal(key.up, ad, plain, out);
  return out;
}

std::optional<SealedSubmission> decode_submission_frame(ByteView frame) {
  if (frame.size() > up_frame_bytes_max) return std::nullopt;
  const auto command = decode_command(frame);
  if (!command || command->type != FrameType::submission) return std::nullopt;
  Reader r(command->content);
  SealedSubmission s;
  s.request = command->request;
  s.room = r.id<RoomId>();
  s.key = r.id<KeyId>();
  if (!r.ok()) return std::nullopt;
  s.header = frame.first(kSubmissionHeader);
  s.box = r.rest();
  return s;
}

std::optional<RoomId> submission_room(ByteView frame) {
  const auto command = decode_command(frame);
  if (!command || command->type != FrameType::submission ||
      command->content.size() < RoomId::size_bytes)
    return std::nullopt;
  return RoomId::from(command->content.first(RoomId::size_bytes));
}

bool open_submission(const crypto::RoomKey& key, const ServerId& server, const DeviceId& device,
                     const SealedSubmission& sealed, Bytes& plain) {
  return crypto::open(key.up, up_associated(server, device, sealed.header), sealed.box, plain);
}

std::optional<SubmissionPayload> decode_payload(ByteView plain) {
  Reader r(plain);
  SubmissionPayload p;
  p.submission = r.raw(r.u16());
  p.act = r.raw(r.u16());
  p.signature = r.id<Signature>();
  if (!r.ok() || p.submission.size() <= kCountOffset) return std::nullopt;
  const std::size_t count = p.submission[kCountOffset];
  if (count == 0 || count > record::messages_max) return std::nullopt;
  p.parts.resize(count);
  for (auto& part : p.parts) {
    part.salt = r.id<Salt>();
    part.body = r.raw(r.u32());
  }
  if (!r.done()) return std::nullopt;
  return p;
}

KeyId frame_key_id(const SignPublicKey& key) {
  return KeyId::from(crypto::sha256(key.view()).view().first(8));
}

Bytes seal_down(const Topic& topic, const DownHeader& h, const crypto::RoomKey& key,
                const ServerId& server, const RoomId& room, ByteView entries) {
  Bytes out;
  out.reserve(16 + down_header_bytes + crypto::nonce_bytes + entries.size() + crypto::tag_bytes);
  Writer w(out);
  w.raw(topic);
  w.u8(protocol_version);
  w.u8(static_cast<std::uint8_t>(h.type));
  w.u16(h.count);
  w.raw(key.id);
  w.raw(h.frame_key);
  w.u64(h.first_room_seq);
  assert(out.size() == 16 + down_header_bytes);
  const Bytes ad = down_associated(server, room, ByteView(out).subspan(16));
  crypto::seal(key.down, ad, entries, out);
  return out;
}

std::optional<DownFrame> decode_down(ByteView frame) {
  if (frame.size() > down_frame_bytes_max) return std::nullopt;
  Reader r(frame);
  DownFrame f;
  f.topic = r.id<Topic>();
  const std::uint8_t version = r.u8(), type = r.u8();
  f.header.count = r.u16();
  f.header.key = r.id<KeyId>();
  f.header.frame_key = r.id<KeyId>();
  f.header.first_room_seq = r.u64();
  // Only what a CURVE link carries today: type 2 comes with the sealed link, 3 with presence.
  if (!r.ok() || version != protocol_version || type != static_cast<std::uint8_t>(DownType::batch) ||
      f.header.count == 0)
    return std::nullopt;
  f.header.type = DownType::batch;
  f.header_bytes = frame.subspan(16, down_header_bytes);
  f.box = r.rest();
  return f;
}

bool open_down(const crypto::RoomKey& key, const ServerId& server, const RoomId& room,
               const DownFrame& f, Bytes& entries) {
  return crypto::open(key.down, down_associated(server, room, f.header_bytes), f.box, entries);
}

}  // namespace tertulia::wire
