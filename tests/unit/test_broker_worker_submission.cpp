// What a worker lets through to t-log, and what each wrong frame is answered with.
#include <boost/test/unit_test.hpp>

#include "broker/worker/submission_check.hpp"
#include "tests/unit/broker_fixture.hpp"

using namespace tertulia;
using namespace tertulia::broker;

namespace {
struct Fixture : test::BrokerFixture {
  Result<SubmissionAppend, pb::Error> check(const Person& who, ByteView frame) {
    return check_submission(directory, server,
                            {{}, random_request_id(), who.keys.curve.public_key()}, frame);
  }
  pb::ErrorCode refusal(const Person& who, ByteView frame) {
    const auto result = check(who, frame);
    if (result) return pb::ERROR_NONE;
    BOOST_TEST(!result.error().text().empty());
    return result.error().code();
  }
  pb::ErrorCode body_refusal(const Bytes& body, record::Kind kind = record::Kind::text) {
    return refusal(ana, seal(ana, draft(ana, general, {body}, kind)));
  }
};
}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_worker_submission, Fixture)

BOOST_AUTO_TEST_CASE(a_right_submission_arrives_whole) {
  const auto d = draft(ana, general, {text_body("¿qué tal? 🙂"), text_body("dos\nlíneas")});
  const auto result = check(ana, seal(ana, d));
  BOOST_REQUIRE(result);
  BOOST_TEST(result->submission_bytes == record::encode(d.submission));
  BOOST_TEST(result->bodies.size() == 2u);
  BOOST_TEST(result->bodies[1].bytes == d.parts[1].second);
  BOOST_TEST(result->act.empty());
}

BOOST_AUTO_TEST_CASE(a_message_to_the_whole_room_is_known_as_one) {
  const auto addressed = [&](const std::string& mention, const std::string& said) {
    pb::Body body;
    body.set_text(said);
    body.add_mentions(mention);
    const std::string bytes = body.SerializeAsString();
    const auto result =
        check(ana, seal(ana, draft(ana, general, {text_body("x"), Bytes(bytes.begin(), bytes.end())})));
    BOOST_REQUIRE(result);
    return result->mentions_all;
  };
  const std::string everybody(16, '\0'), somebody(16, 'x');
  BOOST_TEST(addressed(everybody, "@room"));
  BOOST_TEST(!addressed(somebody, "@room"));
  // The same bytes, but as text
  BOOST_TEST(!addressed(somebody, std::string("\x1a\x10", 2) + everybody));
}

BOOST_AUTO_TEST_CASE(sixty_four_messages_are_the_most) {
  const std::vector<Bytes> bodies(64, text_body("x"));
  BOOST_TEST(refusal(ana, seal(ana, draft(ana, general, bodies))) == pb::ERROR_NONE);
}

BOOST_AUTO_TEST_CASE(every_flipped_bit_is_refused) {
  const Bytes frame = seal(ana, draft(ana, general, {text_body("hola")}));
  constexpr std::size_t kRequestBegin = 2, kRequestEnd = 18;
  for (std::size_t i = 0; i < frame.size(); ++i) {
    Bytes flipped = frame;
    flipped[i] = static_cast<std::uint8_t>(flipped[i] ^ (1u << (i % 8)));
    const auto code = refusal(ana, flipped);
    // The request id too: it is part of the associated data.
    BOOST_TEST(code != pb::ERROR_NONE, "byte " << i);
    if (i >= kRequestBegin && i < kRequestEnd) BOOST_TEST(code == pb::BAD_FRAME);
  }
}

BOOST_AUTO_TEST_CASE(every_cut_and_every_longer_frame_is_refused) {
  Bytes frame = seal(ana, draft(ana, general, {text_body("hola")}));
  for (std::size_t n = 0; n < frame.size(); ++n)
    BOOST_TEST(refusal(ana, ByteView(frame).first(n)) != pb::ERROR_NONE);
  frame.push_back(0);
  BOOST_TEST(refusal(ana, frame) == pb::BAD_FRAME);
}

BOOST_AUTO_TEST_CASE(only_members_write_and_others_learn_nothing) {
  const auto d = draft(ana, cellar, {text_body("hola")});
  BOOST_TEST(refusal(ana, seal(ana, d)) == pb::NOT_A_MEMBER);
  auto nowhere = draft(ana, general, {text_body("hola")});
  nowhere.submission.room = RoomId::from(server.view().first(16));
  const Bytes frame =
      seal(ana, nowhere, nowhere.submission.room, directory.room(general)->keys->current);
  BOOST_TEST(refusal(ana, frame) == pb::NOT_A_MEMBER);
}

BOOST_AUTO_TEST_CASE(an_invites_key_and_a_strangers_key_write_nothing) {
  const Bytes frame = seal(ana, draft(ana, general, {text_body("hola")}));
  const auto as = [&](const CurvePublicKey& key) {
    return check_submission(directory, server, {{}, {}, key}, frame).error().code();
  };
  BOOST_TEST(as(invite_key->public_key()) == pb::NOT_ALLOWED);
  BOOST_TEST(as(crypto::CurveKey(crypto::Seed::random()).public_key()) == pb::NOT_ALLOWED);
}

