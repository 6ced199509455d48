#include "common/crypto/seal.hpp"

namespace tertulia::crypto {

void seal(const Seed& key, ByteView associated, ByteView plain, Bytes& out) {
  const std::size_t at = out.size();
  out.resize(at + nonce_bytes + plain.size() + tag_bytes);
  std::uint8_t* nonce = out.data() + at;
  randombytes_buf(nonce, nonce_bytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + nonce_bytes, nullptr, plain.data(), plain.size(),
                                             associated.data(), associated.size(), nullptr, nonce,
                                             key.data());
}

bool open(const Seed& key, ByteView associated, ByteView box, Bytes& plain) {
  if (box.size() < nonce_bytes + tag_bytes) return false;
  plain.resize(box.size() - nonce_bytes - tag_bytes);
  return crypto_aead_xchacha20poly1305_ietf_decrypt(
             plain.data(), nullptr, nullptr, box.data() + nonce_bytes, box.size() - nonce_bytes,
             associated.data(), associated.size(), box.data(), key.data()) == 0;
}

Topic room_topic(const Seed& topic_key, const RoomId& room) {
  Topic t;
  crypto_generichash(t.data(), t.size(), room.data(), room.size(), topic_key.data(), 32);
  return t;
}

}  // namespace tertulia::crypto
