#include "broker/worker/submission_check.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>

#include "broker/flow/reply.hpp"
#include "common/wire/frame.hpp"

namespace tertulia::broker {

namespace {
constexpr std::size_t kReferenceBytes = 33;
constexpr std::size_t kReactionBytesMax = 64;
constexpr std::size_t kFileNameBytesMax = 255;

tl::unexpected<pb::Error> refuse(pb::ErrorCode code, std::string_view text) {
  return tl::unexpected<pb::Error>(error_of(code, text));
}

// proto3 parsing has refused text that is not UTF-8 already; this holds whatever protoc's version.
bool text_fields_valid(const pb::Body& b) {
  if (!is_valid_utf8(as_bytes(b.text()))) return false;
  if (b.has_file() && (!is_valid_utf8(as_bytes(b.file().name())) ||
                       !is_valid_utf8(as_bytes(b.file().media_type()))))
    return false;
  return true;
}

// The lite runtime keeps unknown fields where nobody can ask for them.
bool has_unknown_fields(ByteView bytes) {
  using google::protobuf::internal::WireFormatLite;
  google::protobuf::io::CodedInputStream in(bytes.data(), static_cast<int>(bytes.size()));
  while (const std::uint32_t tag = in.ReadTag())
    if (WireFormatLite::GetTagFieldNumber(tag) > pb::Body::kNamesFieldNumber ||
        !WireFormatLite::SkipField(&in, tag))
      return true;
  return false;
}

bool references_valid(const pb::Body& b) {
  if (!b.reply_to().empty() &&
      (b.reply_to().size() != kReferenceBytes ||
       static_cast<std::uint8_t>(b.reply_to().back()) >= record::messages_max))
    return false;
  for (const auto& m : b.mentions())
    if (m.size() != UserId::size_bytes) return false;
  return true;
}
}  // namespace

namespace {
bool mentions_all(ByteView body) {
  // As it is on the wire; almost no message has it, and the body is not parsed once more
  constexpr std::array<std::uint8_t, 2 + UserId::size_bytes> kEverybody{
      pb::Body::kMentionsFieldNumber << 3 | 2, UserId::size_bytes};
  if (std::search(body.begin(), body.end(), kEverybody.begin(), kEverybody.end()) == body.end())
    return false;
  pb::Body b;
  if (!b.ParseFromArray(body.data(), static_cast<int>(body.size()))) return false;
  return std::any_of(b.mentions().begin(), b.mentions().end(), [](const std::string& m) {
    return std::all_of(m.begin(), m.end(), [](char c) { return c == 0; });
  });
}
}  // namespace

std::optional<std::string_view> body_fault(record::Kind kind, ByteView bytes) {
  using record::Kind;
  if (bytes.size() > record::body_bytes_max) return "A body is larger than 32 KiB.";
  pb::Body b;
  if (!b.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return "A body is not a Body of this protocol, or its text is not UTF-8.";
  if (has_unknown_fields(bytes)) return "A body has fields that this protocol does not know.";
  if (!text_fields_valid(b)) return "A body's text is not UTF-8.";
  if (!references_valid(b)) return "A reply or a mention does not have the length of an id.";
  if (record::is_act(kind)) return std::nullopt;
  if (b.has_names()) return "A message has the names of an act.";
  if (b.has_file() != (kind == Kind::file)) return "File facts belong to messages of kind file.";
  switch (kind) {
    case Kind::text:
    case Kind::edit:
      if (b.text().empty()) return "The text is empty.";
      break;
    case Kind::reaction:
      // Empty: taken back.
      if (b.text().size() > kReactionBytesMax) return "A reaction is at most 64 bytes of text.";
      break;
    case Kind::file:
      if (b.file().name().empty() || b.file().name().size() > kFileNameBytesMax ||
          b.file().content_hash().size() != Hash::size_bytes)
        return "A file has a name of 1 to 255 bytes and the SHA-256 of its content.";
      break;
    default: break;
  }
  return std::nullopt;
}

Result<SubmissionAppend, pb::Error> check_submission(const Directory& directory,
                                                     const ServerId& server, const Asker& asker,
                                                     ByteView frame) {
  const auto sealed = wire::decode_submission_frame(frame);
  if (!sealed) {
    if (frame.size() > wire::up_frame_bytes_max)
      return refuse(pb::TOO_BIG, "The frame is larger than 256 KiB.");
    return refuse(pb::BAD_FRAME, "This is not a submission's frame.");
  }
  const Device* const device = directory.device_of(asker.key);
  if (device == nullptr)
    return refuse(pb::NOT_ALLOWED,
                  "This key belongs to no live device; an invite's key may only enrol.");
  const Room* const room = directory.room(sealed->room);
  // One answer for both: who is not a member does not learn which rooms there are.
  if (room == nullptr || !room->keys || !directory.is_member(sealed->room, device->user))
    return refuse(pb::NOT_A_MEMBER, "You are not a member of this room.");

  const RoomKeys& keys = *room->keys;
  const crypto::RoomKey* key = nullptr;
  if (sealed->key == keys.current.id)
    key = &keys.current;
  else if (keys.previous && sealed->key == keys.previous->id)
    key = &*keys.previous;
  if (key == nullptr) {
    pb::Error e = error_of(pb::STALE_KEY, "The room has a new key; seal it again under that one.");
    fill_room_key(*room, *e.mutable_room_key());
    return tl::unexpected<pb::Error>(std::move(e));
  }
  Bytes plain;
  if (!wire::open_submission(*key, server, device->id, *sealed, plain))
    return refuse(pb::BAD_FRAME, "The seal does not open under the room's key for this device.");
  const auto payload = wire::decode_payload(plain);
  if (!payload)
    return refuse(pb::BAD_FRAME, "What the seal holds is not a submission with its bodies.");
  auto submission = record::decode_submission(payload->submission);
  if (!submission) return refuse(pb::BAD_FRAME, "The submission is malformed.");

  if (submission->server != server)
    return refuse(pb::WRONG_SERVER, "The submission was signed for another server.");
  if (submission->device != device->id || submission->room != sealed->room)
    return refuse(pb::BAD_FRAME, "Device or room of the submission are not those of its frame.");
  if (submission->messages.size() != payload->parts.size())
    return refuse(pb::BAD_FRAME, "There are not as many bodies as messages.");
  if (submission->is_act() || !payload->act.empty())
    return refuse(pb::BAD_FRAME, "An act is not sealed for a room: it goes as a request.");

  SubmissionAppend out;
  out.bodies.reserve(payload->parts.size());
  std::size_t bodies_bytes = 0;
  for (std::size_t i = 0; i < payload->parts.size(); ++i) {
    const auto& part = payload->parts[i];
    const auto& header = submission->messages[i];
    bodies_bytes += part.salt.size() + part.body.size();
    if (part.body.size() > record::body_bytes_max ||
        bodies_bytes > record::submission_bodies_bytes_max)
      return refuse(pb::TOO_BIG,
                    "A body is at most 32 KiB, a submission's bodies 192 KiB together.");
    if (record::commitment(part.salt, part.body) != header.commitment)
      return refuse(pb::BAD_COMMITMENT, "A body is not the one that was signed.");
    if (const auto fault = body_fault(header.kind, part.body)) return refuse(pb::BAD_BODY, *fault);
    out.mentions_all = out.mentions_all || mentions_all(part.body);
    out.bodies.push_back(
        {record::BodyState::present, part.salt, Bytes(part.body.begin(), part.body.end())});
  }
  if (!record::verify_submission(device->sign, payload->submission, payload->signature))
    return refuse(pb::BAD_SIGNATURE, "The signature is not this device's.");

  out.asker = asker;
  out.submission = std::move(*submission);
  out.submission_bytes.assign(payload->submission.begin(), payload->submission.end());
  out.signature = payload->signature;
  return out;
}

Result<SubmissionAppend, pb::Error> check_act(const Directory& directory, const ServerId& server,
                                              const Asker& asker, const pb::SignedAct& act) {
  const Device* const device = directory.device_of(asker.key);
  if (device == nullptr)
    return refuse(pb::NOT_ALLOWED, "This key belongs to no live device.");
  auto submission = record::decode_submission(as_bytes(act.submission()));
  const auto signature = Signature::parse(as_bytes(act.signature()));
  const auto salt = Salt::parse(as_bytes(act.salt()));
  if (!submission || !signature || !salt)
    return refuse(pb::BAD_REQUEST, "The submission, the signature or the salt is malformed.");
  if (submission->server != server)
    return refuse(pb::WRONG_SERVER, "The submission was signed for another server.");
  if (submission->device != device->id || !submission->is_act())
    return refuse(pb::BAD_REQUEST, "This is not an act of this device.");
  const record::MessageHeader& header = submission->messages[0];
  const ByteView bytes = as_bytes(act.act()), body = as_bytes(act.body());
  if (crypto::sha256(bytes) != header.act_hash || !record::decode_act(header.kind, bytes))
    return refuse(pb::BAD_REQUEST, "The act is malformed or is not the one that was signed.");
  if (body.size() > act_body_bytes_max)
    return refuse(pb::TOO_BIG, "The body of an act is at most 4 KiB.");
  if (record::commitment(*salt, body) != header.commitment)
    return refuse(pb::BAD_COMMITMENT, "The body is not the one that was signed.");
  if (const auto fault = body_fault(header.kind, body)) return refuse(pb::BAD_BODY, *fault);
  if (!record::verify_submission(device->sign, as_bytes(act.submission()), *signature))
    return refuse(pb::BAD_SIGNATURE, "The signature is not this device's.");
  SubmissionAppend out;
  out.asker = asker;
  out.submission_bytes.assign(act.submission().begin(), act.submission().end());
  out.act.assign(bytes.begin(), bytes.end());
  out.signature = *signature;
  out.bodies.push_back({record::BodyState::present, *salt, Bytes(body.begin(), body.end())});
  out.submission = std::move(*submission);
  return out;
}

}  // namespace tertulia::broker
