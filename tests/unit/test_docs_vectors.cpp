// docs/vectors.json against our code: what a stranger writes from the documents must meet what we run.
#include <boost/test/unit_test.hpp>

#include <fstream>
#include <nlohmann/json.hpp>

#include "common/merkle/checkpoint.hpp"
#include "common/merkle/tree.hpp"
#include "common/wire/card.hpp"
#include "common/wire/device_link.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/invite.hpp"
#include "common/wire/tertulia.pb.h"

using namespace tertulia;
using nlohmann::json;

namespace {

const json& vectors() {
  static const json loaded = [] {
    crypto::crypto_start();
    std::ifstream in(TERTULIA_SOURCE_DIR "/docs/vectors.json");
    return json::parse(in);
  }();
  return loaded;
}
// std::string == json does not compile as C++20 with nlohmann 3.11.3 (Debian 13)
std::string text_of(const json& j) { return j.get<std::string>(); }
Bytes hex_of(const json& j) { return from_hex(j.get<std::string>()).value(); }
template <class Id>
Id id_of(const json& j) { return Id::from(hex_of(j)); }
crypto::Seed seed_of(const json& j) { return crypto::Seed::parse(hex_of(j)).value(); }
template <class T>
std::string hex(const T& value) { return to_hex(value.view()); }

struct Keys {
  const json& k = vectors()["keys"];
  crypto::SigningKey identity{seed_of(k["identity_seed"])};
  crypto::SigningKey log{seed_of(k["log_seed"])};
  crypto::DeviceKeys device{seed_of(k["device_seed"])};
  crypto::RoomKey room{seed_of(k["room_key"])};
  ServerId server = crypto::server_id(identity.public_key());
};

}  // namespace

BOOST_AUTO_TEST_CASE(keys_derive_as_documented) {
  const Keys keys;
  const json& k = keys.k;
  BOOST_TEST(hex(keys.identity.public_key()) == text_of(k["identity_pk"]));
  BOOST_TEST(hex(keys.server) == text_of(k["server_id"]));
  BOOST_TEST(crypto::fingerprint(keys.identity.public_key()) == text_of(k["fingerprint"]));
  BOOST_TEST(hex(crypto::CurveKey(seed_of(k["transport_secret"])).public_key()) == text_of(k["transport_pk"]));
  BOOST_TEST(hex(keys.log.public_key()) == text_of(k["log_pk"]));
  BOOST_TEST(hex(keys.device.signing.public_key()) == text_of(k["device_sign_pk"]));
  BOOST_TEST(hex(keys.device.curve.public_key()) == text_of(k["device_curve_pk"]));
  BOOST_TEST(hex(keys.device.id) == text_of(k["device"]));
  const auto invite = crypto::invite_curve_key(seed_of(k["invite_seed"]));
  BOOST_TEST(hex(invite.public_key()) == text_of(k["invite_curve_pk"]));
  BOOST_TEST(hex(crypto::invite_id(invite.public_key())) == text_of(k["invite_id"]));
  BOOST_TEST(hex(keys.room.up) == text_of(k["room_key_up"]));
  BOOST_TEST(hex(keys.room.down) == text_of(k["room_key_down"]));
  BOOST_TEST(hex(keys.room.id) == text_of(k["room_key_id"]));
  const auto room = id_of<RoomId>(vectors()["submission"]["room"]);
  BOOST_TEST(hex(crypto::room_topic(seed_of(k["topic_key"]), room)) == text_of(k["topic_of_room"]));
}

BOOST_AUTO_TEST_CASE(invite_is_the_documented_string) {
  const json& v = vectors()["invite"];
  const auto invite = wire::decode_invite(v["text"].get<std::string>());
  BOOST_REQUIRE(invite.has_value());
  BOOST_TEST(hex(invite->user) == text_of(v["user_id"]));
  BOOST_TEST(invite->server_name == text_of(v["server_name"]));
  BOOST_TEST(invite->user_name == text_of(v["user_name"]));
  BOOST_TEST(json(invite->addresses) == v["addresses"]);
  BOOST_TEST(wire::encode_invite(*invite) == text_of(v["text"]));
}

