#include "broker/log/verify_log.hpp"

#include <algorithm>
#include <thread>

#include "broker/log/replayed_tables.hpp"
#include "common/wire/card.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::broker {

namespace {

using record::Fault;

constexpr std::size_t kBlockEntries = 4096;

// Signatures of one block, verified by all cores; owns the leaves that they are in.
class SignatureBlock {
 public:
  void keep(Bytes&& leaf) { leaves_.push_back(std::move(leaf)); }
  void add(const record::SignatureToCheck& s) { waiting_.push_back(s); }
  std::size_t entries() const { return leaves_.size(); }

  // The smallest seq whose signature is not right; empties the block.
  std::optional<std::uint64_t> verify() {
    const std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::optional<std::uint64_t>> bad(cores);
    std::vector<std::jthread> threads;
    for (std::size_t core = 0; core < cores; ++core)
      threads.emplace_back([this, core, cores, &bad] { bad[core] = first_bad(core, cores); });
    threads.clear();
    waiting_.clear();
    leaves_.clear();
    std::optional<std::uint64_t> first;
    for (const auto& seq : bad)
      if (seq && (!first || *seq < *first)) first = seq;
    return first;
  }

 private:
  std::optional<std::uint64_t> first_bad(std::size_t core, std::size_t cores) const {
    for (std::size_t i = core; i < waiting_.size(); i += cores) {
      const auto& s = waiting_[i];
      if (!record::verify_submission(s.key, s.submission, s.signature)) return s.seq;
    }
    return std::nullopt;
  }
  std::vector<Bytes> leaves_;
  std::vector<record::SignatureToCheck> waiting_;
};

// A card act's body holds the card; it is signed, states the act's keys, and names this log.
std::optional<Fault> card_fault(const record::Leaf& leaf, const record::Body& body,
                                const std::string& log_name, merkle::NoteKey& named) {
  const auto refuse = [&](const char* text) { return Fault{leaf.seq, "act", text}; };
  const auto act = record::decode_act(record::Kind::card, leaf.act);
  pb::Body words;
  if (!act || !words.ParseFromArray(body.bytes.data(), static_cast<int>(body.bytes.size())))
    return refuse("The card's act or body cannot be decoded.");
  const std::string& note = words.names().card();
  if (crypto::sha256(as_bytes(note)) != act->id<Hash>(record::Tag::card_hash))
    return refuse("The card is not the one whose hash is in the act.");
  const auto card = wire::open_card(note, act->id<SignPublicKey>(record::Tag::identity_pk),
                                    leaf.submission.server);
  if (!card) return refuse("The card is not signed by the identity key.");
  if (card->serial != act->number(record::Tag::card_serial) ||
      card->curve != act->id<CurvePublicKey>(record::Tag::curve_pk) ||
      card->log.key != act->id<SignPublicKey>(record::Tag::log_pk))
    return refuse("The card and its act do not say the same.");
  if (card->log.name != log_name) return refuse("The card is of another log.");
  named = card->log;
  return std::nullopt;
}

class Verification {
 public:
  Verification(LogReader& reader, const merkle::NoteKey& log_key, const ServerId& server)
      : reader_(reader),
        log_key_(log_key),
        checker_(server),
        tables_(reader.path()) {
    checker_.defer_signatures([this](const record::SignatureToCheck& s) { block_.add(s); });
  }

  VerifiedLog run(const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
    VerifiedLog out;
    // Before the entries: what is read afterwards is at least as long.
    const auto checkpoint = reader_.last_checkpoint();
    const std::uint64_t size = reader_.size();
    out.fault = entries(size, checkpoint, progress, out.messages);
    out.entries = checker_.size();
    out.root = checker_.root();
    out.log_keys = log_keys_;
    if (!out.fault) out.fault = checker_.finish();
    if (!out.fault) out.fault = ends(size, checkpoint);
    if (!out.fault) out.fault = tables_.compare();
    return out;
  }

 private:
  using Row = std::optional<std::pair<std::uint64_t, Hash>>;

