// What is signed, authenticated and compared when a signed-in device lets a further one of its user
// in (docs/protocol.md, "Linking a device"; docs/log-format.md, "Acts"). Pure; any thread.
//
// The new device proves by a MAC that it holds the link that the old one showed, so that nobody in
// between puts keys of his own in their place. The old device has committed itself to a nonce in the
// link and gives it out only after it has the new device's keys: so not even who has the link and the
// server can look for keys whose code is that of others, and six digits suffice for people to compare.
#pragma once

#include <string>

#include "common/record/act.hpp"

namespace tertulia::record {

// The two devices of a link, and the user of both.
struct LinkedPair {
  ServerId server;
  InviteId link;  // of the link's key, as of an invite's
  DeviceId by;    // the device that lets in
  UserId user;
  SignPublicKey sign;  // of the new device
  CurvePublicKey curve;
};

using LinkNonce = FixedBytes<16, struct LinkNonceTag>;
using LinkCommitment = FixedBytes<16, struct LinkCommitmentTag>;
using LinkMac = FixedBytes<32, struct LinkMacTag>;

// SHA-256("tertulia/link-nonce/v1\n" ‖ nonce)[:16]
LinkCommitment link_commitment(const LinkNonce& nonce);

// What the new device signs, the act's enrol_signature:
// "tertulia/link-ask/v1\n" ‖ server_id ‖ linked_by ‖ user_id ‖ sign_pk ‖ curve_pk
Bytes link_ask_message(const LinkedPair& pair);

// What the old device signs, the act's link_signature:
// "tertulia/link/v1\n" ‖ server_id ‖ linked_by ‖ user_id ‖ sign_pk ‖ curve_pk ‖ enrol_signature
Bytes link_message(const LinkedPair& pair, const Signature& enrol_signature);

// BLAKE2b-256 keyed by kdf(link seed, "tertinvi", 2) over
// "tertulia/link-mac/v1\n" ‖ server_id ‖ link ‖ linked_by ‖ user_id ‖ sign_pk ‖ curve_pk
// ‖ enrol_signature ‖ length(u16) ‖ device name. Precondition: the name has at most 65,535 bytes.
LinkMac link_mac(const crypto::Seed& link_seed, const LinkedPair& pair,
                 const Signature& enrol_signature, std::string_view device_name);
[[nodiscard]] bool is_link_mac(const LinkMac& mac, const crypto::Seed& link_seed,
                               const LinkedPair& pair, const Signature& enrol_signature,
                               std::string_view device_name);  // in constant time

// What both devices show, "123 456": the first 8 bytes, as a number modulo 1,000,000, of
// SHA-256("tertulia/link-code/v1\n" ‖ server_id ‖ link ‖ linked_by ‖ user_id ‖ sign_pk ‖ curve_pk
// ‖ nonce).
std::string link_code(const LinkedPair& pair, const LinkNonce& nonce);

// The pair of a device_link act. link stays zero: it is in no act. Precondition: decode_act() took it.
LinkedPair linked_pair(const ServerId& server, const Act& act);

}  // namespace tertulia::record
