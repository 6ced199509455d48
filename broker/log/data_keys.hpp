// The keys of data at rest (docs/log-format.md, "At rest"): one data key, wrapped under the KEK in
// the database, and what derives from it; and the sealing of bodies with it. Any thread.
#pragma once

#include <vector>

#include "common/crypto/seal.hpp"
#include "common/record/leaf.hpp"

namespace tertulia::broker {

class DataKeys {
 public:
  explicit DataKeys(const crypto::Seed& data_key);

  // A new data key, and its wrapped form for the database.
  static DataKeys make(const crypto::Seed& kek, const ServerId& server, Bytes& wrapped);
  // nullopt: not wrapped by this KEK for this server.
  static std::optional<DataKeys> unwrap(const crypto::Seed& kek, const ServerId& server,
                                        ByteView wrapped);

  const crypto::Seed& topics() const { return topics_; }

  // Replaces out by, per message, state(1) [‖ u32 length ‖ nonce ‖ sealed salt ‖ body].
  void seal_bodies(std::uint64_t seq, const std::vector<record::Body>& bodies, Bytes& out) const;
  // False: damaged, or sealed elsewhere. A body that does not open comes out as withheld.
  bool open_bodies(std::uint64_t seq, ByteView sealed, std::vector<record::Body>& out) const;

 private:
  crypto::Seed bodies_;
  crypto::Seed topics_;
};

}  // namespace tertulia::broker
