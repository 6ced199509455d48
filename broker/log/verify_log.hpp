// What `tertuliactl log verify` does: checks a record from its first entry to the last one that
// was there at the start (a broker may go on writing). Any thread; signatures are spread over all
// cores.
#pragma once

#include "broker/log/log_reader.hpp"
#include "common/merkle/note.hpp"
#include "common/record/checker.hpp"

namespace tertulia::broker {

struct VerifiedLog {
  std::uint64_t entries = 0;
  std::uint64_t messages = 0;
  struct LogKey {
    merkle::NoteKey key;
    std::uint64_t seq = 0;  // of the card that names it first
    std::uint64_t at_ms = 0;
  };
  std::vector<LogKey> log_keys;  // as the cards name them, the newest last
  Hash root;
  std::optional<record::Fault>
      fault;  // the first one; kinds of Checker, and "tree", "index", "checkpoint",
              // "tables"
};

// Chain (recomputed root = root of the stored nodes = last checkpoint row), dense seq and room_seq,
// devices, signatures, commitments, members, ids, references, acts, cards; the tables of people and
// rooms, which the entries must give anew. `progress` gets entries
// done and entries in all, about once per 4,096. Throws StorageFailure when the database cannot be
// read.
VerifiedLog verify_log(
    LogReader& reader, const merkle::NoteKey& first_log_key, const ServerId& server,
    const std::function<void(std::uint64_t done, std::uint64_t of)>& progress = {});

}  // namespace tertulia::broker
