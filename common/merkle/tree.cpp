#include "common/merkle/tree.hpp"

#include <bit>
#include <cassert>

#include "common/crypto/keys.hpp"

namespace tertulia::merkle {

using crypto::Sha256;

Hash leaf_hash(ByteView leaf) {
  const std::uint8_t prefix = 0;
  return Sha256{}.update({&prefix, 1}).update(leaf).finish();
}
Hash node_hash(const Hash& left, const Hash& right) {
  const std::uint8_t prefix = 1;
  return Sha256{}.update({&prefix, 1}).update(left.view()).update(right.view()).finish();
}
Hash empty_root() { return Sha256{}.finish(); }

std::uint64_t node_count(std::uint64_t size) {
  // A complete subtree of 2^k leaves has 2^(k+1)-1 nodes: the sum over the bits of size.
  return 2 * size - static_cast<std::uint64_t>(std::popcount(size));
}

std::uint64_t node_number(unsigned level, std::uint64_t index) {
  // The node is completed by its last leaf, after the nodes of lower levels that this leaf completes.
  const std::uint64_t last_leaf = ((index + 1) << level) - 1;
  return node_count(last_leaf) + level;
}

namespace {

// Largest power of two below n (n > 1).
std::uint64_t split_of(std::uint64_t n) { return std::uint64_t{1} << (std::bit_width(n - 1) - 1); }

// Root of leaves [begin, end). A range that is a complete aligned subtree is one stored node.
Hash range_root(std::uint64_t begin, std::uint64_t end, const NodeReader& read) {
  const std::uint64_t n = end - begin;
  assert(n > 0);
  if (std::has_single_bit(n) && begin % n == 0) {
    const auto level = static_cast<unsigned>(std::bit_width(n) - 1);
    return read(node_number(level, begin >> level));
  }
  const std::uint64_t k = split_of(n);
  return node_hash(range_root(begin, begin + k, read), range_root(begin + k, end, read));
}

void inclusion_path(std::uint64_t index, std::uint64_t begin, std::uint64_t end,
                    const NodeReader& read, std::vector<Hash>& out) {
  const std::uint64_t n = end - begin;
  if (n == 1) return;
  const std::uint64_t k = split_of(n);
  if (index < k) {
    inclusion_path(index, begin, begin + k, read, out);
    out.push_back(range_root(begin + k, end, read));
  } else {
    inclusion_path(index - k, begin + k, end, read, out);
    out.push_back(range_root(begin, begin + k, read));
  }
}

void consistency_path(std::uint64_t old_size, std::uint64_t begin, std::uint64_t end, bool whole,
                      const NodeReader& read, std::vector<Hash>& out) {
  const std::uint64_t n = end - begin;
  if (old_size == n) {
    if (!whole) out.push_back(range_root(begin, end, read));
    return;
  }
  const std::uint64_t k = split_of(n);
  if (old_size <= k) {
    consistency_path(old_size, begin, begin + k, whole, read, out);
    out.push_back(range_root(begin + k, end, read));
  } else {
    consistency_path(old_size - k, begin + k, end, false, read, out);
    out.push_back(range_root(begin, begin + k, read));
  }
}

}  // namespace

Frontier::Frontier(std::uint64_t size, const NodeReader& read) : size_(size) {
  std::uint64_t begin = 0;
  for (int bit = 63; bit >= 0; --bit) {
    if (!((size >> bit) & 1)) continue;
    const auto level = static_cast<unsigned>(bit);
    edge_.push_back(read(node_number(level, begin >> level)));
    begin += std::uint64_t{1} << bit;
  }
}

Hash Frontier::root() const {
  if (edge_.empty()) return empty_root();
  Hash h = edge_.back();
  for (std::size_t i = edge_.size() - 1; i-- > 0;) h = node_hash(edge_[i], h);
  return h;
}

Hash root_at(std::uint64_t size, const NodeReader& read) {
  return size == 0 ? empty_root() : range_root(0, size, read);
}

std::vector<Hash> inclusion_proof(std::uint64_t index, std::uint64_t size, const NodeReader& read) {
  assert(index < size);
  std::vector<Hash> out;
  inclusion_path(index, 0, size, read, out);
  return out;
}

std::vector<Hash> consistency_proof(std::uint64_t old_size, std::uint64_t new_size,
                                    const NodeReader& read) {
  assert(old_size <= new_size);
  std::vector<Hash> out;
  if (old_size > 0 && old_size < new_size)
    consistency_path(old_size, 0, new_size, true, read, out);
  return out;
}

bool verify_inclusion(const Hash& leaf, std::uint64_t index, std::uint64_t size,
                      const std::vector<Hash>& proof, const Hash& root) {
  if (index >= size) return false;
  std::uint64_t fn = index, sn = size - 1;
  Hash r = leaf;
  for (const Hash& p : proof) {
    if (sn == 0) return false;
    if ((fn & 1) || fn == sn) {
      r = node_hash(p, r);
      if (!(fn & 1))
        while (fn != 0 && !(fn & 1)) fn >>= 1, sn >>= 1;
    } else
      r = node_hash(r, p);
    fn >>= 1, sn >>= 1;
  }
  return sn == 0 && r == root;
}

bool verify_consistency(std::uint64_t old_size, const Hash& old_root, std::uint64_t new_size,
                        const Hash& new_root, const std::vector<Hash>& proof) {
  if (old_size > new_size) return false;
  if (old_size == new_size) return proof.empty() && old_root == new_root;
  if (old_size == 0) return proof.empty() && old_root == empty_root();
  if (proof.empty()) return false;
  std::size_t i = 0;
  std::uint64_t fn = old_size - 1, sn = new_size - 1;
  while (fn & 1) fn >>= 1, sn >>= 1;
  // old_size is a power of two: its root itself starts the path.
  Hash fr = std::has_single_bit(old_size) ? old_root : proof[i++];
  Hash sr = fr;
  for (; i < proof.size(); ++i) {
    if (sn == 0) return false;
    const Hash& c = proof[i];
    if ((fn & 1) || fn == sn) {
      fr = node_hash(c, fr);
      sr = node_hash(c, sr);
      if (!(fn & 1))
        while (fn != 0 && !(fn & 1)) fn >>= 1, sn >>= 1;
    } else
      sr = node_hash(sr, c);
    fn >>= 1, sn >>= 1;
  }
  return sn == 0 && fr == old_root && sr == new_root;
}

}  // namespace tertulia::merkle