BOOST_AUTO_TEST_CASE(a_link_and_what_two_devices_say_with_it_are_as_documented) {
  const Keys keys;
  const json& v = vectors()["link"];
  const auto link = wire::decode_device_link(text_of(v["text"]));
  BOOST_REQUIRE(link.has_value());
  BOOST_TEST(wire::encode_device_link(*link) == text_of(v["text"]));
  BOOST_TEST(hex(link->by) == hex(keys.device.id));
  const auto nonce = id_of<record::LinkNonce>(v["nonce"]);
  BOOST_TEST(hex(link->commitment) == text_of(v["commitment"]));
  BOOST_TEST(hex(record::link_commitment(nonce)) == text_of(v["commitment"]));
  const auto curve = crypto::invite_curve_key(link->to.seed).public_key();
  BOOST_TEST(hex(curve) == text_of(v["link_curve_pk"]));
  const crypto::DeviceKeys further(seed_of(v["new_device_seed"]));
  const record::LinkedPair pair{keys.server,
                                crypto::invite_id(curve),
                                keys.device.id,
                                link->to.user,
                                further.signing.public_key(),
                                further.curve.public_key()};
  BOOST_TEST(hex(pair.link) == text_of(v["link_id"]));
  BOOST_TEST(to_hex(record::link_ask_message(pair)) == text_of(v["ask_message"]));
  const Signature asked = further.signing.sign(record::link_ask_message(pair));
  BOOST_TEST(to_hex(record::link_message(pair, asked)) == text_of(v["link_message"]));
  BOOST_TEST(hex(record::link_mac(link->to.seed, pair, asked, text_of(v["device_name"]))) ==
             text_of(v["mac"]));
  BOOST_TEST(record::link_code(pair, nonce) == text_of(v["code"]));
  const auto act = record::decode_act(record::Kind::device_link, hex_of(v["act"]));
  BOOST_REQUIRE(act.has_value());
  BOOST_TEST(to_hex(record::encode(*act)) == text_of(v["act"]));
  BOOST_TEST(hex(act->id<Signature>(record::Tag::enrol_signature)) == hex(asked));
  BOOST_TEST(crypto::verify(keys.device.signing.public_key(), record::link_message(pair, asked),
                            act->id<Signature>(record::Tag::link_signature)));
}

BOOST_AUTO_TEST_CASE(class_link_is_the_documented_string_and_makes_the_documented_user) {
  const Keys keys;
  const json& v = vectors()["class_link"];
  const auto invite = wire::decode_invite(v["text"].get<std::string>());
  BOOST_REQUIRE(invite.has_value());
  BOOST_TEST(invite->is_class_link());
  BOOST_TEST(json(invite->addresses) == vectors()["invite"]["addresses"]);
  BOOST_TEST(wire::encode_invite(*invite) == text_of(v["text"]));
  const auto id = crypto::invite_id(crypto::invite_curve_key(invite->seed).public_key());
  BOOST_TEST(hex(record::class_user_id(keys.server, id, keys.device.id)) == text_of(v["user_id"]));
}

BOOST_AUTO_TEST_CASE(card_opens_with_the_pinned_identity_and_no_other) {
  const Keys keys;
  const json& v = vectors()["card"];
  const auto card = wire::open_card(v["note"].get<std::string>(), keys.identity.public_key(), keys.server);
  BOOST_REQUIRE(card.has_value());
  BOOST_TEST(merkle::to_vkey(card->log) == text_of(v["vkey"]));
  BOOST_TEST(wire::sign_card(*card, keys.identity) == text_of(v["note"]));
  BOOST_TEST(!wire::open_card(v["note"].get<std::string>(), keys.log.public_key(), keys.server));
}

BOOST_AUTO_TEST_CASE(a_card_of_changing_keys_and_a_checkpoint_that_both_log_keys_have_signed) {
  const Keys keys;
  const json& v = vectors()["card_of_changing_keys"];
  const auto card = wire::open_card(v["note"].get<std::string>(), keys.identity.public_key(), keys.server);
  BOOST_REQUIRE(card && card->next && card->log_before);
  BOOST_TEST(wire::sign_card(*card, keys.identity) == text_of(v["note"]));
  BOOST_CHECK(card->next->curve == crypto::CurveKey(seed_of(v["curve_next_secret"])).public_key());
  const crypto::SigningKey log(seed_of(v["log_seed"]));
  BOOST_CHECK(card->log.key == log.public_key());
  BOOST_CHECK(card->log_before->key.key == keys.log.public_key());
  for (const auto& key : {card->log, card->log_before->key})
    BOOST_TEST(merkle::open_checkpoint(v["checkpoint"].get<std::string>(), key).has_value());
  std::string note = merkle::sign_checkpoint(
      *merkle::open_checkpoint(v["checkpoint"].get<std::string>(), card->log), log);
  merkle::add_signature(note, card->log.name, keys.log);
  BOOST_TEST(note == text_of(v["checkpoint"]));
}

