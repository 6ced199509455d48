// Checker: from the leaves alone (and the bodies, where they are there) decides whether a record keeps
// the rules of docs/log-format.md, "What a verifier checks". Feed it every entry in order; the first
// fault is final. One thread; memory: users, devices, rooms, the ids of submissions, one node edge.
#pragma once

#include <memory>
#include <string>

#include "common/merkle/tree.hpp"
#include "common/record/leaf.hpp"

namespace tertulia::record {

struct Fault {
  std::uint64_t seq = 0;
  std::string kind;  // short and stable: "seq", "room_seq", "leaf", "signature", "commitment",
                     // "device", "seen", "member", "duplicate_id", "reference", "act", "time", "body_missing"
  std::string text;  // one English sentence
};

class Checker {
 public:
  explicit Checker(const ServerId& server);
  ~Checker();
  // bodies empty: not checked (an export without bodies).
  [[nodiscard]] std::optional<Fault> check(std::uint64_t position, ByteView leaf,
                                           const std::vector<Body>* bodies);
  std::uint64_t size() const;
  Hash root() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::record
