// The rules of acts, on records that were made by hand: each good step is taken, each bad one named.
#include <boost/test/unit_test.hpp>

#include "common/record/checker.hpp"
#include "common/record/device_link.hpp"
#include "tests/unit/filled.hpp"

using namespace tertulia;
using namespace tertulia::record;
using tertulia::test::filled;

namespace {

struct Record {
  Record() {
    crypto::crypto_start();
    BOOST_REQUIRE(act(Kind::card, card(1)) == "");
    BOOST_REQUIRE(
        act(Kind::room_create,
            Act().set(Tag::room, room).set_number(Tag::flags, 3).set_number(Tag::room_kind, 1)) ==
        "");
  }

  Act card(std::uint64_t number) const {
    return Act()
        .set(Tag::curve_pk, filled<CurvePublicKey>(1))
        .set(Tag::card_hash, filled<Hash>(2))
        .set_number(Tag::card_serial, number)
        .set(Tag::identity_pk, identity.public_key())
        .set(Tag::log_pk, filled<SignPublicKey>(3));
  }
  Act user(std::uint8_t id, Role role = Role::member) const {
    return Act()
        .set(Tag::user_id, filled<UserId>(id))
        .set_number(Tag::role, static_cast<std::uint64_t>(role));
  }
  Act member(std::uint8_t id) const {
    return Act().set(Tag::user_id, filled<UserId>(id)).set(Tag::room, room);
  }
  Act invite(std::uint8_t user_id, std::uint8_t curve, std::uint64_t expires_ms = 1'000'000) const {
    const auto key = filled<CurvePublicKey>(curve);
    return Act()
        .set(Tag::user_id, filled<UserId>(user_id))
        .set(Tag::invite_id, crypto::invite_id(key))
        .set(Tag::curve_pk, key)
        .set_number(Tag::expires_ms, expires_ms)
        .set_number(Tag::uses, 1);
  }
  Act enrol(std::uint8_t user_id, std::uint8_t curve, const crypto::DeviceKeys& keys,
            int flags = 0) const {
    const auto id = crypto::invite_id(filled<CurvePublicKey>(curve));
    const auto sign = keys.signing.public_key();
    const auto key = keys.curve.public_key();
    return Act()
        .set(Tag::user_id, filled<UserId>(user_id))
        .set(Tag::invite_id, id)
        .set(Tag::device, keys.id)
        .set(Tag::sign_pk, sign)
        .set(Tag::curve_pk, key)
        .set(Tag::enrol_signature,
             keys.signing.sign(enrol_message(server, id, filled<UserId>(user_id), sign, key)))
        .set_number(Tag::flags, static_cast<std::uint64_t>(flags));
  }

