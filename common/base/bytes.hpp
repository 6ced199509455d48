// Byte containers, big-endian reading and writing, hex and base64.
// Any thread; every type here is a plain value. Ids are distinct types, so that a device can never
// stand where a room belongs.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tertulia {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// N bytes with a meaning. Tag keeps ids of different meaning apart at compile time.
template <std::size_t N, class Tag>
struct FixedBytes {
  static constexpr std::size_t size_bytes = N;
  std::array<std::uint8_t, N> bytes{};

  // The caller has checked the length.
  static FixedBytes from(ByteView view) {
    FixedBytes out;
    if (view.size() != N) std::abort();
    std::memcpy(out.bytes.data(), view.data(), N);
    return out;
  }
  static std::optional<FixedBytes> parse(ByteView view) {
    if (view.size() != N) return std::nullopt;
    return from(view);
  }
  ByteView view() const { return {bytes.data(), N}; }
  std::uint8_t* data() { return bytes.data(); }
  const std::uint8_t* data() const { return bytes.data(); }
  static constexpr std::size_t size() { return N; }
  bool is_zero() const {
    std::uint8_t all = 0;
    for (auto b : bytes) all = static_cast<std::uint8_t>(all | b);
    return all == 0;
  }
  auto operator<=>(const FixedBytes&) const = default;
};

using ServerId = FixedBytes<32, struct ServerIdTag>;
using DeviceId = FixedBytes<16, struct DeviceIdTag>;
using UserId = FixedBytes<16, struct UserIdTag>;
using RoomId = FixedBytes<16, struct RoomIdTag>;
using InviteId = FixedBytes<16, struct InviteIdTag>;
using SubmissionId = FixedBytes<16, struct SubmissionIdTag>;  // UUIDv7
using RequestId = FixedBytes<16, struct RequestIdTag>;
using KeyId = FixedBytes<8, struct KeyIdTag>;
using Topic = FixedBytes<16, struct TopicTag>;
using Hash = FixedBytes<32, struct HashTag>;  // SHA-256
using Salt = FixedBytes<32, struct SaltTag>;
using Signature = FixedBytes<64, struct SignatureTag>;
using SignPublicKey = FixedBytes<32, struct SignPublicKeyTag>;    // Ed25519
using CurvePublicKey = FixedBytes<32, struct CurvePublicKeyTag>;  // X25519, as CURVE uses it

std::string to_hex(ByteView bytes);  // lower case
std::optional<Bytes> from_hex(std::string_view text);
std::string to_base64(ByteView bytes);  // RFC 4648 section 4, padded
std::optional<Bytes> from_base64(std::string_view text);
std::string to_base64url(ByteView bytes);  // RFC 4648 section 5, no padding
std::optional<Bytes> from_base64url(std::string_view text);

bool is_valid_utf8(ByteView bytes);

// Appends big-endian integers and byte strings to a growing buffer.
class Writer {
 public:
  explicit Writer(Bytes& out) : out_(out) {}
  void u8(std::uint8_t v) { out_.push_back(v); }
  void u16(std::uint16_t v) { be<2>(v); }
  void u32(std::uint32_t v) { be<4>(v); }
  void u64(std::uint64_t v) { be<8>(v); }
  void raw(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void raw(std::string_view text) { raw(as_bytes(text)); }
  template <std::size_t N, class Tag>
  void raw(const FixedBytes<N, Tag>& id) {
    raw(id.view());
  }

 private:
  template <int N>
  void be(std::uint64_t v) {
    for (int i = N - 1; i >= 0; --i) out_.push_back(static_cast<std::uint8_t>(v >> (8 * i)));
  }
  Bytes& out_;
};

// Reads what a peer sent. A read past the end sets ok() to false and yields zeros; the caller
// checks done() once, at the end: nothing was missing and nothing is left over.
class Reader {
 public:
  explicit Reader(ByteView in) : in_(in) {}
  std::uint8_t u8() { return static_cast<std::uint8_t>(be<1>()); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(be<2>()); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(be<4>()); }
  std::uint64_t u64() { return be<8>(); }
  ByteView raw(std::size_t n) {
    if (n > in_.size()) {
      ok_ = false;
      in_ = {};
      return {};
    }
    ByteView out = in_.first(n);
    in_ = in_.subspan(n);
    return out;
  }
  template <class Id>
  Id id() {
    ByteView v = raw(Id::size_bytes);
    return v.size() == Id::size_bytes ? Id::from(v) : Id{};
  }
  bool literal(std::string_view text) {
    ByteView v = raw(text.size());
    if (as_text(v) != text) ok_ = false;
    return ok_;
  }
  ByteView rest() const { return in_; }
  std::size_t left() const { return in_.size(); }
  bool ok() const { return ok_; }
  bool done() const { return ok_ && in_.empty(); }

 private:
  template <int N>
  std::uint64_t be() {
    ByteView v = raw(N);
    std::uint64_t out = 0;
    for (auto b : v) out = (out << 8) | b;
    return out;
  }
  ByteView in_;
  bool ok_ = true;
};

}  // namespace tertulia

template <std::size_t N, class Tag>
struct std::hash<tertulia::FixedBytes<N, Tag>> {
  // Ids are hashes, keys or random bytes; their first eight bytes spread well enough. UUIDv7 starts
  // with a clock, so its last eight bytes are mixed in.
  std::size_t operator()(const tertulia::FixedBytes<N, Tag>& id) const noexcept {
    std::uint64_t a = 0, b = 0;
    std::memcpy(&a, id.data(), N < 8 ? N : 8);
    if constexpr (N >= 16) std::memcpy(&b, id.data() + N - 8, 8);
    return static_cast<std::size_t>(a ^ (b * 0x9e3779b97f4a7c15ULL));
  }
};
