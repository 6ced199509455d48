#include <boost/test/unit_test.hpp>

#include "common/wire/card.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/device_link.hpp"
#include "common/wire/invite.hpp"
#include "tests/unit/filled.hpp"
#include "tests/unit/mutations.hpp"

using namespace tertulia;
using namespace tertulia::wire;
using tertulia::test::each_bit_flip;
using tertulia::test::each_mutation;
using tertulia::test::filled;

namespace {

bool same(ByteView a, ByteView b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

struct Wire {
  Wire() { crypto::crypto_start(); }
  crypto::RoomKey key{*crypto::Seed::parse(Bytes(32, 1))};
  ServerId server = filled<ServerId>(2);
  DeviceId device = filled<DeviceId>(3);
  RoomId room = filled<RoomId>(4);
  RequestId request = filled<RequestId>(5);

  Bytes submission_bytes() const {
    record::Submission s;
    s.server = server;
    s.device = device;
    s.room = room;
    s.messages.resize(2);
    return record::encode(s);
  }
  Bytes sealed(ByteView submission) const {
    const Bytes body{1, 2, 3};
    SubmissionPayload p{
        submission, {}, filled<Signature>(6), {{filled<Salt>(7), body}, {filled<Salt>(8), {}}}};
    return seal_submission(key, server, device, request, room, p);
  }
  Invite invite() const {
    Invite i;
    i.identity = filled<SignPublicKey>(1);
    i.server_curve = filled<CurvePublicKey>(2);
    i.seed = *crypto::Seed::parse(Bytes(32, 3));
    i.user = filled<UserId>(4);
    i.server_name = "Escuela Ñandú";
    i.user_name = "ana";
    i.addresses = {"tcp://192.0.2.1:5570", "tcp://[2001:db8::1]:5570"};
    return i;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(common_wire, Wire)

BOOST_AUTO_TEST_CASE(a_command_frame_has_one_encoding) {
  const Bytes good = encode_command(FrameType::request, request, Bytes{1, 2, 3});
  each_mutation(good, [](ByteView changed) {
    const auto frame = decode_command(changed);
    if (frame)
      BOOST_REQUIRE(same(encode_command(frame->type, frame->request, frame->content), changed));
  });
  BOOST_TEST(!decode_command({}));
  BOOST_TEST(decode_command(encode_command(FrameType::reply, request, {}))->content.empty());
}

BOOST_AUTO_TEST_CASE(a_sealed_submission_opens_whole_and_only_so) {
  const Bytes submission = submission_bytes();
  const Bytes good = sealed(submission);
  const auto frame = decode_submission_frame(good);
  BOOST_REQUIRE(frame);
  BOOST_CHECK(frame->room == room && frame->key == key.id && frame->request == request);
  Bytes plain;
  BOOST_REQUIRE(open_submission(key, server, device, *frame, plain));
  const auto payload = decode_payload(plain);
  BOOST_REQUIRE(payload);
  BOOST_TEST(same(payload->submission, submission));
  BOOST_TEST(payload->parts.size() == 2u);
  BOOST_TEST(payload->parts[0].body.size() == 3u);
  BOOST_TEST(!open_submission(key, server, filled<DeviceId>(9), *frame, plain));
  BOOST_TEST(!open_submission(key, filled<ServerId>(9), device, *frame, plain));
  each_mutation(good, [&](ByteView changed) {
    if (same(changed, good)) return;
    const auto other = decode_submission_frame(changed);
    BOOST_REQUIRE(!other || !open_submission(key, server, device, *other, plain));
  });
}

BOOST_AUTO_TEST_CASE(a_payload_is_exactly_what_its_count_says) {
  const Bytes good = sealed(submission_bytes());
  Bytes plain;
  BOOST_REQUIRE(open_submission(key, server, device, *decode_submission_frame(good), plain));
  each_mutation(plain, [](ByteView changed) {
    const auto p = decode_payload(changed);
    if (!p) return;
    Bytes again;
    Writer w(again);
    w.u16(static_cast<std::uint16_t>(p->submission.size()));
    w.raw(p->submission);
    w.u16(static_cast<std::uint16_t>(p->act.size()));
    w.raw(p->act);
    w.raw(p->signature);
    for (const auto& part : p->parts) {
      w.raw(part.salt);
      w.u32(static_cast<std::uint32_t>(part.body.size()));
      w.raw(part.body);
    }
    BOOST_REQUIRE(same(again, changed));
  });
}

BOOST_AUTO_TEST_CASE(a_frame_that_is_too_big_is_refused_before_it_is_opened) {
  Bytes big = sealed(submission_bytes());
  big.resize(up_frame_bytes_max + 1);
  BOOST_TEST(!decode_submission_frame(big));
  BOOST_TEST(!decode_down(Bytes(down_frame_bytes_max + 1)));
}

BOOST_AUTO_TEST_CASE(a_down_frame_opens_under_any_topic_and_with_no_other_change) {
  const DownHeader header{DownType::batch, 3, key.id, filled<KeyId>(9), 77};
  const Bytes entries{1, 2, 3, 4};
  const Bytes good = seal_down(filled<Topic>(1), header, key, server, room, entries);
  const auto frame = decode_down(good);
  BOOST_REQUIRE(frame);
  BOOST_TEST(frame->header.count == 3);
  BOOST_TEST(frame->header.first_room_seq == 77u);
  Bytes out;
  BOOST_REQUIRE(open_down(key, server, room, *frame, out));
  BOOST_TEST(same(out, entries));
  BOOST_TEST(!open_down(key, server, filled<RoomId>(9), *frame, out));
  each_bit_flip(good, [&](ByteView changed) {
    const auto other = decode_down(changed);
    const bool only_topic = same(changed.subspan(16), ByteView(good).subspan(16));
    BOOST_REQUIRE((other && open_down(key, server, room, *other, out)) == only_topic);
  });
  for (std::size_t n = 0; n < good.size(); ++n) {
    const auto other = decode_down(ByteView(good).first(n));
    BOOST_REQUIRE(!other || !open_down(key, server, room, *other, out));
  }
}

BOOST_AUTO_TEST_CASE(an_invite_survives_mail_programs) {
  const std::string text = encode_invite(invite());
  BOOST_TEST(text.starts_with("tertulia://"));
  std::string folded = " \n" + text + "\r\n";
  for (std::size_t i = 60; i < folded.size(); i += 62) folded.insert(i, "\r\n ");
  for (const std::string& given : {text, folded, text + "/"}) {
    const auto decoded = decode_invite(given);
    BOOST_REQUIRE(decoded);
    BOOST_TEST(decoded->server_name == "Escuela Ñandú");
    BOOST_TEST(decoded->user_name == "ana");
    BOOST_TEST(decoded->addresses == invite().addresses);
    BOOST_TEST(encode_invite(*decoded) == text);
  }
}

BOOST_AUTO_TEST_CASE(a_link_is_read_as_it_was_written_and_is_no_invite) {
  const DeviceLink link{invite(), filled<DeviceId>(4), filled<record::LinkCommitment>(5)};
  const std::string text = encode_device_link(link);
  BOOST_TEST(is_device_link(text));
  BOOST_TEST(!is_device_link(encode_invite(invite())));
  BOOST_TEST((decode_invite(text).error() == InviteError::newer_version));
  BOOST_TEST((decode_device_link(encode_invite(invite())).error() == InviteError::newer_version));
  const auto decoded = decode_device_link(" " + text.substr(0, 40) + "\n" + text.substr(40) + "/");
  BOOST_REQUIRE(decoded);
  BOOST_TEST((decoded->by == link.by && decoded->commitment == link.commitment));
  BOOST_TEST(encode_device_link(*decoded) == text);
  for (std::size_t n = 0; n < text.size(); ++n)
    BOOST_REQUIRE(!decode_device_link(text.substr(0, n)));
}

BOOST_AUTO_TEST_CASE(a_class_link_names_nobody_and_is_too_new_for_programs_that_do_not_know_it) {
  Invite link = invite();
  link.user = UserId{};
  link.user_name.clear();
  const std::string text = encode_invite(link);
  const auto decoded = decode_invite(text);
  BOOST_REQUIRE(decoded);
  BOOST_TEST(decoded->is_class_link());
  BOOST_TEST(!decode_invite(encode_invite(invite()))->is_class_link());
  BOOST_TEST(decoded->server_name == link.server_name);
  BOOST_TEST(decoded->user_name.empty());
  BOOST_TEST(decoded->addresses == link.addresses);
  BOOST_TEST(encode_invite(*decoded) == text);
  // They look at the version before anything else
  BOOST_TEST(from_base64url(text.substr(11)).value()[0] == 2);
}

BOOST_AUTO_TEST_CASE(a_damaged_invite_is_refused_with_the_reason) {
  const std::string text = encode_invite(invite());
  const auto error = [](const std::string& given) { return decode_invite(given).error(); };
  BOOST_TEST((error("http://example.org") == InviteError::no_scheme));
  BOOST_TEST((error("") == InviteError::no_scheme));
  BOOST_TEST((error("tertulia://!!") == InviteError::not_base64));
  BOOST_TEST((error("tertulia://") == InviteError::cut_short));
  for (std::size_t n = 11; n < text.size(); ++n) BOOST_REQUIRE(!decode_invite(text.substr(0, n)));
  each_bit_flip(as_bytes(text), [&](ByteView changed) {
    const auto decoded = decode_invite(as_text(changed));
    BOOST_REQUIRE(!decoded ||
                  encode_invite(*decoded) == text);  // a flip to white space, which is forgiven
  });
  Bytes raw = from_base64url(text.substr(11)).value();
  raw[0] = 3;
  BOOST_TEST((error("tertulia://" + to_base64url(raw)) == InviteError::newer_version));
  for (auto e : {InviteError::no_scheme, InviteError::not_base64, InviteError::cut_short,
                 InviteError::newer_version, InviteError::malformed})
    BOOST_TEST(std::string(invite_error_text(e)).ends_with("."));
}

BOOST_AUTO_TEST_CASE(a_card_opens_for_its_own_server_and_identity) {
  const crypto::SigningKey identity(crypto::Seed::random()), other(crypto::Seed::random());
  Card card;
  card.server = crypto::server_id(identity.public_key());
  card.serial = 3;
  card.identity = identity.public_key();
  card.curve = filled<CurvePublicKey>(1);
  card.log = {"test/origin", other.public_key()};
  card.addresses = {"tcp://192.0.2.1:5570"};
  const std::string note = sign_card(card, identity);
  const auto opened = open_card(note, card.identity, card.server);
  BOOST_REQUIRE(opened);
  BOOST_TEST(opened->serial == 3u);
  BOOST_CHECK(opened->log.key == other.public_key());
  BOOST_TEST(opened->addresses == card.addresses);
  BOOST_TEST(!open_card(note, other.public_key(), card.server));
  BOOST_TEST(!open_card(note, card.identity, filled<ServerId>(1)));
  each_bit_flip(as_bytes(note), [&](ByteView changed) {
    BOOST_REQUIRE(!open_card(as_text(changed), card.identity, card.server));
  });
  // Signed rightly and still not a card: another identity, a serial with a leading zero, a stray line.
  Card wrong = card;
  wrong.identity = other.public_key();
  BOOST_TEST(!open_card(sign_card(wrong, identity), card.identity, card.server));
  const std::string text = note.substr(0, note.find("\n\n") + 1);
  const auto signed_again = [&](const std::string& t) {
    return open_card(merkle::sign_note(t, card_key_name(card.server), identity), card.identity,
                     card.server)
        .has_value();
  };
  BOOST_TEST(signed_again(text));
  BOOST_TEST(!signed_again(text + "color blue\n"));
  std::string zero = text;
  zero.replace(zero.find("serial 3"), 8, "serial 03");
  BOOST_TEST(!signed_again(zero));
}

BOOST_AUTO_TEST_CASE(a_card_names_keys_that_come_and_keys_that_go) {
  const crypto::SigningKey identity(crypto::Seed::random()), old_log(crypto::Seed::random()),
      new_log(crypto::Seed::random());
  Card card;
  card.server = crypto::server_id(identity.public_key());
  card.serial = 4;
  card.identity = identity.public_key();
  card.curve = filled<CurvePublicKey>(1);
  card.next = {filled<CurvePublicKey>(2), 1'800'000'000'000};
  card.log = {"test/origin", new_log.public_key()};
  card.log_before = {{"test/origin", old_log.public_key()}, 1'900'000'000'000};
  card.addresses = {"tcp://192.0.2.1:5570"};
  const std::string note = sign_card(card, identity);
  const auto opened = open_card(note, card.identity, card.server);
  BOOST_REQUIRE(opened && opened->next && opened->log_before);
  BOOST_CHECK(opened->next->curve == card.next->curve);
  BOOST_TEST(opened->next->not_before_ms == 1'800'000'000'000u);
  BOOST_CHECK(opened->log_before->key.key == old_log.public_key());
  BOOST_TEST(opened->log_before->until_ms == 1'900'000'000'000u);
  BOOST_TEST(sign_card(*opened, identity) == note);

  // One line of a pair, and pairs in another place, are no card.
  const std::string text = note.substr(0, note.find("\n\n") + 1);
  const auto without = [&](const std::string& key) {
    const auto at = text.find(key + " ");
    BOOST_REQUIRE(at != std::string::npos);
    const std::string rest = text.substr(0, at) + text.substr(text.find('\n', at) + 1);
    return open_card(merkle::sign_note(rest, card_key_name(card.server), identity), card.identity,
                     card.server)
        .has_value();
  };
  for (const char* key : {"curve_next", "not_before", "log_before", "until"})
    BOOST_TEST(!without(key), key);
  BOOST_TEST(without("address"));
}

BOOST_AUTO_TEST_SUITE_END()
