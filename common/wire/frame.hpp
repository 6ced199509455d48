// Frames, byte by byte (docs/protocol.md, "Frames"). Decoders answer nullopt for anything that is
// not exactly a frame. Any thread; views point into the frame given.
#pragma once

#include "common/crypto/seal.hpp"
#include "common/record/leaf.hpp"

namespace tertulia::wire {

inline constexpr std::uint8_t protocol_version = 1;
inline constexpr std::size_t up_frame_bytes_max = 256 * 1024;
inline constexpr std::size_t down_frame_bytes_max = 256 * 1024;
inline constexpr std::size_t client_frame_bytes_max = 1024 * 1024;  // clients' MAXMSGSIZE

enum class FrameType : std::uint8_t { submission = 1, request = 2, reply = 3 };

// ---- command socket ----

// Every frame of the command socket: ver(1) ‖ type(1) ‖ request_id(16) ‖ content.
struct CommandFrame {
  FrameType type{};
  RequestId request;
  ByteView content;
};
std::optional<CommandFrame> decode_command(ByteView frame);
Bytes encode_command(FrameType type, const RequestId& request, ByteView content);

// What a sealed submission holds.
struct SubmissionPayload {
  ByteView submission;  // S without its label
  ByteView act;
  Signature signature;
  struct Part {
    Salt salt;
    ByteView body;
  };
  std::vector<Part> parts;  // as many as the submission has messages
};

// A submission's frame: ver ‖ 1 ‖ request_id ‖ room(16) ‖ key_id(8) ‖ nonce(24) ‖ ciphertext.
Bytes seal_submission(const crypto::RoomKey& key, const ServerId& server, const DeviceId& device,
                      const RequestId& request, const RoomId& room, const SubmissionPayload& payload);

struct SealedSubmission {
  RequestId request;
  RoomId room;
  KeyId key;
  ByteView header;  // what stands before the nonce: part of the associated data
  ByteView box;     // nonce ‖ ciphertext
};
std::optional<SealedSubmission> decode_submission_frame(ByteView frame);
// The room that a submission's frame names, whatever else is in it; nullopt: it is not one.
std::optional<RoomId> submission_room(ByteView frame);
// Replaces plain; false: not sealed by this device under this key.
[[nodiscard]] bool open_submission(const crypto::RoomKey& key, const ServerId& server,
                                   const DeviceId& device, const SealedSubmission& sealed,
                                   Bytes& plain);
// The payload's views point into plain. Number of parts = count byte of the submission.
std::optional<SubmissionPayload> decode_payload(ByteView plain);

// ---- broadcast socket ----

enum class DownType : std::uint8_t { batch = 1, batch_signed = 2, ephemeral = 3 };

inline constexpr std::size_t down_header_bytes = 28;
struct DownHeader {
  DownType type = DownType::batch;
  std::uint16_t count = 0;  // entries in the frame
  KeyId key;
  KeyId frame_key;          // first 8 bytes of SHA-256(frame public key)
  std::uint64_t first_room_seq = 0;
};
KeyId frame_key_id(const SignPublicKey& frame_key);

// topic ‖ header ‖ nonce ‖ ciphertext; entries as append_entry() wrote them.
Bytes seal_down(const Topic& topic, const DownHeader& header, const crypto::RoomKey& key,
                const ServerId& server, const RoomId& room, ByteView entries);
struct DownFrame {
  Topic topic;
  DownHeader header;
  ByteView header_bytes;
  ByteView box;
};
std::optional<DownFrame> decode_down(ByteView frame);
[[nodiscard]] bool open_down(const crypto::RoomKey& key, const ServerId& server, const RoomId& room,
                             const DownFrame& frame, Bytes& entries);

}  // namespace tertulia::wire
