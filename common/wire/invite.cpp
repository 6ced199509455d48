#include "common/wire/invite.hpp"

#include <cassert>

namespace tertulia::wire {

namespace {
constexpr std::string_view kScheme = "tertulia://";
constexpr std::uint8_t kVersionPersonal = 1;
constexpr std::uint8_t kVersionClassLink = 2;
constexpr std::size_t kCheckBytes = 4;
constexpr std::size_t kAddressesMax = 16;

void short_text(Writer& w, std::string_view text) {
  assert(text.size() <= 255);
  w.u8(static_cast<std::uint8_t>(text.size()));
  w.raw(text);
}
std::string short_text(Reader& r) { return std::string(as_text(r.raw(r.u8()))); }
}  // namespace

const char* invite_error_text(InviteError error) {
  switch (error) {
    case InviteError::no_scheme: return "This is not an invite: an invite starts with tertulia://.";
    case InviteError::not_base64:
      return "This invite holds characters that no invite has; copy it again.";
    case InviteError::cut_short:
      return "This invite is incomplete or mistyped; copy the whole string again.";
    case InviteError::newer_version:
      return "This invite is of a newer Tertulia; update this program.";
    case InviteError::malformed: return "This invite is damaged; ask for another one.";
  }
  return "This invite cannot be read.";
}

std::string encode_invite(const Invite& i) {
  Bytes raw;
  Writer w(raw);
  assert(i.is_class_link() == i.user_name.empty());
  w.u8(i.is_class_link() ? kVersionClassLink : kVersionPersonal);
  w.raw(i.identity);
  w.raw(i.server_curve);
  w.raw(i.seed.view());
  if (!i.is_class_link()) w.raw(i.user);
  short_text(w, i.server_name);
  if (!i.is_class_link()) short_text(w, i.user_name);
  assert(i.addresses.size() <= kAddressesMax);
  w.u8(static_cast<std::uint8_t>(i.addresses.size()));
  for (const auto& a : i.addresses) short_text(w, a);
  const Hash check = crypto::sha256(raw);
  w.raw(check.view().first(kCheckBytes));
  std::string out = std::string(kScheme) + to_base64url(raw);
  sodium_memzero(raw.data(), raw.size());
  return out;
}

Result<Invite, InviteError> decode_invite(std::string_view text) {
  std::string dense;
  for (char c : text)
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') dense += c;
  if (!dense.starts_with(kScheme)) return fail(InviteError::no_scheme);
  std::string_view tail = std::string_view(dense).substr(kScheme.size());
  if (tail.ends_with('/')) tail.remove_suffix(1);  // some desktops add one to a URI
  const auto raw = from_base64url(tail);
  if (!raw) return fail(InviteError::not_base64);
  if (raw->size() < 1 + kCheckBytes) return fail(InviteError::cut_short);
  if ((*raw)[0] > kVersionClassLink) return fail(InviteError::newer_version);
  const ByteView body = ByteView(*raw).first(raw->size() - kCheckBytes);
  const Hash check = crypto::sha256(body);
  if (std::memcmp(check.data(), raw->data() + body.size(), kCheckBytes) != 0)
    return fail(InviteError::cut_short);
  Reader r(body);
  Invite i;
  const std::uint8_t version = r.u8();
  if (version != kVersionPersonal && version != kVersionClassLink)
    return fail(InviteError::malformed);
  const bool personal = version == kVersionPersonal;
  i.identity = r.id<SignPublicKey>();
  i.server_curve = r.id<CurvePublicKey>();
  const auto seed = crypto::Seed::parse(r.raw(32));
  if (personal) i.user = r.id<UserId>();
  i.server_name = short_text(r);
  if (personal) i.user_name = short_text(r);
  if (personal && (i.user.is_zero() || i.user_name.empty())) return fail(InviteError::malformed);
  const std::size_t count = r.u8();
  if (!r.ok() || !seed || count == 0 || count > kAddressesMax) return fail(InviteError::malformed);
  i.seed = *seed;
  for (std::size_t n = 0; n < count; ++n) i.addresses.push_back(short_text(r));
  if (!r.done() || !is_valid_utf8(as_bytes(i.server_name)) || !is_valid_utf8(as_bytes(i.user_name)))
    return fail(InviteError::malformed);
  return i;
}

}  // namespace tertulia::wire
