// Checker: from the leaves alone (and the bodies, where they are there) decides whether a record
// keeps the rules of docs/log-format.md, "What a verifier checks". Feed it every entry in order,
// then call finish(); the first fault is final. One thread; memory: users, devices, rooms, about
// 100 bytes for the id of a submission and 32 for the root at each size.
#pragma once

#include <functional>
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

// A signature that somebody else verifies. The views live as long as the leaf that was given.
struct SignatureToCheck {
  std::uint64_t seq = 0;
  SignPublicKey key;
  ByteView submission;  // within the leaf given to check()
  Signature signature;
};

class Checker {
 public:
  explicit Checker(const ServerId& server);
  ~Checker();
  // From now on signatures of submissions are handed to `take` in place of being verified here:
  // they are most of the work and can be spread over cores.
  void defer_signatures(std::function<void(const SignatureToCheck&)> take);
  // bodies null: not checked (an export without bodies).
  [[nodiscard]] std::optional<Fault> check(std::uint64_t position, ByteView leaf,
                                           const std::vector<Body>* bodies);
  // What can be said only at the end: a body that is gone without an order or policy for it.
  [[nodiscard]] std::optional<Fault> finish() const;
  std::uint64_t size() const;
  Hash root() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::record
