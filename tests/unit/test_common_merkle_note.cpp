#include <boost/test/unit_test.hpp>

#include "common/merkle/checkpoint.hpp"
#include "common/merkle/tree.hpp"
#include "tests/unit/mutations.hpp"

using namespace tertulia;
using namespace tertulia::merkle;
using tertulia::test::each_bit_flip;

namespace {
struct Note {
  Note() { crypto::crypto_start(); }
  crypto::SigningKey key{*crypto::Seed::parse(Bytes(32, 7))};
  NoteKey verifier{"test/origin", key.public_key()};
};
}  // namespace

BOOST_FIXTURE_TEST_SUITE(common_merkle_note, Note)

// The example of golang.org/x/mod/sumdb/note, which C2SP signed-note follows.
BOOST_AUTO_TEST_CASE(the_published_example_opens) {
  const auto peter =
      parse_vkey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
  BOOST_REQUIRE(peter);
  const std::string text =
      "If you think cryptography is the answer to your problem,\n"
      "then you don't know what your problem is.\n";
  const std::string note =
      text +
      "\n— PeterNeumann "
      "x08go/ZJkuBS9UG/"
      "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
  const auto opened = open_note(note, *peter);
  BOOST_REQUIRE(opened);
  BOOST_TEST(*opened == text);
}

BOOST_AUTO_TEST_CASE(two_keys_of_one_name_sign_and_each_opens) {
  const crypto::SigningKey second{*crypto::Seed::parse(Bytes(32, 8))};
  std::string note = sign_note("text\n", verifier.name, key);
  const std::string by_one = note;
  add_signature(note, verifier.name, second);
  BOOST_TEST(note.starts_with(by_one));
  for (const NoteKey& k : {verifier, NoteKey{verifier.name, second.public_key()}})
    BOOST_TEST(open_note(note, k).value_or("") == "text\n");
  BOOST_TEST(!open_note(by_one, {verifier.name, second.public_key()}));
  // A key whose line is there and wrong opens nothing, whoever else has signed.
  each_bit_flip(as_bytes(note.substr(by_one.size())), [&](ByteView changed) {
    BOOST_REQUIRE(!open_note(by_one + std::string(as_text(changed)),
                             {verifier.name, second.public_key()}));
  });
}

BOOST_AUTO_TEST_CASE(a_vkey_has_one_spelling) {
  const std::string vkey = to_vkey(verifier);
  const auto parsed = parse_vkey(vkey);
  BOOST_REQUIRE(parsed);
  BOOST_TEST(parsed->name == verifier.name);
  BOOST_CHECK(parsed->key == verifier.key);
  each_bit_flip(as_bytes(vkey), [&](ByteView changed) {
    const auto other = parse_vkey(as_text(changed));
    BOOST_REQUIRE(!other || to_vkey(*other) == as_text(changed));
  });
}

BOOST_AUTO_TEST_CASE(other_signers_are_ignored_and_no_change_is) {
  const crypto::SigningKey other(crypto::Seed::random());
  const std::string note = sign_note("a\nb\n", verifier.name, key);
  const std::string theirs = sign_note("a\nb\n", "somebody", other);
  const std::string both = note + theirs.substr(theirs.find("\n\n") + 2);
  BOOST_TEST(open_note(both, verifier).value_or("") == "a\nb\n");
  BOOST_TEST(!open_note(theirs, verifier));
  each_bit_flip(as_bytes(note),
                [&](ByteView changed) { BOOST_REQUIRE(!open_note(as_text(changed), verifier)); });
  for (std::size_t n = 0; n < note.size(); ++n)
    BOOST_REQUIRE(!open_note(note.substr(0, n), verifier));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_is_three_lines_and_nothing_else) {
  const Checkpoint c{verifier.name, 12345, leaf_hash(as_bytes("x"))};
  const auto opened = open_checkpoint(sign_checkpoint(c, key), verifier);
  BOOST_REQUIRE(opened);
  BOOST_CHECK(*opened == c);
  const auto accepts = [&](const std::string& text) {
    return open_checkpoint(sign_note(text, verifier.name, key), verifier).has_value();
  };
  const std::string root = to_base64(c.root.view());
  BOOST_TEST(accepts("test/origin\n12345\n" + root + "\n"));
  BOOST_TEST(!accepts("test/origin\n012345\n" + root + "\n"));
  BOOST_TEST(!accepts("test/origin\n+12345\n" + root + "\n"));
  BOOST_TEST(!accepts("test/origin\n12345\n" + root + "\nextension\n"));
  BOOST_TEST(!accepts("other/origin\n12345\n" + root + "\n"));
  BOOST_TEST(!accepts("test/origin\n12345\n" + root.substr(4) + "\n"));
  BOOST_TEST(!accepts("test/origin\n99999999999999999999999\n" + root + "\n"));
  BOOST_TEST(!accepts("test/origin\n"));
}

BOOST_AUTO_TEST_SUITE_END()
