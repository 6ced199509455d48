#include <boost/test/unit_test.hpp>

#include "client/engine/witness.hpp"

using namespace tertulia;
using namespace tertulia::client;
using Trouble = Witness::Trouble;

namespace {
// A log that signs: leaves are numbers, salted by a word so that two logs differ.
class FakeLog {
 public:
  explicit FakeLog(std::string word = "one", const crypto::Seed& key = {})
      : word_(std::move(word)), key_(key) {
    crypto::crypto_start();
  }
  merkle::NoteKey key() const { return {"test/0000000000000000/g1", key_.public_key()}; }
  void grow_to(std::uint64_t size) {
    while (frontier_.size() < size)
      frontier_.append(merkle::leaf_hash(as_bytes(word_ + std::to_string(frontier_.size()))),
                       [&](std::uint64_t, const Hash& h) { nodes_.push_back(h); });
  }
  std::string note(std::uint64_t size) {
    grow_to(size);
    return merkle::sign_checkpoint({key().name, size, merkle::root_at(size, reader())}, key_);
  }
  std::vector<Hash> proof(Witness::Range r) {
    return merkle::consistency_proof(r.old_size, r.new_size, reader());
  }

 private:
  merkle::NodeReader reader() {
    return [this](std::uint64_t n) { return nodes_.at(n); };
  }
  const std::string word_;
  const crypto::SigningKey key_;
  merkle::Frontier frontier_;
  std::vector<Hash> nodes_;
};
}  // namespace

BOOST_AUTO_TEST_SUITE(engine_witness)

// The server changed its log key: what was verified under the old one holds the new one to it.
BOOST_AUTO_TEST_CASE(another_key_of_the_same_log_changes_nothing_of_what_was_verified) {
  FakeLog before, after("one", crypto::Seed::random()), other("two", crypto::Seed::random());
  Witness w(before.key(), "");
  w.offer_newest(before.note(5));
  w.next_question();
  w.follow(after.key());
  BOOST_TEST(w.verified()->size == 5u);
  BOOST_CHECK(w.verified_key().key == before.key().key);
  w.offer_newest(after.note(9));
  const auto question = w.next_question();
  BOOST_REQUIRE(question.has_value());
  BOOST_TEST(question->old_size == 5u);
  w.proof(after.proof(*question));
  BOOST_TEST(w.verified()->size == 9u);
  BOOST_CHECK(w.verified_key().key == after.key().key);
  // Kept in a store with the key that signed it, and followed again
  Witness again(w.verified_key(), w.verified_note());
  BOOST_TEST(again.verified()->size == 9u);
  again.follow(other.key());
  again.offer_newest(other.note(4));
  BOOST_TEST((again.trouble() == Trouble::rolled_back));
  again.offer_newest(other.note(12));
  const auto last = again.next_question();
  BOOST_REQUIRE(last.has_value());
  again.proof(other.proof(*last));
  BOOST_TEST((again.trouble() == Trouble::forked));
}

BOOST_AUTO_TEST_CASE(the_first_checkpoint_is_trusted_and_later_ones_are_proved) {
  FakeLog log;
  Witness w(log.key(), "");
  w.offer_newest(log.note(3));
  BOOST_TEST(!w.next_question().has_value());
  BOOST_TEST(w.verified()->size == 3u);
  w.offer(log.note(5));
  w.offer(log.note(9));
  w.offer(log.note(7));
  const auto question = w.next_question();
  BOOST_REQUIRE(question.has_value());
  BOOST_TEST(question->new_size == 9u);
  BOOST_TEST(w.verified()->size == 3u);  // not before the proof
  w.proof(log.proof(*question));
  BOOST_TEST(w.verified()->size == 9u);
  BOOST_TEST((w.trouble() == Trouble::none));
}

BOOST_AUTO_TEST_CASE(one_question_at_a_time_and_again_without_an_answer) {
  FakeLog log;
  Witness w(log.key(), log.note(3));
  w.offer(log.note(5));
  BOOST_TEST(w.next_question().has_value());
  w.offer(log.note(6));
  BOOST_TEST(!w.next_question().has_value());
  w.no_answer();
  BOOST_TEST(w.next_question()->new_size == 6u);
}

BOOST_AUTO_TEST_CASE(a_log_that_does_not_contain_what_was_verified_is_forked) {
  FakeLog log, other("two");
  Witness w(log.key(), log.note(3));
  w.offer_newest(other.note(8));
  const auto question = w.next_question();
  BOOST_REQUIRE(question.has_value());
  w.proof(other.proof(*question));
  BOOST_TEST((w.trouble() == Trouble::forked));
  BOOST_TEST(w.verified()->size == 3u);
  BOOST_TEST(w.evidence().find(other.note(8)) != std::string::npos);
  w.offer_newest(log.note(9));  // there is no way back by itself
  BOOST_TEST((w.trouble() == Trouble::forked));
}

BOOST_AUTO_TEST_CASE(another_root_at_the_same_size_is_forked_whenever_it_comes) {
  FakeLog log, other("two");
  Witness w(log.key(), log.note(3));
  w.offer(other.note(3));
  BOOST_TEST((w.trouble() == Trouble::forked));
}

BOOST_AUTO_TEST_CASE(a_shorter_log_is_rolled_back_until_it_is_whole_again) {
  FakeLog log;
  Witness w(log.key(), log.note(9));
  w.offer_newest(log.note(4));
  BOOST_TEST((w.trouble() == Trouble::rolled_back));
  BOOST_TEST(w.verified()->size == 9u);
  w.offer_newest(log.note(10));
  BOOST_TEST((w.trouble() == Trouble::none));
}

BOOST_AUTO_TEST_CASE(an_answer_that_was_overtaken_is_no_roll_back) {
  FakeLog log;
  Witness w(log.key(), log.note(9));
  w.offer(log.note(4));
  BOOST_TEST((w.trouble() == Trouble::none));
  BOOST_TEST(!w.next_question().has_value());
}

BOOST_AUTO_TEST_CASE(a_checkpoint_of_another_key_counts_for_nothing) {
  FakeLog log;
  Witness w(log.key(), log.note(3));
  const crypto::SigningKey stranger(crypto::Seed::random());
  w.offer(merkle::sign_checkpoint({log.key().name, 50, Hash{}}, stranger));
  BOOST_TEST(!w.next_question().has_value());
  BOOST_TEST((w.trouble() == Trouble::none));
  BOOST_TEST(w.verified()->size == 3u);
}

BOOST_AUTO_TEST_SUITE_END()
