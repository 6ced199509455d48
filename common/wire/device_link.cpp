#include "common/wire/device_link.hpp"

namespace tertulia::wire {

namespace {
constexpr std::string_view kScheme = "tertulia://";
constexpr std::uint8_t kKind = 129;
constexpr std::size_t kCheckBytes = 4;

// Of an invite or a link; nullopt: neither.
std::optional<Bytes> bytes_of(std::string_view text) {
  std::string dense;
  for (char c : text)
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') dense += c;
  if (!dense.starts_with(kScheme)) return std::nullopt;
  std::string_view tail = std::string_view(dense).substr(kScheme.size());
  if (tail.ends_with('/')) tail.remove_suffix(1);
  return from_base64url(tail);
}
}  // namespace

std::string encode_device_link(const DeviceLink& link) {
  Bytes raw;
  Writer w(raw);
  w.u8(kKind);
  w.raw(link.by);
  w.raw(link.commitment);
  std::string invite = encode_invite(link.to);
  auto inner = from_base64url(std::string_view(invite).substr(kScheme.size()));
  w.raw(inner.value());
  const Hash check = crypto::sha256(raw);
  w.raw(check.view().first(kCheckBytes));
  std::string out = std::string(kScheme) + to_base64url(raw);
  sodium_memzero(raw.data(), raw.size());
  sodium_memzero(inner->data(), inner->size());
  sodium_memzero(invite.data(), invite.size());
  return out;
}

Result<DeviceLink, InviteError> decode_device_link(std::string_view text) {
  const auto raw = bytes_of(text);
  if (!raw || raw->empty()) return fail(InviteError::not_base64);
  if ((*raw)[0] != kKind) return fail(InviteError::newer_version);
  if (raw->size() < 1 + kCheckBytes) return fail(InviteError::cut_short);
  const ByteView body = ByteView(*raw).first(raw->size() - kCheckBytes);
  const Hash check = crypto::sha256(body);
  if (std::memcmp(check.data(), raw->data() + body.size(), kCheckBytes) != 0)
    return fail(InviteError::cut_short);
  Reader r(body.subspan(1));
  DeviceLink link;
  link.by = r.id<DeviceId>();
  link.commitment = r.id<record::LinkCommitment>();
  if (!r.ok()) return fail(InviteError::malformed);
  auto invite = decode_invite(std::string(kScheme) + to_base64url(r.rest()));
  if (!invite || invite->is_class_link()) return fail(InviteError::malformed);
  link.to = std::move(*invite);
  return link;
}

bool is_device_link(std::string_view text) {
  const auto raw = bytes_of(text);
  return raw && !raw->empty() && (*raw)[0] == kKind;
}

}  // namespace tertulia::wire
