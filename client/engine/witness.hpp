// Witness: holds the server to one log. Keeps the newest checkpoint whose consistency with all
// earlier ones it has verified (trust on first use), and says when a checkpoint contradicts it.
//
// Checkpoints are offered as they come (every ack has one); only the one that claims the largest
// size is opened, when a proof is next asked for: opening costs 54 µs, and an ack each is too many.
// A plain state machine without clock or socket; one thread.
#pragma once

#include "common/merkle/checkpoint.hpp"
#include "common/merkle/tree.hpp"

namespace tertulia::client {

// The size that a note claims, unverified.
std::optional<std::uint64_t> claimed_size(std::string_view note);

class Witness {
 public:
  enum class Trouble { none, forked, rolled_back };
  struct Range {
    std::uint64_t old_size = 0;
    std::uint64_t new_size = 0;
  };

  Witness() = default;
  // log: the log key of the server's card. note: the newest verified one, "" for none.
  Witness(merkle::NoteKey log, const std::string& note);

  // The log signs with this key from now on; what was verified stays verified.
  void follow(merkle::NoteKey log) { log_ = std::move(log); }

  // From acks, pongs and errors. A smaller size than the verified one is nothing: answers overtake
  // each other.
  void offer(const std::string& note);
  // From a welcome, the server's newest: smaller than what is verified means the log was rolled back.
  void offer_newest(const std::string& note);

  // What to ask a consistency proof for, if there is a newer checkpoint and no question is open;
  // the caller asks, and answers with proof() or no_answer(). May adopt without a proof (first use).
  std::optional<Range> next_question();
  void proof(const std::vector<Hash>& hashes);
  void no_answer() { asked_.reset(); }
  bool has_question() const {
    return !asked_ && !candidate_.empty() && trouble_ != Trouble::forked;
  }

  const std::optional<merkle::Checkpoint>& verified() const { return verified_; }
  const std::string& verified_note() const { return verified_note_; }
  const merkle::NoteKey& verified_key() const { return verified_key_; }  // that signed it
  Trouble trouble() const { return trouble_; }
  // Two notes that contradict each other; for the people who have to look into it.
  std::string evidence() const { return evidence_; }

 private:
  void adopt(const merkle::Checkpoint& checkpoint, const std::string& note,
             const merkle::NoteKey& key);
  void forked(const std::string& note);

  merkle::NoteKey log_;
  std::optional<merkle::Checkpoint> verified_;
  std::string verified_note_;
  merkle::NoteKey verified_key_;
  std::string candidate_;  // unverified, claims candidate_size_
  std::uint64_t candidate_size_ = 0;
  struct Asked {
    merkle::Checkpoint checkpoint;
    std::string note;
    merkle::NoteKey key;
  };
  std::optional<Asked> asked_;
  Trouble trouble_ = Trouble::none;
  std::string evidence_;
};

}  // namespace tertulia::client