BOOST_AUTO_TEST_CASE(another_devices_frame_does_not_open) {
  BOOST_TEST(refusal(beto, seal(ana, draft(ana, general, {text_body("hola")}))) == pb::BAD_FRAME);
}

BOOST_AUTO_TEST_CASE(the_previous_key_is_good_and_an_older_one_brings_the_new_one) {
  const auto d = draft(ana, general, {text_body("hola")});
  const auto& keys = *directory.room(general)->keys;
  BOOST_TEST(refusal(ana, seal(ana, d, general, *keys.previous)) == pb::ERROR_NONE);
  const auto result = check(ana, seal(ana, d, general, crypto::RoomKey(crypto::Seed::random())));
  BOOST_REQUIRE(!result);
  BOOST_TEST(result.error().code() == pb::STALE_KEY);
  BOOST_TEST(as_bytes(result.error().room_key().key()).size() == 32u);
  BOOST_TEST((crypto::RoomKey(*crypto::Seed::parse(as_bytes(result.error().room_key().key()))).id ==
              keys.current.id));
}

BOOST_AUTO_TEST_CASE(the_signed_bytes_must_be_of_this_server_device_and_room) {
  auto d = draft(ana, general, {text_body("hola")});
  d.submission.server.bytes[0] ^= 1;
  BOOST_TEST(refusal(ana, seal(ana, d)) == pb::WRONG_SERVER);
  d = draft(ana, general, {text_body("hola")});
  d.submission.device = beto.keys.id;
  BOOST_TEST(refusal(ana, seal(ana, d)) == pb::BAD_FRAME);
  d = draft(ana, general, {text_body("hola")});
  d.submission.room = cellar;
  BOOST_TEST(refusal(ana, seal(ana, d, general, directory.room(general)->keys->current)) ==
             pb::BAD_FRAME);
}

BOOST_AUTO_TEST_CASE(commitment_and_signature_are_held) {
  auto d = draft(ana, general, {text_body("hola")});
  d.parts[0].second = text_body("otra cosa");
  BOOST_TEST(refusal(ana, seal(ana, d)) == pb::BAD_COMMITMENT);
  d = draft(ana, general, {text_body("hola")});
  d.signature = record::sign_submission(beto.keys.signing, record::encode(d.submission));
  BOOST_TEST(refusal(ana, seal(ana, d)) == pb::BAD_SIGNATURE);
}

BOOST_AUTO_TEST_CASE(bodies_are_of_use_for_their_kind) {
  BOOST_TEST(body_refusal({}) == pb::BAD_BODY);                             // a text without text
  BOOST_TEST(body_refusal({0xff, 0xff}) == pb::BAD_BODY);                   // no protobuf
  BOOST_TEST(body_refusal({0x0a, 0x02, 0xc3, 0x28}) == pb::BAD_BODY);       // not UTF-8
  BOOST_TEST(body_refusal({0x0a, 0x01, 'x', 0x78, 0x01}) == pb::BAD_BODY);  // field 15
  BOOST_TEST(body_refusal(text_body(std::string(65, 'x')), record::Kind::reaction) == pb::BAD_BODY);
  BOOST_TEST(body_refusal(text_body("👍"), record::Kind::reaction) == pb::ERROR_NONE);
  BOOST_TEST(body_refusal(text_body(""), record::Kind::reaction) == pb::ERROR_NONE);  // taken back
  BOOST_TEST(body_refusal({}, record::Kind::erase) == pb::ERROR_NONE);
  BOOST_TEST(body_refusal(text_body("x"), record::Kind::file) == pb::BAD_BODY);
}

BOOST_AUTO_TEST_CASE(sizes_have_their_limits) {
  const std::size_t most = record::body_bytes_max - 4;  // tag and length of `text`
  BOOST_TEST(body_refusal(text_body(std::string(most, 'x'))) == pb::ERROR_NONE);
  BOOST_TEST(body_refusal(text_body(std::string(most + 1, 'x'))) == pb::TOO_BIG);
  const std::vector<Bytes> six(6, text_body(std::string(most - 100, 'x')));
  BOOST_TEST(refusal(ana, seal(ana, draft(ana, general, six))) == pb::ERROR_NONE);
  const std::vector<Bytes> seven(7, text_body(std::string(28'200, 'x')));
  BOOST_TEST(refusal(ana, seal(ana, draft(ana, general, seven))) == pb::TOO_BIG);
  BOOST_TEST(refusal(ana, Bytes(wire::up_frame_bytes_max + 1, 1)) == pb::TOO_BIG);
}

BOOST_AUTO_TEST_CASE(an_act_is_not_sealed_for_a_room) {
  auto d = draft(ana, general, {text_body("x")});
  d.act = {1, 2, 3};
  BOOST_TEST(refusal(ana, seal(ana, d)) == pb::BAD_FRAME);  // messages carry none
  d = draft(ana, general, {Bytes()}, record::Kind::retention);
  record::Act act;
  act.set_number(record::Tag::days, 30);
  d.act = record::encode(act);
  d.submission.messages[0].act_hash = crypto::sha256(d.act);
  BOOST_TEST(refusal(ana, seal(ana, d)) == pb::BAD_FRAME);
}

BOOST_AUTO_TEST_SUITE_END()