BOOST_AUTO_TEST_CASE(submission_act_leaf_and_entry_have_the_documented_bytes) {
  const Keys keys;
  const json& v = vectors()["submission"];
  const Bytes bytes = hex_of(v["bytes"]);
  const auto submission = record::decode_submission(bytes);
  BOOST_REQUIRE(submission.has_value());
  BOOST_TEST(to_hex(record::encode(*submission)) == text_of(v["bytes"]));
  BOOST_TEST(hex(record::sign_submission(keys.device.signing, bytes)) == text_of(v["signature"]));
  for (std::size_t i = 0; i < 2; ++i)
    BOOST_TEST(hex(record::commitment(id_of<Salt>(v["salts"][i]), hex_of(v["bodies"][i]))) ==
               text_of(v["commitments"][i]));
  const json& a = vectors()["act"];
  const auto act = record::decode_act(record::Kind::device_enrol, hex_of(a["bytes"]));
  BOOST_REQUIRE(act.has_value());
  BOOST_TEST(to_hex(record::encode(*act)) == text_of(a["bytes"]));
  BOOST_TEST(crypto::verify(keys.device.signing.public_key(), hex_of(a["enrol_message"]),
                            act->id<Signature>(record::Tag::enrol_signature)));
  for (const char* name : {"act", "messages"}) {
    const Bytes leaf_bytes = hex_of(vectors()["leaves"][name]);
    const auto leaf = record::decode_leaf(leaf_bytes);
    BOOST_REQUIRE(leaf.has_value());
    BOOST_TEST(to_hex(record::encode_leaf(leaf->seq, leaf->first_room_seq, leaf->logged_at_ms,
                                          leaf->submission_bytes, leaf->act, leaf->signature)) ==
               text_of(vectors()["leaves"][name]));
  }
  const Bytes entry_bytes = hex_of(vectors()["entry"]);
  Reader r(entry_bytes);
  const auto entry = record::read_entry(r);
  BOOST_REQUIRE(entry.has_value());
  BOOST_TEST(r.done());
  Bytes again;
  record::append_entry(again, entry->leaf_bytes, entry->bodies);
  BOOST_TEST(to_hex(again) == text_of(vectors()["entry"]));
}

BOOST_AUTO_TEST_CASE(tree_and_checkpoint_match) {
  const Keys keys;
  const json& v = vectors()["tree"];
  merkle::Frontier tree;
  std::vector<Hash> nodes, leaves;
  BOOST_TEST(hex(tree.root()) == text_of(v["roots"][0]));
  for (std::size_t n = 0; n < 7; ++n) {
    leaves.push_back(merkle::leaf_hash(as_bytes("leaf " + std::to_string(n))));
    tree.append(leaves.back(), [&](std::uint64_t number, const Hash& h) {
      BOOST_REQUIRE(number == nodes.size());
      nodes.push_back(h);
    });
    BOOST_TEST(hex(tree.root()) == text_of(v["roots"][n + 1]));
  }
  std::vector<Hash> inclusion, consistency;
  for (const auto& h : v["inclusion_4_of_7"]) inclusion.push_back(id_of<Hash>(h));
  for (const auto& h : v["consistency_3_to_7"]) consistency.push_back(id_of<Hash>(h));
  BOOST_TEST(merkle::verify_inclusion(leaves[4], 4, 7, inclusion, tree.root()));
  BOOST_TEST(merkle::verify_consistency(3, id_of<Hash>(v["roots"][3]), 7, tree.root(), consistency));
  const json& c = vectors()["checkpoint"];
  const auto log = merkle::parse_vkey(vectors()["card"]["vkey"].get<std::string>());
  BOOST_REQUIRE(log.has_value());
  const auto checkpoint = merkle::open_checkpoint(c["note"].get<std::string>(), *log);
  BOOST_REQUIRE(checkpoint.has_value());
  BOOST_TEST(checkpoint->size == c["size"]);
  BOOST_TEST(hex(checkpoint->root) == text_of(c["root"]));
  BOOST_TEST(merkle::sign_checkpoint(*checkpoint, keys.log) == text_of(c["note"]));
}

BOOST_AUTO_TEST_CASE(frames_open_to_the_documented_content) {
  const Keys keys;
  const auto room = id_of<RoomId>(vectors()["submission"]["room"]);
  const Bytes up = hex_of(vectors()["frame_up"]["frame"]);
  const auto sealed = wire::decode_submission_frame(up);
  BOOST_REQUIRE(sealed.has_value());
  BOOST_TEST(hex(sealed->request) == text_of(vectors()["frame_up"]["request_id"]));
  Bytes plain;
  BOOST_REQUIRE(wire::open_submission(keys.room, keys.server, keys.device.id, *sealed, plain));
  const auto payload = wire::decode_payload(plain);
  BOOST_REQUIRE(payload.has_value());
  BOOST_TEST(to_hex(payload->submission) == text_of(vectors()["submission"]["bytes"]));
  pb::Body body;
  BOOST_REQUIRE(body.ParseFromArray(payload->parts[0].body.data(), static_cast<int>(payload->parts[0].body.size())));
  BOOST_TEST(body.text() == "Hola, ¿qué tal?");

  const Bytes down = hex_of(vectors()["frame_down"]["frame"]);
  const auto frame = wire::decode_down(down);
  BOOST_REQUIRE(frame.has_value());
  BOOST_TEST(hex(frame->topic) == text_of(keys.k["topic_of_room"]));
  BOOST_TEST(hex(frame->header.frame_key) == hex(wire::frame_key_id(keys.log.public_key())));
  Bytes entries;
  BOOST_REQUIRE(wire::open_down(keys.room, keys.server, room, *frame, entries));
  BOOST_TEST(to_hex(entries) == text_of(vectors()["entry"]));
}
