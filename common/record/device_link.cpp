#include "common/record/device_link.hpp"

#include <fmt/format.h>

#include <cassert>

namespace tertulia::record {

namespace {

constexpr std::uint64_t kCodes = 1'000'000;

void put_keys(Writer& w, const LinkedPair& pair) {
  w.raw(pair.by);
  w.raw(pair.user);
  w.raw(pair.sign);
  w.raw(pair.curve);
}

Bytes mac_message(const LinkedPair& pair, const Signature& enrol_signature,
                  std::string_view device_name) {
  assert(device_name.size() <= 0xffff);
  Bytes out;
  Writer w(out);
  w.raw("tertulia/link-mac/v1\n");
  w.raw(pair.server);
  w.raw(pair.link);
  put_keys(w, pair);
  w.raw(enrol_signature);
  w.u16(static_cast<std::uint16_t>(device_name.size()));
  w.raw(device_name);
  return out;
}

}  // namespace

LinkCommitment link_commitment(const LinkNonce& nonce) {
  return LinkCommitment::from(
      crypto::sha256("tertulia/link-nonce/v1\n", nonce.view()).view().first(16));
}

Bytes link_ask_message(const LinkedPair& pair) {
  Bytes out;
  Writer w(out);
  w.raw("tertulia/link-ask/v1\n");
  w.raw(pair.server);
  put_keys(w, pair);
  return out;
}

Bytes link_message(const LinkedPair& pair, const Signature& enrol_signature) {
  Bytes out;
  Writer w(out);
  w.raw("tertulia/link/v1\n");
  w.raw(pair.server);
  put_keys(w, pair);
  w.raw(enrol_signature);
  return out;
}

LinkMac link_mac(const crypto::Seed& link_seed, const LinkedPair& pair,
                 const Signature& enrol_signature, std::string_view device_name) {
  const crypto::Seed key = crypto::derive(link_seed, "tertinvi", 2);
  const Bytes message = mac_message(pair, enrol_signature, device_name);
  LinkMac out;
  crypto_generichash(out.data(), out.size(), message.data(), message.size(), key.data(), 32);
  return out;
}

bool is_link_mac(const LinkMac& mac, const crypto::Seed& link_seed, const LinkedPair& pair,
                 const Signature& enrol_signature, std::string_view device_name) {
  const LinkMac right = link_mac(link_seed, pair, enrol_signature, device_name);
  return sodium_memcmp(mac.data(), right.data(), mac.size()) == 0;
}

std::string link_code(const LinkedPair& pair, const LinkNonce& nonce) {
  Bytes text;
  Writer w(text);
  w.raw("tertulia/link-code/v1\n");
  w.raw(pair.server);
  w.raw(pair.link);
  put_keys(w, pair);
  w.raw(nonce);
  const Hash hash = crypto::sha256(text);
  Reader r(hash.view());
  const std::uint64_t code = r.u64() % kCodes;
  return fmt::format("{:03} {:03}", code / 1000, code % 1000);
}

LinkedPair linked_pair(const ServerId& server, const Act& act) {
  LinkedPair pair;
  pair.server = server;
  pair.by = act.id<DeviceId>(Tag::linked_by);
  pair.user = act.id<UserId>(Tag::user_id);
  pair.sign = act.id<SignPublicKey>(Tag::sign_pk);
  pair.curve = act.id<CurvePublicKey>(Tag::curve_pk);
  return pair;
}

}  // namespace tertulia::record