  std::optional<Fault> entries(std::uint64_t size, const Row& checkpoint,
                               const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                               std::uint64_t& messages) {
    std::optional<Fault> found;
    reader_.for_each(0, [&](LogReader::StoredEntry&& entry) {
      if (checker_.size() == size) return false;
      found = one(std::move(entry), messages);
      if (!found && checkpoint && checkpoint->first == checker_.size() &&
          checkpoint->second != checker_.root())
        found = Fault{checker_.size() - 1, "checkpoint",
                      "The root is not the one of the checkpoint that was signed."};
      if (found || block_.entries() >= kBlockEntries) {
        signatures(found);
        if (progress) progress(checker_.size(), size);
      }
      return !found.has_value();
    });
    signatures(found);
    return found;
  }

  std::optional<Fault> one(LogReader::StoredEntry&& entry, std::uint64_t& messages) {
    auto found =
        checker_.check(entry.seq, entry.leaf, entry.bodies_readable ? &entry.bodies : nullptr);
    if (!found) found = stored(entry, messages);
    block_.keep(std::move(entry.leaf));
    return found;
  }

  // What only the database has: sealed bodies, tree nodes, indexes.
  std::optional<Fault> stored(const LogReader::StoredEntry& entry, std::uint64_t& messages) {
    if (!entry.bodies_readable)
      return Fault{entry.seq, "commitment", "A body in the database cannot be opened."};
    const auto leaf = record::decode_leaf(entry.leaf);
    if (!leaf->submission.is_act())
      messages += leaf->submission.messages.size();
    else if (leaf->submission.messages[0].kind == record::Kind::card)
      if (auto found = card(*leaf, entry.bodies[0])) return found;
    if (auto found = tables_.apply(*leaf, entry.bodies)) return found;
    bool in_tree = true;
    tree_.append(merkle::leaf_hash(entry.leaf), [&](std::uint64_t number, const Hash& hash) {
      if (reader_.find_node(number) != hash) in_tree = false;
    });
    if (!in_tree) return Fault{entry.seq, "tree", "The stored tree does not have this entry."};
    if (!reader_.is_indexed(*leaf))
      return Fault{entry.seq, "index", "The indexes do not lead to this entry."};
    return std::nullopt;
  }

  // The first card names the key that was given; a later one may name another.
  std::optional<Fault> card(const record::Leaf& leaf, const record::Body& body) {
    merkle::NoteKey named;
    if (auto found = card_fault(leaf, body, log_key_.name, named)) return found;
    if (log_keys_.empty() && named.key != log_key_.key)
      return Fault{leaf.seq, "act", "The card states another log key than the one given."};
    if (log_keys_.empty() || named.key != log_keys_.back().key.key)
      log_keys_.push_back({named, leaf.seq, leaf.logged_at_ms});
    return std::nullopt;
  }

  // A wrong signature comes first when it stands before the fault that was found.
  void signatures(std::optional<Fault>& found) {
    const auto bad = block_.verify();
    if (bad && (!found || *bad <= found->seq))
      found = Fault{*bad, "signature", "The author's signature is not right."};
  }

  std::optional<Fault> ends(std::uint64_t size, const Row& checkpoint) {
    if (checker_.size() != size)
      return Fault{checker_.size(), "seq", "The entry at this position is missing."};
    if (checkpoint && checkpoint->first > size)
      return Fault{size, "checkpoint", "A checkpoint was signed for more entries than there are."};
    if (tree_.root() != checker_.root())
      return Fault{size - 1, "tree", "The root of the stored tree is not that of the entries."};
    return std::nullopt;
  }

  LogReader& reader_;
  const merkle::NoteKey& log_key_;
  std::vector<VerifiedLog::LogKey> log_keys_;
  record::Checker checker_;
  ReplayedTables tables_;
  merkle::Frontier tree_;
  SignatureBlock block_;
};

}  // namespace

VerifiedLog verify_log(LogReader& reader, const merkle::NoteKey& first_log_key,
                       const ServerId& server,
                       const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  return Verification(reader, first_log_key, server).run(progress);
}

}  // namespace tertulia::broker
