// The tree against RFC 6962 written out naively, at every size to 130; and the known roots of
// Certificate Transparency's own tests (google/certificate-transparency, merkletree_test.cc).
#include <boost/test/unit_test.hpp>

#include "common/crypto/keys.hpp"
#include "common/merkle/tree.hpp"

using namespace tertulia;
using namespace tertulia::merkle;

namespace {

constexpr std::size_t kSizeMax = 130;

// RFC 6962 section 2.1, as it stands.
Hash naive_root(const std::vector<Hash>& leaves, std::size_t begin, std::size_t end) {
  if (begin == end) return empty_root();
  if (end - begin == 1) return leaves[begin];
  std::size_t k = 1;
  while (k * 2 < end - begin) k *= 2;
  return node_hash(naive_root(leaves, begin, begin + k), naive_root(leaves, begin + k, end));
}
// Section 2.1.1.
std::vector<Hash> naive_path(std::size_t m, const std::vector<Hash>& leaves, std::size_t begin,
                             std::size_t end) {
  if (end - begin <= 1) return {};
  std::size_t k = 1;
  while (k * 2 < end - begin) k *= 2;
  std::vector<Hash> out;
  if (m < k) {
    out = naive_path(m, leaves, begin, begin + k);
    out.push_back(naive_root(leaves, begin + k, end));
  } else {
    out = naive_path(m - k, leaves, begin + k, end);
    out.push_back(naive_root(leaves, begin, begin + k));
  }
  return out;
}
// Section 2.1.2.
std::vector<Hash> naive_subproof(std::size_t m, const std::vector<Hash>& leaves, std::size_t begin,
                                 std::size_t end, bool whole) {
  if (m == end - begin)
    return whole ? std::vector<Hash>{} : std::vector<Hash>{naive_root(leaves, begin, end)};
  std::size_t k = 1;
  while (k * 2 < end - begin) k *= 2;
  std::vector<Hash> out;
  if (m <= k) {
    out = naive_subproof(m, leaves, begin, begin + k, whole);
    out.push_back(naive_root(leaves, begin + k, end));
  } else {
    out = naive_subproof(m - k, leaves, begin + k, end, false);
    out.push_back(naive_root(leaves, begin, begin + k));
  }
  return out;
}

struct Tree {
  Tree() {
    crypto::crypto_start();
    for (std::size_t i = 0; i < kSizeMax; ++i) {
      roots.push_back(frontier.root());
      leaves.push_back(leaf_hash(as_bytes("leaf " + std::to_string(i))));
      frontier.append(leaves.back(), [&](std::uint64_t number, const Hash& hash) {
        BOOST_REQUIRE(number == nodes.size());
        nodes.push_back(hash);
      });
    }
    roots.push_back(frontier.root());
  }
  NodeReader reader() const {
    return [this](std::uint64_t number) { return nodes.at(number); };
  }
  Frontier frontier;
  std::vector<Hash> leaves, nodes, roots;
};

std::string hex(const Hash& h) { return to_hex(h.view()); }

}  // namespace

BOOST_FIXTURE_TEST_SUITE(common_merkle_tree, Tree)

