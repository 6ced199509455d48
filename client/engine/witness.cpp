#include "client/engine/witness.hpp"

#include <charconv>
#include <utility>

#include "common/base/log.hpp"

namespace tertulia::client {

// The note's second line.
std::optional<std::uint64_t> claimed_size(std::string_view note) {
  const auto first = note.find('\n');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = note.find('\n', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  std::uint64_t size = 0;
  const auto parsed = std::from_chars(note.data() + first + 1, note.data() + second, size);
  if (parsed.ec != std::errc{} || parsed.ptr != note.data() + second) return std::nullopt;
  return size;
}

Witness::Witness(merkle::NoteKey log, const std::string& note) : log_(std::move(log)) {
  if (note.empty()) return;
  verified_ = merkle::open_checkpoint(note, log_);
  if (verified_)
    adopt(*verified_, note, log_);
  else
    log::warning("the stored checkpoint is not of this log's key; starting anew");
}

void Witness::offer(const std::string& note) {
  const auto size = claimed_size(note);
  if (!size || trouble_ == Trouble::forked) return;
  if (verified_ && *size <= verified_->size) {
    // The same size under another root is a fork, whenever it comes.
    if (*size == verified_->size && note != verified_note_) {
      const auto checkpoint = merkle::open_checkpoint(note, log_);
      if (checkpoint && checkpoint->root != verified_->root) forked(note);
    }
    return;
  }
  if (!candidate_.empty() && *size <= candidate_size_) return;
  candidate_ = note;
  candidate_size_ = *size;
}

void Witness::offer_newest(const std::string& note) {
  if (trouble_ == Trouble::forked) return;
  const auto checkpoint = merkle::open_checkpoint(note, log_);
  if (!checkpoint) {
    log::warning("the server's checkpoint is not signed by its log key");
    return;
  }
  const bool shorter = verified_ && checkpoint->size < verified_->size;
  trouble_ = shorter ? Trouble::rolled_back : Trouble::none;
  evidence_ = shorter ? verified_note_ + "\n" + note : std::string();
  if (!shorter) offer(note);
}

std::optional<Witness::Range> Witness::next_question() {
  if (asked_ || candidate_.empty() || trouble_ == Trouble::forked) return std::nullopt;
  const std::string note = std::exchange(candidate_, {});
  candidate_size_ = 0;
  const auto checkpoint = merkle::open_checkpoint(note, log_);
  if (!checkpoint) {
    log::warning("a checkpoint of the server is not signed by its log key");
    return std::nullopt;
  }
  if (!verified_ || verified_->size == 0) {
    adopt(*checkpoint, note, log_);
    return std::nullopt;
  }
  if (checkpoint->size <= verified_->size) return std::nullopt;
  asked_ = Asked{*checkpoint, note, log_};
  return Range{verified_->size, checkpoint->size};
}

void Witness::proof(const std::vector<Hash>& hashes) {
  if (!asked_) return;
  const Asked asked = std::move(*asked_);
  asked_.reset();
  if (!verified_ || trouble_ == Trouble::forked) return;
  if (merkle::verify_consistency(verified_->size, verified_->root, asked.checkpoint.size,
                                 asked.checkpoint.root, hashes))
    adopt(asked.checkpoint, asked.note, asked.key);
  else
    forked(asked.note);
}

void Witness::adopt(const merkle::Checkpoint& checkpoint, const std::string& note,
                    const merkle::NoteKey& key) {
  verified_ = checkpoint;
  verified_note_ = note;
  verified_key_ = key;
}

void Witness::forked(const std::string& note) {
  trouble_ = Trouble::forked;
  evidence_ = verified_note_ + "\n" + note;
  asked_.reset();
  candidate_.clear();
}

}  // namespace tertulia::client
