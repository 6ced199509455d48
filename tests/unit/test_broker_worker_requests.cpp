// What requests are answered with: who may ask what, and what stands in the answers.
#include <boost/test/unit_test.hpp>

#include "broker/worker/requests.hpp"
#include "tests/unit/broker_fixture.hpp"

using namespace tertulia;
using namespace tertulia::broker;

namespace {
struct Fixture : test::BrokerFixture {
  Fixture() {
    facts.server = server;
    facts.broadcast = "tcp://*:5571";
    facts.card = [] { return std::string("card"); };
    facts.checkpoint = [] { return std::make_shared<const std::string>("checkpoint"); };
    facts.log_size = [] { return std::uint64_t{10}; };
    facts.read_only = [this] { return reason; };
    directory.people_version = 7;
    directory.rooms_version = 9;
  }
  Answer ask(const CurvePublicKey& key, const pb::Request& request) {
    return answer_request(directory, facts, {{}, {}, key}, as_bytes(request.SerializeAsString()));
  }
  Answer ask(const Person& who, const pb::Request& request) {
    return ask(who.keys.curve.public_key(), request);
  }
  static pb::Reply reply(const Answer& answer) {
    BOOST_REQUIRE(std::holds_alternative<pb::Reply>(answer));
    return std::get<pb::Reply>(answer);
  }
  static pb::ErrorCode code(const Answer& answer) {
    return std::holds_alternative<pb::Reply>(answer) ? std::get<pb::Reply>(answer).error().code()
                                                     : pb::ERROR_NONE;
  }
  static std::string text(ByteView bytes) { return std::string(as_text(bytes)); }
  ServerFacts facts;
  std::string reason;
};
}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_worker_requests, Fixture)

BOOST_AUTO_TEST_CASE(an_invites_key_may_enrol_and_nothing_else) {
  pb::Request r;
  r.mutable_hello();
  BOOST_TEST(code(ask(invite_key->public_key(), r)) == pb::NOT_ALLOWED);
  r.mutable_people();
  BOOST_TEST(code(ask(invite_key->public_key(), r)) == pb::NOT_ALLOWED);
  auto& e = *r.mutable_enrol();
  BOOST_TEST(code(ask(invite_key->public_key(), r)) == pb::BAD_REQUEST);  // keys are missing
  e.set_sign_pk(std::string(32, 'a'));
  e.set_curve_pk(std::string(32, 'b'));
  e.set_signature(std::string(64, 'c'));
  BOOST_TEST(std::holds_alternative<EnrolAppend>(ask(invite_key->public_key(), r)));
  BOOST_TEST(code(ask(ana, r)) == pb::NOT_ALLOWED);  // a device enrols nobody
  BOOST_TEST(code(ask(crypto::CurveKey(crypto::Seed::random()).public_key(), r)) ==
             pb::NOT_ALLOWED);
}

BOOST_AUTO_TEST_CASE(what_is_no_request_is_refused) {
  BOOST_TEST(code(ask(ana, {})) == pb::BAD_REQUEST);
  const Bytes garbage{0xff, 0x00, 0x17};
  BOOST_TEST(code(answer_request(directory, facts, {{}, {}, ana.keys.curve.public_key()},
                                 garbage)) == pb::BAD_REQUEST);
}

BOOST_AUTO_TEST_CASE(a_welcome_names_the_users_own_rooms_only) {
  pb::Request r;
  r.mutable_hello();
  const auto w = reply(ask(ana, r)).welcome();
  BOOST_TEST(w.user_name() == "ana");
  BOOST_TEST(w.broadcast() == "tcp://*:5571");
  BOOST_TEST(w.people_version() == 7u);
  BOOST_TEST(!w.read_only());
  BOOST_REQUIRE(w.rooms_size() == 1);
  BOOST_TEST(w.rooms(0).name() == "general");
  BOOST_TEST(w.rooms(0).key().key().size() == 32u);
  BOOST_TEST(w.rooms(0).key().previous().size() == 32u);
  BOOST_TEST(reply(ask(beto, r)).welcome().rooms_size() == 2);
}

BOOST_AUTO_TEST_CASE(a_pong_tells_heads_that_moved) {
  directory.room(general)->head->room_seq = 3;
  directory.room(general)->head->seq = 8;
  pb::Request r;
  r.mutable_ping()->set_known_size(8);
  reason = "the disk is full";
  const auto pong = reply(ask(beto, r)).pong();
  BOOST_REQUIRE(pong.heads_size() == 1);  // the cellar has no message yet
  BOOST_TEST(pong.heads(0).head_room_seq() == 3u);
  BOOST_TEST(pong.read_only());
  BOOST_TEST(pong.read_only_reason() == "the disk is full");
  r.mutable_ping()->set_known_size(9);
  BOOST_TEST(reply(ask(beto, r)).pong().heads_size() == 0);
}

BOOST_AUTO_TEST_CASE(keys_and_history_are_for_members) {
  pb::Request r;
  r.mutable_room_keys()->set_room(text(cellar.view()));
  BOOST_TEST(code(ask(ana, r)) == pb::NOT_A_MEMBER);
  BOOST_TEST(reply(ask(beto, r)).room_keys().keys_size() == 1);
  r.mutable_room_keys()->set_room("short");
  BOOST_TEST(code(ask(ana, r)) == pb::BAD_REQUEST);
  auto& h = *r.mutable_history();
  h.set_room(text(cellar.view()));
  h.set_limit(100);
  BOOST_TEST(code(ask(ana, r)) == pb::NOT_A_MEMBER);
  BOOST_TEST(std::holds_alternative<ReadRequest>(ask(beto, r)));
  h.set_limit(1001);
  BOOST_TEST(code(ask(beto, r)) == pb::BAD_REQUEST);
  h.set_limit(0);
  BOOST_TEST(code(ask(beto, r)) == pb::BAD_REQUEST);
}

BOOST_AUTO_TEST_CASE(proofs_stay_within_the_log) {
  pb::Request r;
  r.mutable_consistency()->set_old_size(4);
  r.mutable_consistency()->set_new_size(10);
  BOOST_TEST(std::holds_alternative<ReadRequest>(ask(ana, r)));
  r.mutable_consistency()->set_new_size(11);
  BOOST_TEST(code(ask(ana, r)) == pb::BAD_REQUEST);
  r.mutable_consistency()->set_new_size(3);
  BOOST_TEST(code(ask(ana, r)) == pb::BAD_REQUEST);
  r.mutable_inclusion()->set_seq(9);
  r.mutable_inclusion()->set_size(10);
  BOOST_TEST(std::holds_alternative<ReadRequest>(ask(ana, r)));
  r.mutable_inclusion()->set_seq(10);
  BOOST_TEST(code(ask(ana, r)) == pb::BAD_REQUEST);
}

BOOST_AUTO_TEST_CASE(people_come_once_a_version) {
  pb::Request r;
  r.mutable_people();
  const auto page = reply(ask(ana, r)).people();
  BOOST_TEST(page.people_size() == 2);
  BOOST_TEST(page.devices_size() == 2);
  r.mutable_people()->set_since_version(7);
  BOOST_TEST(reply(ask(ana, r)).people().people_size() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
