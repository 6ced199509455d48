#include <boost/test/unit_test.hpp>
#include <set>

#include "common/crypto/seal.hpp"
#include "tests/unit/mutations.hpp"

using namespace tertulia;
using namespace tertulia::crypto;

namespace {
struct Start {
  Start() { crypto_start(); }
  Seed seed = *Seed::parse(Bytes(32, 1));
};
}  // namespace

BOOST_FIXTURE_TEST_SUITE(common_crypto_keys, Start)

// RFC 8032 section 7.1, test 2.
BOOST_AUTO_TEST_CASE(ed25519_signs_as_the_rfc_says) {
  const SigningKey key(*Seed::parse(
      from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb").value()));
  BOOST_TEST(to_hex(key.public_key().view()) ==
             "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const Signature s = key.sign(Bytes{0x72});
  BOOST_TEST(to_hex(s.view()) ==
             "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
             "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  BOOST_TEST(verify(key.public_key(), Bytes{0x72}, s));
  BOOST_TEST(!verify(key.public_key(), Bytes{0x73}, s));
  tertulia::test::each_bit_flip(s.view(), [&](ByteView changed) {
    BOOST_REQUIRE(!verify(key.public_key(), Bytes{0x72}, Signature::from(changed)));
  });
}

BOOST_AUTO_TEST_CASE(a_small_order_key_signs_nothing) {
  SignPublicKey identity_point;
  identity_point.bytes[0] = 1;
  Signature s;
  s.bytes[0] = 1;
  BOOST_TEST(!verify(identity_point, as_bytes("anything"), s));
}

BOOST_AUTO_TEST_CASE(one_seed_gives_different_keys_for_different_uses) {
  const DeviceKeys device(seed), same(seed);
  BOOST_CHECK(device.id == same.id);
  BOOST_CHECK(device.id == device_id(device.signing.public_key(), device.curve.public_key()));
  const RoomKey room(seed);
  const CurveKey invite = invite_curve_key(seed);
  std::set<Bytes> different;
  for (ByteView v :
       {seed.view(), room.up.view(), room.down.view(), device.signing.public_key().view(),
        device.curve.public_key().view(), invite.public_key().view()})
    different.insert(Bytes(v.begin(), v.end()));
  BOOST_TEST(different.size() == 6u);
}

BOOST_AUTO_TEST_CASE(a_sealed_box_opens_only_whole_in_its_place_under_its_key) {
  Bytes box;
  seal(seed, as_bytes("place"), as_bytes("text"), box);
  BOOST_TEST(box.size() == nonce_bytes + 4 + tag_bytes);
  Bytes plain;
  BOOST_REQUIRE(open(seed, as_bytes("place"), box, plain));
  BOOST_TEST(as_text(plain) == "text");
  BOOST_TEST(!open(seed, as_bytes("elsewhere"), box, plain));
  BOOST_TEST(!open(Seed::random(), as_bytes("place"), box, plain));
  tertulia::test::each_mutation(box, [&](ByteView changed) {
    if (std::equal(changed.begin(), changed.end(), box.begin(), box.end())) return;
    BOOST_REQUIRE(!open(seed, as_bytes("place"), changed, plain));
  });
}

BOOST_AUTO_TEST_CASE(sealing_the_same_twice_differs_and_appends) {
  Bytes out;
  seal(seed, {}, as_bytes("text"), out);
  const Bytes first = out;
  seal(seed, {}, as_bytes("text"), out);
  BOOST_TEST(out.size() == 2 * first.size());
  BOOST_CHECK(!std::equal(first.begin(), first.end(),
                          out.begin() + static_cast<std::ptrdiff_t>(first.size())));
  Bytes plain;
  BOOST_TEST(open(seed, {}, ByteView(out).subspan(first.size()), plain));
}

BOOST_AUTO_TEST_CASE(topics_and_fingerprints_are_stable) {
  RoomId room;
  BOOST_CHECK(room_topic(seed, room) == room_topic(seed, room));
  RoomId other = room;
  other.bytes[15] = 1;
  BOOST_CHECK(room_topic(seed, room) != room_topic(seed, other));
  const std::string print = fingerprint(SigningKey(seed).public_key());
  BOOST_TEST(print.size() == 39u);
  BOOST_TEST(std::count(print.begin(), print.end(), ' ') == 7);
}

BOOST_AUTO_TEST_SUITE_END()
