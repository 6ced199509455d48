// Sealing: XChaCha20-Poly1305-IETF (libsodium; draft-irtf-cfrg-xchacha-03) under a random nonce.
// A nonce is never derived from a sequence number: a batch that is built again after a crash would
// use it twice for different content. Any thread.
#pragma once

#include "common/crypto/keys.hpp"

namespace tertulia::crypto {

inline constexpr std::size_t nonce_bytes = 24;
inline constexpr std::size_t tag_bytes = 16;

// Appends nonce ‖ ciphertext ‖ tag to out.
void seal(const Seed& key, ByteView associated, ByteView plain, Bytes& out);

// box is what seal() appended. Replaces plain; false: not sealed by this key for this place.
[[nodiscard]] bool open(const Seed& key, ByteView associated, ByteView box, Bytes& plain);

// BLAKE2b-128 keyed by the topic key over the room id: a room's PUB topic.
Topic room_topic(const Seed& topic_key, const RoomId& room);

}  // namespace tertulia::crypto
