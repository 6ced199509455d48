// Keys and what is derived from them (docs/protocol.md, "Keys"). One key has one use, and one type.
// Any thread; crypto_start() first, once. Secrets are wiped when they die.
#pragma once

#include <sodium.h>

#include "common/base/bytes.hpp"

namespace tertulia::crypto {

// Initialises libsodium; throws std::runtime_error if it cannot.
void crypto_start();

template <std::size_t N>
class Secret {
 public:
  Secret() = default;
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret() { sodium_memzero(bytes_.data(), N); }
  static Secret random() {
    Secret s;
    randombytes_buf(s.bytes_.data(), N);
    return s;
  }
  static std::optional<Secret> parse(ByteView view) {
    if (view.size() != N) return std::nullopt;
    Secret s;
    std::memcpy(s.bytes_.data(), view.data(), N);
    return s;
  }
  ByteView view() const { return {bytes_.data(), N}; }
  const std::uint8_t* data() const { return bytes_.data(); }
  std::uint8_t* data() { return bytes_.data(); }

 private:
  std::array<std::uint8_t, N> bytes_{};
};

using Seed = Secret<32>;

// Sub-key `id` of `seed` under an eight-byte context: crypto_kdf_derive_from_key (BLAKE2b).
Seed derive(const Seed& seed, const char (&context)[9], std::uint64_t id);

Hash sha256(ByteView bytes);
Hash sha256(std::string_view label, ByteView rest);

class Sha256 {
 public:
  Sha256() { crypto_hash_sha256_init(&state_); }
  Sha256& update(ByteView b) {
    crypto_hash_sha256_update(&state_, b.data(), b.size());
    return *this;
  }
  Hash finish() {
    Hash h;
    crypto_hash_sha256_final(&state_, h.data());
    return h;
  }

 private:
  crypto_hash_sha256_state state_;
};

// Ed25519 (RFC 8032, libsodium's strict verification: no small-order keys, no malleable S).
class SigningKey {
 public:
  explicit SigningKey(const Seed& seed);
  const SignPublicKey& public_key() const { return public_; }
  Signature sign(ByteView message) const;

 private:
  Secret<64> secret_;
  SignPublicKey public_;
};
[[nodiscard]] bool verify(const SignPublicKey& key, ByteView message, const Signature& signature);

// X25519 as CURVE takes it: 32 raw bytes each.
class CurveKey {
 public:
  explicit CurveKey(const Seed& secret);
  const CurvePublicKey& public_key() const { return public_; }
  const Seed& secret() const { return secret_; }

 private:
  Seed secret_;
  CurvePublicKey public_;
};

// A device: one seed, from which its signing key and its CURVE key derive.
class DeviceKeys {
 public:
  explicit DeviceKeys(const Seed& seed);
  SigningKey signing;
  CurveKey curve;
  DeviceId id;
};
DeviceId device_id(const SignPublicKey& sign, const CurvePublicKey& curve);
ServerId server_id(const SignPublicKey& first_identity);
CurveKey invite_curve_key(const Seed& invite_seed);
InviteId invite_id(const CurvePublicKey& invite_curve);

// What a human compares: the first 16 bytes of SHA-256("tertulia/fingerprint/v1\n" ‖ key) as eight
// groups of four hex digits.
std::string fingerprint(const SignPublicKey& identity);

// A room's current symmetric key and its sub-keys.
class RoomKey {
 public:
  explicit RoomKey(const Seed& key);
  Seed key;   // K_room, what members are given
  Seed up;    // client to broker
  Seed down;  // broker to everybody
  KeyId id;
};

}  // namespace tertulia::crypto
