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
    facts.presence = &presence;
    facts.broadcast = "tcp://*:5571";
    facts.card = [] { return std::string("card"); };
    facts.card_serial = [] { return std::uint64_t{1}; };
    facts.checkpoint = [] { return std::make_shared<const std::string>("checkpoint"); };
    facts.log_size = [] { return std::uint64_t{10}; };
    facts.read_only = [this] { return reason; };
    directory.people_version = 7;
    directory.rooms_version = 9;
  }
  Answer ask(const CurvePublicKey& key, const pb::Request& request) {
    return answer_request(directory, facts, {{}, {}, key}, as_bytes(request.SerializeAsString()),
                          notices);
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
  Presence presence{1'000'000};
  ServerFacts facts;
  std::vector<Outgoing> notices;
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
  BOOST_TEST(code(answer_request(directory, facts, {{}, {}, ana.keys.curve.public_key()}, garbage,
                                 notices)) == pb::BAD_REQUEST);
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

namespace {
pb::Request ping_with(std::uint32_t activity, std::uint64_t presence_version) {
  pb::Request r;
  r.mutable_ping()->set_activity(activity);
  r.mutable_ping()->set_presence_version(presence_version);
  return r;
}
pb::Request ping_read(const RoomId& room, std::uint64_t room_seq) {
  pb::Request r;
  auto& mark = *r.mutable_ping()->add_read();
  mark.set_room(std::string(as_text(room.view())));
  mark.set_room_seq(room_seq);
  return r;
}
}  // namespace

BOOST_AUTO_TEST_CASE(how_far_one_has_read_follows_to_ones_other_devices) {
  directory.rooms.at(general)->head->room_seq = 30;
  const Person second = add_device(ana.user);
  ask(ana, ping_read(general, 12));
  BOOST_REQUIRE(notices.size() == 1u);
  BOOST_TEST(notices[0].to->size() == 1u);
  BOOST_TEST((notices[0].to->front() == second.keys.curve.public_key()));
  ask(ana, ping_read(general, 12));
  ask(ana, ping_read(general, 5));
  BOOST_TEST(notices.size() == 1u);  // it never goes back, and no news is not told
  ask(second, ping_read(general, 99));
  BOOST_TEST(presence.read_up_to(ana.user, general) == 30u);  // no further than there is something
  pb::Request hello;
  hello.mutable_hello();
  const auto welcome = reply(ask(second, hello)).welcome();
  BOOST_TEST(welcome.rooms(0).read_up_to() == 30u);
  ask(ana, ping_read(cellar, 1));  // she is not in it
  BOOST_TEST(presence.read_up_to(ana.user, cellar) == 0u);
  pb::Request many;
  for (int i = 0; i < 65; ++i) many.mutable_ping()->add_read();
  BOOST_TEST(code(ask(ana, many)) == pb::BAD_REQUEST);
}

BOOST_AUTO_TEST_CASE(who_is_there_is_told_by_pongs_as_it_changes) {
  const auto first = reply(ask(ana, ping_with(2, 0))).pong();
  BOOST_REQUIRE(first.presence_size() == 1);  // herself
  BOOST_TEST(first.presence(0).activity() == 2u);
  const auto same = reply(ask(ana, ping_with(2, first.presence_version()))).pong();
  BOOST_TEST(same.presence_size() == 0);
  ask(beto, ping_with(1, 0));
  const auto news = reply(ask(ana, ping_with(2, first.presence_version()))).pong();
  BOOST_REQUIRE(news.presence_size() == 1);
  BOOST_TEST(news.presence(0).user_id() == text(beto.user.view()));
  BOOST_TEST(news.presence(0).activity() == 1u);
  // Who does not tell is not there
  ask(beto, ping_with(0, 0));
  const auto gone = reply(ask(ana, ping_with(2, news.presence_version()))).pong();
  BOOST_REQUIRE(gone.presence_size() == 1);
  BOOST_TEST(gone.presence(0).activity() == 0u);
  BOOST_TEST(code(ask(ana, ping_with(3, 0))) == pb::BAD_REQUEST);
  facts.share_presence = false;
  const auto off = reply(ask(ana, ping_with(2, 0))).pong();
  BOOST_TEST(off.presence_size() == 0);
  BOOST_TEST(off.presence_version() == 0u);
}

BOOST_AUTO_TEST_CASE(who_is_writing_is_told_to_the_others_in_the_room_and_not_too_often) {
  pb::Request r;
  r.mutable_ping()->set_typing(text(general.view()));
  ask(ana, r);
  BOOST_REQUIRE(notices.size() == 1u);
  BOOST_TEST((*notices[0].to == std::vector<CurvePublicKey>{beto.keys.curve.public_key()}));
  ask(ana, r);
  BOOST_TEST(notices.size() == 1u);  // a moment later
  ask(beto, r);
  BOOST_TEST(notices.size() == 2u);
  r.mutable_ping()->set_typing(text(cellar.view()));
  ask(ana, r);  // not her room
  BOOST_TEST(notices.size() == 2u);
  facts.share_typing = false;
  ask(beto, r);
  BOOST_TEST(notices.size() == 2u);
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
  BOOST_TEST(reply(ask(beto, r)).history().entries().empty());  // nothing has been said
  directory.rooms.at(cellar)->head->room_seq = 3;
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
  BOOST_TEST(!page.more());
  BOOST_TEST(page.version() == 7u);
}

BOOST_AUTO_TEST_CASE(only_people_who_have_changed_come_again) {
  const Person third = add_user("carla");
  auto changed = std::make_shared<User>(*directory.users.at(third.user));
  changed->version = 8;
  directory.users[third.user] = changed;
  directory.people_version = 8;
  pb::Request r;
  r.mutable_people()->set_since_version(7);
  const auto page = reply(ask(ana, r)).people();
  BOOST_REQUIRE(page.people_size() == 1);
  BOOST_TEST(page.people(0).user_id() == text(third.user.view()));
  BOOST_TEST(page.devices_size() == 0);
  BOOST_TEST(page.version() == 8u);
  // As of another log, which was longer: nothing that is known of this one counts
  r.mutable_people()->set_since_version(1000);
  BOOST_TEST(reply(ask(ana, r)).people().people_size() == 3);
}

BOOST_AUTO_TEST_CASE(many_people_come_page_by_page_each_once) {
  for (std::uint64_t n = 0; n < 2'500; ++n) {
    auto user = std::make_shared<User>();
    randombytes_buf(user->id.data(), user->id.size());
    user->name = std::to_string(n);
    user->version = 10 + n / 3;  // three of one act
    directory.users[user->id] = user;
  }
  directory.people_version = 2'000;
  std::set<std::string> seen;
  std::size_t pages = 0, count = 0;
  pb::Request r;
  r.mutable_people();
  for (bool more = true; more; ++pages) {
    const auto page = reply(ask(ana, r)).people();
    BOOST_REQUIRE(page.people_size() <= 1'003);
    for (const auto& person : page.people()) seen.insert(person.user_id());
    count += static_cast<std::size_t>(page.people_size());
    more = page.more();
    BOOST_REQUIRE(page.version() > r.people().since_version());
    r.mutable_people()->set_since_version(page.version());
  }
  BOOST_TEST(pages == 3u);
  BOOST_TEST(count == 2'502u);
  BOOST_TEST(seen.size() == 2'502u);
  BOOST_TEST(r.people().since_version() == 2'000u);
}

BOOST_AUTO_TEST_SUITE_END()
