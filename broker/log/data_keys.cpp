#include "broker/log/data_keys.hpp"

#include <array>

namespace tertulia::broker {

namespace {

constexpr std::string_view kWrapLabel = "tertulia/dmk/v1\n";
constexpr std::string_view kBodyLabel = "tertulia/body/v1\n";
constexpr std::size_t kSeqOffset = kBodyLabel.size();

Bytes wrap_associated(const ServerId& server) {
  Bytes ad;
  Writer w(ad);
  w.raw(kWrapLabel);
  w.raw(server);
  return ad;
}

// "tertulia/body/v1\n" ‖ seq(8) ‖ index(1): a body opens only in its own place.
struct Place {
  std::array<std::uint8_t, kSeqOffset + 9> bytes{};
  explicit Place(std::uint64_t seq) {
    std::memcpy(bytes.data(), kBodyLabel.data(), kBodyLabel.size());
    for (std::size_t i = 0; i < 8; ++i)
      bytes[kSeqOffset + i] = static_cast<std::uint8_t>(seq >> (8 * (7 - i)));
  }
  ByteView at(std::size_t index) {
    bytes[kSeqOffset + 8] = static_cast<std::uint8_t>(index);
    return bytes;
  }
};

}  // namespace

DataKeys::DataKeys(const crypto::Seed& data_key)
    : bodies_(crypto::derive(data_key, "tertdata", 1)),
      topics_(crypto::derive(data_key, "tertdata", 5)) {}

DataKeys DataKeys::make(const crypto::Seed& kek, const ServerId& server, Bytes& wrapped) {
  const crypto::Seed data_key = crypto::Seed::random();
  wrapped.clear();
  crypto::seal(kek, wrap_associated(server), data_key.view(), wrapped);
  return DataKeys(data_key);
}

std::optional<DataKeys> DataKeys::unwrap(const crypto::Seed& kek, const ServerId& server,
                                         ByteView wrapped) {
  Bytes plain;
  if (!crypto::open(kek, wrap_associated(server), wrapped, plain)) return std::nullopt;
  const auto data_key = crypto::Seed::parse(plain);
  sodium_memzero(plain.data(), plain.size());
  if (!data_key) return std::nullopt;
  return DataKeys(*data_key);
}

void DataKeys::seal_bodies(std::uint64_t seq, const std::vector<record::Body>& bodies,
                           Bytes& out) const {
  out.clear();
  Place place(seq);
  thread_local Bytes plain;
  Writer w(out);
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    const record::Body& body = bodies[i];
    w.u8(static_cast<std::uint8_t>(body.state));
    if (body.state != record::BodyState::present) continue;
    plain.resize(body.salt.size() + body.bytes.size());
    std::memcpy(plain.data(), body.salt.data(), body.salt.size());
    if (!body.bytes.empty())
      std::memcpy(plain.data() + body.salt.size(), body.bytes.data(), body.bytes.size());
    w.u32(static_cast<std::uint32_t>(crypto::nonce_bytes + plain.size() + crypto::tag_bytes));
    crypto::seal(bodies_, place.at(i), plain, out);
  }
}

bool DataKeys::open_bodies(std::uint64_t seq, ByteView sealed,
                           std::vector<record::Body>& out) const {
  out.clear();
  Place place(seq);
  Reader r(sealed);
  Bytes plain;
  bool whole = true;
  for (std::size_t i = 0; r.left() > 0; ++i) {
    record::Body body;
    const std::uint8_t state = r.u8();
    if (state > 2 || i >= record::messages_max) return false;
    body.state = static_cast<record::BodyState>(state);
    if (body.state == record::BodyState::present) {
      const ByteView box = r.raw(r.u32());
      if (!r.ok()) return false;
      if (crypto::open(bodies_, place.at(i), box, plain) && plain.size() >= Salt::size()) {
        body.salt = Salt::from(ByteView(plain).first(Salt::size()));
        body.bytes.assign(plain.begin() + Salt::size(), plain.end());
      } else {
        body.state = record::BodyState::withheld;
        whole = false;
      }
    }
    out.push_back(std::move(body));
  }
  return whole;
}

}  // namespace tertulia::broker
