// A link: one string that a signed-in device shows and a further device of the same user takes, as it
// would an invite. `tertulia://` ‖ base64url of
//   129 ‖ linked_by(16) ‖ commitment(16) ‖ the bytes of an invite (invite.hpp) whose seed is the link's
//   ‖ first 4 bytes of SHA-256 of all before
// The first byte is the version in an invite: a program that knows no links says that it is too old.
// Any thread.
#pragma once

#include "common/record/device_link.hpp"
#include "common/wire/invite.hpp"

namespace tertulia::wire {

struct DeviceLink {
  Invite to;    // the server and the user, as an invite says them; seed: the link's
  DeviceId by;  // the device that showed it
  record::LinkCommitment commitment;  // to the nonce that the code is made of
};

std::string encode_device_link(const DeviceLink& link);
// Forgives white space like decode_invite(); errors as there. newer_version: also an invite.
Result<DeviceLink, InviteError> decode_device_link(std::string_view text);

// Whether this looks like a link and no invite: decode it as one, and say its errors.
bool is_device_link(std::string_view text);

}  // namespace tertulia::wire
