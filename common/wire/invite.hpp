// An invite: one string, `tertulia://` ‖ base64url of
//   ver(1)=1 ‖ identity_pk(32) ‖ curve_pk(32) ‖ invite_seed(32) ‖ user_id(16) ‖ len(1) ‖ server name
//   ‖ len(1) ‖ user name ‖ count(1) ‖ count × { len(1) ‖ address } ‖ first 4 bytes of SHA-256 of all before
// (the last four catch a string that was cut or mistyped). A class link, by which several people join,
// has version 2 and neither user_id nor user name: programs that do not know it say that they are too
// old. Any thread.
#pragma once

#include <string>

#include "common/base/result.hpp"
#include "common/crypto/keys.hpp"

namespace tertulia::wire {

struct Invite {
  SignPublicKey identity;
  CurvePublicKey server_curve;
  crypto::Seed seed;
  UserId user;  // zero: a class link
  std::string server_name;
  std::string user_name;               // empty: a class link
  std::vector<std::string> addresses;  // "tcp://host:port" of the command socket, best first
  bool is_class_link() const { return user.is_zero(); }
};

enum class InviteError { no_scheme, not_base64, cut_short, newer_version, malformed };
const char* invite_error_text(InviteError error);  // one English sentence

std::string encode_invite(const Invite& invite);
// Forgives white space around and inside the string (mail programs fold lines).
Result<Invite, InviteError> decode_invite(std::string_view text);

}  // namespace tertulia::wire
