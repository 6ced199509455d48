#include "common/crypto/keys.hpp"

#include <stdexcept>

namespace tertulia::crypto {

void crypto_start() {
  if (sodium_init() < 0) throw std::runtime_error("libsodium cannot be initialised");
}

Seed derive(const Seed& seed, const char (&context)[9], std::uint64_t id) {
  static_assert(crypto_kdf_KEYBYTES == 32 && crypto_kdf_CONTEXTBYTES == 8);
  Seed out;
  crypto_kdf_derive_from_key(out.data(), 32, id, context, seed.data());
  return out;
}

Hash sha256(ByteView bytes) {
  Hash h;
  crypto_hash_sha256(h.data(), bytes.data(), bytes.size());
  return h;
}
Hash sha256(std::string_view label, ByteView rest) {
  return Sha256{}.update(as_bytes(label)).update(rest).finish();
}

SigningKey::SigningKey(const Seed& seed) {
  crypto_sign_ed25519_seed_keypair(public_.data(), secret_.data(), seed.data());
}
Signature SigningKey::sign(ByteView message) const {
  Signature s;
  crypto_sign_ed25519_detached(s.data(), nullptr, message.data(), message.size(), secret_.data());
  return s;
}
bool verify(const SignPublicKey& key, ByteView message, const Signature& signature) {
  return crypto_sign_ed25519_verify_detached(signature.data(), message.data(), message.size(),
                                             key.data()) == 0;
}

CurveKey::CurveKey(const Seed& secret) : secret_(secret) {
  crypto_scalarmult_curve25519_base(public_.data(), secret_.data());
}

DeviceKeys::DeviceKeys(const Seed& seed)
    : signing(derive(seed, "tertdev1", 1)), curve(derive(seed, "tertdev1", 2)),
      id(device_id(signing.public_key(), curve.public_key())) {}

DeviceId device_id(const SignPublicKey& sign, const CurvePublicKey& curve) {
  const Hash h = Sha256{}
                     .update(as_bytes("tertulia/device/v1\n"))
                     .update(sign.view())
                     .update(curve.view())
                     .finish();
  return DeviceId::from(h.view().first(16));
}

ServerId server_id(const SignPublicKey& first_identity) {
  return ServerId::from(sha256("tertulia/server/v1\n", first_identity.view()).view());
}

CurveKey invite_curve_key(const Seed& invite_seed) {
  return CurveKey(derive(invite_seed, "tertinvi", 1));
}

InviteId invite_id(const CurvePublicKey& invite_curve) {
  return InviteId::from(sha256("tertulia/invite/v1\n", invite_curve.view()).view().first(16));
}

std::string fingerprint(const SignPublicKey& identity) {
  const std::string hex = to_hex(sha256("tertulia/fingerprint/v1\n", identity.view()).view().first(16));
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 4) {
    if (i > 0) out += ' ';
    out += hex.substr(i, 4);
  }
  return out;
}

RoomKey::RoomKey(const Seed& k) : key(k), up(derive(k, "tertroom", 1)), down(derive(k, "tertroom", 2)) {
  std::array<std::uint8_t, 16> wide{};
  crypto_kdf_derive_from_key(wide.data(), wide.size(), 3, "tertroom", k.data());
  id = KeyId::from(ByteView(wide).first(8));
}

}  // namespace tertulia::crypto
