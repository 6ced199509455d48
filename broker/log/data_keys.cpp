#include "broker/log/data_keys.hpp"

#include <array>

#include "broker/log/log.hpp"
#include "broker/log/schema.hpp"

namespace tertulia::broker {

namespace {

constexpr std::string_view kDataKeyLabel = "tertulia/dmk/v1\n";
constexpr std::string_view kTopicKeyLabel = "tertulia/topic-key/v1\n";
constexpr std::string_view kBodyLabel = "tertulia/body/v1\n";
constexpr std::string_view kSeedLabel = "tertulia/webhook/v1\n";
constexpr std::size_t kSeqOffset = kBodyLabel.size();

Bytes wrap_associated(const ServerId& server, Wrapped what) {
  Bytes ad;
  Writer w(ad);
  w.raw(what == Wrapped::data_key ? kDataKeyLabel : kTopicKeyLabel);
  w.raw(server);
  return ad;
}

Bytes seed_associated(const DeviceId& device) {
  Bytes ad;
  Writer w(ad);
  w.raw(kSeedLabel);
  w.raw(device);
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

Bytes wrap_key(const crypto::Seed& kek, const ServerId& server, Wrapped what,
               const crypto::Seed& key) {
  Bytes out;
  crypto::seal(kek, wrap_associated(server, what), key.view(), out);
  return out;
}

std::optional<crypto::Seed> unwrap_key(const crypto::Seed& kek, const ServerId& server,
                                       Wrapped what, ByteView wrapped) {
  Bytes plain;
  if (!crypto::open(kek, wrap_associated(server, what), wrapped, plain)) return std::nullopt;
  const auto key = crypto::Seed::parse(plain);
  sodium_memzero(plain.data(), plain.size());
  return key;
}

DataKeys::DataKeys(const crypto::Seed& data_key)
    : bodies_(crypto::derive(data_key, "tertdata", 1)),
      webhooks_(crypto::derive(data_key, "tertdata", 6)) {}

Bytes DataKeys::seal_seed(const DeviceId& device, const crypto::Seed& seed) const {
  Bytes out;
  crypto::seal(webhooks_, seed_associated(device), seed.view(), out);
  return out;
}

std::optional<crypto::Seed> DataKeys::open_seed(const DeviceId& device, ByteView sealed) const {
  Bytes plain;
  if (!crypto::open(webhooks_, seed_associated(device), sealed, plain)) return std::nullopt;
  auto seed = crypto::Seed::parse(plain);
  sodium_memzero(plain.data(), plain.size());
  return seed;
}

void DataKeyRing::put(std::uint64_t number, const crypto::Seed& data_key) {
  auto keys = std::make_shared<const DataKeys>(data_key);
  std::lock_guard lock(mutex_);
  auto next = std::make_shared<Keys>(*keys_);
  (*next)[number] = std::move(keys);
  keys_ = std::move(next);
}

void DataKeyRing::drop(std::uint64_t number) {
  std::lock_guard lock(mutex_);
  auto next = std::make_shared<Keys>(*keys_);
  next->erase(number);
  keys_ = std::move(next);
}

std::optional<StoredKeys> read_keys(Database& db, const crypto::Seed& kek,
                                    const std::optional<crypto::Seed>& next) {
  const auto server_bytes = read_meta(db, "server_id");
  const auto server = server_bytes ? ServerId::parse(*server_bytes) : std::nullopt;
  if (!server) throw StorageFailure("this is not the database of a log");
  StoredKeys out;
  const auto unwrap = [&](Wrapped what, ByteView wrapped) {
    auto key = unwrap_key(out.by_next ? *next : kek, *server, what, wrapped);
    if (key || out.by_next || !next) return key;
    key = unwrap_key(*next, *server, what, wrapped);
    out.by_next = key.has_value();
    return key;
  };
  Statement rows = db.prepare("SELECT number, wrapped, made_ms FROM data_keys ORDER BY number");
  while (rows.next()) {
    const auto key = unwrap(Wrapped::data_key, rows.blob(1));
    if (!key) return std::nullopt;
    out.data_keys[rows.number(0)] = {*key, rows.number(2)};
  }
  if (out.data_keys.empty()) throw StorageFailure("the record is not whole: it has no data key");
  // Topics derive from the first data key, and stay what they were when another takes its place.
  const auto topics = read_meta(db, "topic_key");
  const auto topic_key =
      topics ? unwrap(Wrapped::topic_key, *topics)
             : std::optional(crypto::derive(out.data_keys.begin()->second.key, "tertdata", 5));
  if (!topic_key) return std::nullopt;
  out.topics = *topic_key;
  return out;
}

void write_keys(Database& db, const crypto::Seed& kek, const ServerId& server,
                const StoredKeys& keys) {
  db.run("DELETE FROM data_keys");
  Statement add = db.prepare("INSERT INTO data_keys(number, wrapped, made_ms) VALUES(?, ?, ?)");
  for (const auto& [number, one] : keys.data_keys) {
    const Bytes wrapped = wrap_key(kek, server, Wrapped::data_key, one.key);
    add.bind(1, number).bind(2, wrapped).bind(3, one.made_ms).run();
  }
  write_meta(db, "topic_key", wrap_key(kek, server, Wrapped::topic_key, keys.topics));
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