  // The kind of fault; empty: the entry was taken. A fault is final, so that a refused step is
  // tried on a copy of the record: all entries again, in a new checker.
  std::string give(const Bytes& leaf) {
    Checker checker(server);
    for (std::size_t i = 0; i < leaves.size(); ++i)
      BOOST_REQUIRE(!checker.check(i, leaves[i], nullptr));
    const auto fault = checker.check(leaves.size(), leaf, nullptr);
    if (fault) return fault->kind;
    leaves.push_back(leaf);
    return "";
  }
  std::string act(Kind kind, const Act& a) {
    const Bytes bytes = encode(a);
    Submission s;
    s.server = server;
    s.id.bytes[15] = static_cast<std::uint8_t>(++serial);
    MessageHeader header;
    header.kind = kind;
    header.act_hash = crypto::sha256(bytes);
    s.messages.push_back(header);
    return give(encode_leaf(leaves.size(), 0, now_ms, encode(s), bytes, Signature{}));
  }
  // A further device of this user, let in by one of his.
  Act link(std::uint8_t user_id, const crypto::DeviceKeys& by, const crypto::DeviceKeys& keys) const {
    const LinkedPair pair{server, InviteId{},           by.id, filled<UserId>(user_id),
                          keys.signing.public_key(), keys.curve.public_key()};
    const Signature asked = keys.signing.sign(link_ask_message(pair));
    return Act()
        .set(Tag::user_id, pair.user)
        .set(Tag::device, keys.id)
        .set(Tag::sign_pk, pair.sign)
        .set(Tag::curve_pk, pair.curve)
        .set(Tag::enrol_signature, asked)
        .set(Tag::linked_by, pair.by)
        .set(Tag::link_signature, by.signing.sign(link_message(pair, asked)));
  }
  std::string signed_act(const crypto::DeviceKeys& keys, Kind kind, const Act& a) {
    const Bytes act_bytes = encode(a);
    Submission s;
    s.server = server;
    s.device = keys.id;
    s.id.bytes[15] = static_cast<std::uint8_t>(++serial);
    s.seen_root = merkle::empty_root();
    MessageHeader header;
    header.kind = kind;
    header.act_hash = crypto::sha256(act_bytes);
    s.messages.push_back(header);
    const Bytes bytes = encode(s);
    return give(encode_leaf(leaves.size(), 0, now_ms, bytes, act_bytes,
                            sign_submission(keys.signing, bytes)));
  }
  std::string text(const crypto::DeviceKeys& keys, std::uint64_t first_room_seq,
                   std::uint64_t seen_size = 0) {
    Submission s;
    s.server = server;
    s.device = keys.id;
    s.room = room;
    s.id.bytes[15] = static_cast<std::uint8_t>(++serial);
    s.seen_size = seen_size;
    merkle::Frontier tree;
    for (std::uint64_t i = 0; i < seen_size && i < leaves.size(); ++i)
      tree.append(merkle::leaf_hash(leaves[i]), [](std::uint64_t, const Hash&) {});
    s.seen_root = tree.root();
    s.messages.resize(1);
    const Bytes bytes = encode(s);
    return give(encode_leaf(leaves.size(), first_room_seq, now_ms, bytes, {},
                            sign_submission(keys.signing, bytes)));
  }