BOOST_AUTO_TEST_CASE(the_known_roots_of_certificate_transparency) {
  const char* const inputs[] = {"",
                                "00",
                                "10",
                                "2021",
                                "3031",
                                "40414243",
                                "5051525354555657",
                                "606162636465666768696a6b6c6d6e6f"};
  const char* const known[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                               "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                               "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                               "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                               "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                               "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                               "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                               "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  Frontier f;
  BOOST_TEST(hex(f.root()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (std::size_t i = 0; i < std::size(inputs); ++i) {
    f.append(leaf_hash(from_hex(inputs[i]).value()), [](std::uint64_t, const Hash&) {});
    BOOST_TEST(hex(f.root()) == known[i]);
  }
}

BOOST_AUTO_TEST_CASE(roots_at_every_size) {
  for (std::size_t n = 0; n <= kSizeMax; ++n) {
    BOOST_TEST(hex(roots[n]) == hex(naive_root(leaves, 0, n)));
    BOOST_TEST(hex(root_at(n, reader())) == hex(roots[n]));
    BOOST_TEST(hex(Frontier(n, reader()).root()) == hex(roots[n]));
  }
}

BOOST_AUTO_TEST_CASE(a_frontier_goes_on_from_stored_nodes) {
  for (std::size_t n = 0; n <= kSizeMax; ++n) {
    Frontier f(n, reader());
    for (std::size_t i = n; i < kSizeMax; ++i)
      f.append(leaves[i], [&](std::uint64_t number, const Hash& hash) {
        BOOST_REQUIRE(nodes.at(number) == hash);
      });
    BOOST_REQUIRE(f.root() == roots[kSizeMax]);
  }
}

BOOST_AUTO_TEST_CASE(node_numbers_are_dense_and_in_the_order_of_completion) {
  BOOST_TEST(nodes.size() == node_count(kSizeMax));
  for (std::size_t n = 0; n < kSizeMax; ++n)
    BOOST_TEST(hex(nodes.at(node_number(0, n))) == hex(leaves[n]));
  for (unsigned level = 1; level < 8; ++level)
    for (std::uint64_t i = 0; ((i + 1) << level) <= kSizeMax; ++i)
      BOOST_REQUIRE(nodes.at(node_number(level, i)) ==
                    node_hash(nodes.at(node_number(level - 1, 2 * i)),
                              nodes.at(node_number(level - 1, 2 * i + 1))));
}

BOOST_AUTO_TEST_CASE(every_inclusion_proof_verifies_and_no_other_does) {
  for (std::size_t n = 1; n <= kSizeMax; ++n)
    for (std::size_t i = 0; i < n; ++i) {
      auto proof = inclusion_proof(i, n, reader());
      BOOST_REQUIRE(proof == naive_path(i, leaves, 0, n));
      BOOST_REQUIRE(verify_inclusion(leaves[i], i, n, proof, roots[n]));
      BOOST_REQUIRE(!verify_inclusion(leaves[(i + 1) % kSizeMax], i, n, proof, roots[n]));
      BOOST_REQUIRE(!verify_inclusion(leaves[i], n, n, proof, roots[n]));
      if (n > 1) BOOST_REQUIRE(!verify_inclusion(leaves[i], (i + 1) % n, n, proof, roots[n]));
      proof.push_back(roots[n]);
      BOOST_REQUIRE(!verify_inclusion(leaves[i], i, n, proof, roots[n]));
      proof.pop_back();
      if (proof.empty()) continue;
      proof.back().bytes[0] ^= 1;
      BOOST_REQUIRE(!verify_inclusion(leaves[i], i, n, proof, roots[n]));
      proof.pop_back();
      BOOST_REQUIRE(!verify_inclusion(leaves[i], i, n, proof, roots[n]));
    }
}

BOOST_AUTO_TEST_CASE(every_consistency_proof_verifies_and_no_other_does) {
  for (std::size_t n = 0; n <= kSizeMax; ++n)
    for (std::size_t m = 0; m <= n; ++m) {
      auto proof = consistency_proof(m, n, reader());
      if (m > 0 && m < n) BOOST_REQUIRE(proof == naive_subproof(m, leaves, 0, n, true));
      BOOST_REQUIRE(verify_consistency(m, roots[m], n, roots[n], proof));
      Hash other = roots[m];
      other.bytes[31] ^= 1;
      BOOST_REQUIRE(!verify_consistency(m, other, n, roots[n], proof));
      other = roots[n];
      other.bytes[31] ^= 1;
      if (m > 0) BOOST_REQUIRE(!verify_consistency(m, roots[m], n, other, proof));
      proof.push_back(roots[n]);
      BOOST_REQUIRE(!verify_consistency(m, roots[m], n, roots[n], proof));
      proof.pop_back();
      if (proof.empty()) continue;
      proof.front().bytes[0] ^= 1;
      BOOST_REQUIRE(!verify_consistency(m, roots[m], n, roots[n], proof));
      proof.front().bytes[0] ^= 1;
      proof.pop_back();
      BOOST_REQUIRE(!verify_consistency(m, roots[m], n, roots[n], proof));
    }
}

BOOST_AUTO_TEST_CASE(a_smaller_size_is_not_consistent_with_a_larger_one) {
  BOOST_TEST(!verify_consistency(3, roots[3], 2, roots[2], {}));
}

BOOST_AUTO_TEST_SUITE_END()
