// The Merkle tree over the log's leaves: RFC 6962 section 2.1 (leaf 0x00, node 0x01, SHA-256).
//
// Nodes of complete subtrees never change. They are numbered in the order in which they come to be
// (a leaf, then every node that it completes), so that storing them is appending: node_number() is
// golang.org/x/mod/sumdb/tlog's StoredHashIndex. Any thread; plain values.
#pragma once

#include <functional>
#include <vector>

#include "common/base/bytes.hpp"

namespace tertulia::merkle {

Hash leaf_hash(ByteView leaf);
Hash node_hash(const Hash& left, const Hash& right);
Hash empty_root();  // SHA-256 of nothing

// Number of the node at `level` (0: leaves) with `index` within that level.
std::uint64_t node_number(unsigned level, std::uint64_t index);
// How many nodes a tree of `size` leaves has stored.
std::uint64_t node_count(std::uint64_t size);

// Reads a stored node; throws if it is not there (the store is broken).
using NodeReader = std::function<Hash(std::uint64_t number)>;

// The growing right edge of a tree: what is needed to append and to know the root.
class Frontier {
 public:
  Frontier() = default;
  // The edge of a stored tree of `size` leaves.
  Frontier(std::uint64_t size, const NodeReader& read);

  // Appends a leaf by its hash; calls stored(number, hash) for it and for every node it completes,
  // in ascending order of number.
  template <class Stored>
  void append(const Hash& leaf, Stored&& stored) {
    std::uint64_t number = node_count(size_);
    stored(number++, leaf);
    Hash h = leaf;
    for (std::uint64_t n = size_; n & 1; n >>= 1) {
      h = node_hash(edge_.back(), h);
      edge_.pop_back();
      stored(number++, h);
    }
    edge_.push_back(h);
    ++size_;
  }

  std::uint64_t size() const { return size_; }
  Hash root() const;

 private:
  std::uint64_t size_ = 0;
  std::vector<Hash> edge_;  // roots of the complete subtrees, largest first
};

Hash root_at(std::uint64_t size, const NodeReader& read);

// RFC 6962 sections 2.1.1 and 2.1.2. Precondition: index < size, old_size <= new_size.
std::vector<Hash> inclusion_proof(std::uint64_t index, std::uint64_t size, const NodeReader& read);
std::vector<Hash> consistency_proof(std::uint64_t old_size, std::uint64_t new_size,
                                    const NodeReader& read);

// RFC 9162 sections 2.1.3.2 and 2.1.4.2. False for every malformed proof.
[[nodiscard]] bool verify_inclusion(const Hash& leaf, std::uint64_t index, std::uint64_t size,
                                    const std::vector<Hash>& proof, const Hash& root);
[[nodiscard]] bool verify_consistency(std::uint64_t old_size, const Hash& old_root,
                                      std::uint64_t new_size, const Hash& new_root,
                                      const std::vector<Hash>& proof);

}  // namespace tertulia::merkle