  const crypto::SigningKey identity{crypto::Seed::random()};
  const ServerId server = crypto::server_id(identity.public_key());
  const RoomId room = filled<RoomId>(50);
  const crypto::DeviceKeys first{crypto::Seed::random()}, second{crypto::Seed::random()};
  std::vector<Bytes> leaves;
  std::uint64_t now_ms = 1000;
  int serial = 0;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(common_record_checker, Record)

BOOST_AUTO_TEST_CASE(a_record_starts_with_this_server_s_card) {
  leaves.clear();
  BOOST_TEST(act(Kind::user_add, user(1)) == "act");
  Act foreign = card(1);
  foreign.set(Tag::identity_pk, filled<SignPublicKey>(9));
  BOOST_TEST(act(Kind::card, foreign) == "act");
  BOOST_TEST(act(Kind::card, card(2)) == "act");
  BOOST_TEST(act(Kind::card, card(1)) == "");
  BOOST_TEST(act(Kind::card, card(1)) == "act");
  BOOST_TEST(act(Kind::card, card(2)) == "");
}

BOOST_AUTO_TEST_CASE(users_rooms_and_members_are_there_before_they_are_named) {
  BOOST_TEST(act(Kind::member_add, member(1)) == "act");
  BOOST_TEST(act(Kind::invite_open, invite(1, 2)) == "act");
  BOOST_TEST(act(Kind::user_add, user(1)) == "");
  BOOST_TEST(act(Kind::user_add, user(1)) == "act");
  BOOST_TEST(act(Kind::member_add, member(1)) == "");
  BOOST_TEST(act(Kind::member_add, member(1)) == "act");
  BOOST_TEST(act(Kind::member_remove, member(1)) == "");
  BOOST_TEST(act(Kind::member_remove, member(1)) == "act");
  BOOST_TEST(act(Kind::room_change, Act().set(Tag::room, filled<RoomId>(51))) == "act");
  BOOST_TEST(act(Kind::device_revoke, Act().set(Tag::device, first.id)) == "act");
  BOOST_TEST(act(Kind::erase_order, Act().set(Tag::target, Bytes(33, 1))) == "act");
}

BOOST_AUTO_TEST_CASE(an_enrolment_needs_its_open_invite_and_its_own_signature) {
  act(Kind::user_add, user(1));
  act(Kind::user_add, user(2));
  Act wrong_id = invite(1, 60);
  wrong_id.set(Tag::invite_id, filled<InviteId>(1));
  BOOST_TEST(act(Kind::invite_open, wrong_id) == "act");
  BOOST_TEST(act(Kind::invite_open, invite(1, 60)) == "");
  BOOST_TEST(act(Kind::invite_open, invite(1, 60)) == "act");
  BOOST_TEST(act(Kind::device_enrol, enrol(2, 60, first)) == "act");
  BOOST_TEST(act(Kind::device_enrol, enrol(1, 61, first)) == "act");
  Act forged = enrol(1, 60, first);
  forged.set(Tag::enrol_signature, Bytes(64, 1));
  BOOST_TEST(act(Kind::device_enrol, forged) == "act");
  Act other_id = enrol(1, 60, first);
  other_id.set(Tag::device, second.id);
  BOOST_TEST(act(Kind::device_enrol, other_id) == "act");
  BOOST_TEST(act(Kind::device_enrol, enrol(1, 60, first, flag_by_administrator)) == "act");
  BOOST_TEST(act(Kind::device_enrol, enrol(1, 60, first)) == "");
  BOOST_TEST(act(Kind::device_enrol, enrol(1, 60, second)) == "act");
  // A further device of a user is marked, and an invite that is revoked or too old opens nothing.
  BOOST_TEST(act(Kind::invite_open, invite(1, 62)) == "");
  BOOST_TEST(act(Kind::device_enrol, enrol(1, 62, second)) == "act");
  BOOST_TEST(act(Kind::device_enrol, enrol(1, 62, first, flag_by_administrator)) == "act");
  BOOST_TEST(act(Kind::device_enrol, enrol(1, 62, second, flag_by_administrator)) == "");
  const crypto::DeviceKeys third(crypto::Seed::random());
  BOOST_TEST(act(Kind::invite_open, invite(2, 63, now_ms)) == "");
  BOOST_TEST(act(Kind::device_enrol, enrol(2, 63, third)) == "act");
  BOOST_TEST(act(Kind::invite_open, invite(2, 64)) == "");
  const Act revoke = Act().set(Tag::invite_id, crypto::invite_id(filled<CurvePublicKey>(64)));
  BOOST_TEST(act(Kind::invite_revoke, revoke) == "");
  BOOST_TEST(act(Kind::invite_revoke, revoke) == "act");
  BOOST_TEST(act(Kind::device_enrol, enrol(2, 64, third)) == "act");
}

BOOST_AUTO_TEST_CASE(a_device_is_linked_by_a_live_one_of_the_same_user_and_both_have_signed) {
  act(Kind::user_add, user(1));
  act(Kind::user_add, user(2));
  act(Kind::invite_open, invite(1, 60));
  act(Kind::device_enrol, enrol(1, 60, first));
  act(Kind::invite_open, invite(2, 61));
  const crypto::DeviceKeys stranger(crypto::Seed::random()), third(crypto::Seed::random());
  act(Kind::device_enrol, enrol(2, 61, stranger));
  const auto fault = [&](const crypto::DeviceKeys& by, const Act& a) {
    return signed_act(by, Kind::device_link, a);
  };
  BOOST_TEST(act(Kind::device_link, link(1, first, second)) == "act");  // the server links nobody
  BOOST_TEST(fault(second, link(1, second, third)) == "device");        // not there yet
  BOOST_TEST(fault(first, link(2, first, second)) == "act");            // for another user
  BOOST_TEST(fault(stranger, link(1, first, second)) == "act");         // in another's name
  for (const Tag tag : {Tag::enrol_signature, Tag::link_signature})
    BOOST_TEST(fault(first, link(1, first, second).set(tag, Bytes(64, 1))) == "act");
  BOOST_TEST(fault(first, link(1, first, second).set(Tag::device, third.id)) == "act");
  BOOST_TEST(fault(first, link(1, first, stranger)) == "act");  // keys that are enrolled
  BOOST_TEST(fault(first, link(1, first, second)) == "");
  BOOST_TEST(fault(first, link(1, first, second)) == "act");
  // It is a device like others: it writes, lets in and is revoked
  act(Kind::member_add, member(1));
  BOOST_TEST(text(second, 1) == "");
  BOOST_TEST(fault(second, link(1, second, third)) == "");
  act(Kind::device_revoke, Act().set(Tag::device, second.id));
  const crypto::DeviceKeys fourth(crypto::Seed::random());
  BOOST_TEST(fault(second, link(1, second, fourth)) == "device");
  // What the table of rights does not allow
  act(Kind::user_change, user(1, Role::guest));
  BOOST_TEST(fault(first, link(1, first, fourth)) == "act");
  act(Kind::user_change, user(1, Role::auditor));
  BOOST_TEST(fault(first, link(1, first, fourth)) == "");
}

BOOST_AUTO_TEST_CASE(what_two_devices_compare_follows_from_their_keys_and_the_nonce) {
  const LinkedPair pair{server, filled<InviteId>(7), first.id, filled<UserId>(1),
                        second.signing.public_key(), second.curve.public_key()};
  const auto seed = crypto::Seed::random();
  const Signature asked = second.signing.sign(link_ask_message(pair));
  const LinkMac mac = link_mac(seed, pair, asked, "laptop");
  BOOST_TEST(is_link_mac(mac, seed, pair, asked, "laptop"));
  BOOST_TEST(!is_link_mac(mac, seed, pair, asked, "desk"));
  BOOST_TEST(!is_link_mac(mac, crypto::Seed::random(), pair, asked, "laptop"));
  LinkedPair other = pair;
  other.sign = first.signing.public_key();
  BOOST_TEST(!is_link_mac(mac, seed, other, asked, "laptop"));
  const auto nonce = filled<LinkNonce>(3);
  BOOST_TEST(link_code(pair, nonce).size() == 7u);
  BOOST_TEST(link_code(pair, nonce) == link_code(pair, nonce));
  BOOST_TEST(link_code(pair, nonce) != link_code(other, nonce));
  BOOST_TEST(link_code(pair, nonce) != link_code(pair, filled<LinkNonce>(4)));
}

BOOST_AUTO_TEST_CASE(a_class_link_adds_as_many_users_as_it_says_each_with_one_device) {
  const auto key = filled<CurvePublicKey>(70);
  const auto link = crypto::invite_id(key);
  const auto open = [&](std::uint64_t uses, Role role = Role::guest) {
    return Act()
        .set(Tag::user_id, UserId{})
        .set(Tag::invite_id, link)
        .set(Tag::curve_pk, key)
        .set_number(Tag::expires_ms, 1'000'000)
        .set_number(Tag::uses, uses)
        .set_number(Tag::role, static_cast<std::uint64_t>(role));
  };
  const auto join = [&](const crypto::DeviceKeys& keys, Role role = Role::guest) {
    return Act()
        .set(Tag::user_id, class_user_id(server, link, keys.id))
        .set(Tag::invite_id, link)
        .set_number(Tag::role, static_cast<std::uint64_t>(role));
  };
  const auto enrolled = [&](const crypto::DeviceKeys& keys, const UserId& user) {
    Act out = enrol(1, 70, keys);
    out.set(Tag::user_id, user);
    return out.set(Tag::enrol_signature,
                   keys.signing.sign(enrol_message(server, link, user, keys.signing.public_key(),
                                                   keys.curve.public_key())));
  };
  const UserId one = class_user_id(server, link, first.id);
  BOOST_TEST(act(Kind::user_add, join(first)) == "act");  // there is no such link yet
  BOOST_TEST(act(Kind::invite_open, open(0)) == "act");
  BOOST_TEST(act(Kind::invite_open, open(class_uses_max + 1)) == "act");
  for (const Role role : {Role::admin, Role::auditor, Role::bot})
    BOOST_TEST(act(Kind::invite_open, open(2, role)) == "act");
  Act nowhere = open(2);
  BOOST_TEST(act(Kind::invite_open, set_rooms(nowhere, {filled<RoomId>(51)})) == "act");
  Act personal = invite(1, 71);
  act(Kind::user_add, user(1));
  BOOST_TEST(act(Kind::invite_open, personal.set_number(Tag::uses, 2)) == "act");
  BOOST_TEST(act(Kind::invite_open, set_rooms(personal.set_number(Tag::uses, 1), {room})) == "act");
  Act here = open(2);
  BOOST_TEST(act(Kind::invite_open, set_rooms(here, {room})) == "");

  BOOST_TEST(act(Kind::user_add, join(first, Role::admin)) == "act");
  BOOST_TEST(act(Kind::user_add, join(first).set_number(Tag::unix_uid, 0)) == "act");
  BOOST_TEST(act(Kind::device_enrol, enrolled(first, one)) == "act");
  BOOST_TEST(act(Kind::user_add, join(first)) == "");
  BOOST_TEST(act(Kind::user_add, join(first)) == "act");
  // Another device is another user, whoever signs
  BOOST_TEST(act(Kind::device_enrol, enrolled(second, one)) == "act");
  BOOST_TEST(act(Kind::device_enrol, enrolled(first, filled<UserId>(1))) == "act");
  BOOST_TEST(act(Kind::device_enrol, enrolled(first, one)) == "");
  BOOST_TEST(act(Kind::device_enrol, enrolled(first, one)) == "act");
  const crypto::DeviceKeys third(crypto::Seed::random());
  now_ms = 1'000'000;
  BOOST_TEST(act(Kind::user_add, join(second)) == "act");
  now_ms = 1000;
  BOOST_TEST(act(Kind::user_add, join(second)) == "");
  BOOST_TEST(act(Kind::user_add, join(third)) == "act");  // two have joined
  BOOST_TEST(act(Kind::invite_revoke, Act().set(Tag::invite_id, link)) == "");
  BOOST_TEST(act(Kind::device_enrol, enrolled(second, class_user_id(server, link, second.id))) ==
             "act");
}

BOOST_AUTO_TEST_CASE(whom_the_server_has_a_key_of_is_a_bot_that_signs_no_acts) {
  act(Kind::user_add, user(1));
  act(Kind::user_add, user(2, Role::bot));
  act(Kind::member_add, member(2));
  act(Kind::invite_open, invite(1, 60));
  BOOST_TEST(act(Kind::device_enrol, enrol(1, 60, first, flag_held_by_server)) == "act");
  act(Kind::invite_open, invite(2, 61));
  BOOST_TEST(act(Kind::device_enrol, enrol(2, 61, first, flag_held_by_server)) == "");
  BOOST_TEST(text(first, 1) == "");
  for (const Role role : {Role::admin, Role::member})
    BOOST_TEST(act(Kind::user_change, user(2, role)) == "act");
  BOOST_TEST(act(Kind::user_change, user(2, Role::bot)) == "");
  BOOST_TEST(signed_act(first, Kind::member_remove, member(2)) == "act");
  // A device of its own may, as any bot's; and a key that is revoked binds nobody
  act(Kind::invite_open, invite(2, 62));
  BOOST_TEST(act(Kind::device_enrol, enrol(2, 62, second, flag_by_administrator)) == "");
  BOOST_TEST(signed_act(second, Kind::member_remove, member(2)) == "");
  BOOST_TEST(act(Kind::device_revoke, Act().set(Tag::device, first.id)) == "");
  BOOST_TEST(act(Kind::user_change, user(2, Role::member)) == "");
}

BOOST_AUTO_TEST_CASE(who_writes_is_enrolled_a_member_and_allowed_to) {
  act(Kind::user_add, user(1));
  act(Kind::invite_open, invite(1, 60));
  BOOST_TEST(text(first, 1) == "device");
  act(Kind::device_enrol, enrol(1, 60, first));
  BOOST_TEST(text(first, 1) == "member");
  act(Kind::member_add, member(1));
  BOOST_TEST(text(first, 2) == "room_seq");
  BOOST_TEST(text(first, 1, leaves.size() + 1) == "seen");
  BOOST_TEST(text(first, 1, leaves.size()) == "");
  BOOST_TEST(text(first, 1) == "room_seq");
  BOOST_TEST(text(first, 2) == "");
  --serial;
  BOOST_TEST(text(first, 3) == "duplicate_id");
  const auto set_state = [&](std::uint64_t state) {
    return act(Kind::user_change,
               Act().set(Tag::user_id, filled<UserId>(1)).set_number(Tag::state, state));
  };
  set_state(1);
  BOOST_TEST(text(first, 3) == "member");
  set_state(0);
  act(Kind::user_change, user(1, Role::auditor));
  BOOST_TEST(text(first, 3) == "member");
  act(Kind::user_change, user(1, Role::bot));
  BOOST_TEST(text(first, 3) == "");
  act(Kind::device_revoke, Act().set(Tag::device, first.id));
  BOOST_TEST(text(first, 4) == "device");
}

BOOST_AUTO_TEST_CASE(time_steps_back_only_by_an_act_that_says_so) {
  now_ms = 500;
  BOOST_TEST(act(Kind::user_add, user(1)) == "time");
  const auto step = [](std::uint64_t from, std::uint64_t to) {
    return Act().set_number(Tag::old_ms, from).set_number(Tag::new_ms, to);
  };
  BOOST_TEST(act(Kind::clock_stepped, step(999, 500)) == "act");
  BOOST_TEST(act(Kind::clock_stepped, step(1000, 400)) == "act");
  BOOST_TEST(act(Kind::clock_stepped, step(1000, 500)) == "");
  BOOST_TEST(act(Kind::user_add, user(1)) == "");
}

BOOST_AUTO_TEST_CASE(a_body_may_be_gone_only_by_order_or_policy) {
  act(Kind::user_add, user(1));
  act(Kind::invite_open, invite(1, 60));
  act(Kind::device_enrol, enrol(1, 60, first));
  act(Kind::member_add, member(1));
  BOOST_REQUIRE(text(first, 1) == "");
  const int id = serial;
  const auto at_end = [&](BodyState state) {
    Checker checker(server);
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      const std::vector<Body> gone{Body{state, {}, {}}};
      const bool is_text = !decode_leaf(leaves[i])->submission.is_act();
      BOOST_REQUIRE(!checker.check(i, leaves[i], is_text ? &gone : nullptr));
    }
    const auto fault = checker.finish();
    return fault ? fault->kind : "";
  };
  BOOST_TEST(at_end(BodyState::erased) == "body_missing");
  BOOST_TEST(at_end(BodyState::withheld) == "body_missing");
  Bytes target;
  Writer w(target);
  w.raw(first.id);
  SubmissionId submission;
  submission.bytes[15] = static_cast<std::uint8_t>(id);
  w.raw(submission);
  w.u8(0);
  BOOST_REQUIRE(act(Kind::erase_order, Act().set(Tag::target, target)) == "");
  BOOST_TEST(at_end(BodyState::erased) == "");
  BOOST_TEST(at_end(BodyState::withheld) == "body_missing");
  BOOST_REQUIRE(act(Kind::retention, Act().set_number(Tag::days, 30)) == "");
  BOOST_TEST(at_end(BodyState::withheld) == "");
}

BOOST_AUTO_TEST_CASE(the_first_fault_is_final) {
  Checker checker(server);
  BOOST_REQUIRE(!checker.check(0, leaves[0], nullptr));
  BOOST_TEST(checker.check(2, leaves[1], nullptr)->kind == "seq");
  BOOST_TEST(checker.check(1, leaves[1], nullptr)->kind == "seq");
  BOOST_TEST(checker.finish()->kind == "seq");
}

BOOST_AUTO_TEST_SUITE_END()
