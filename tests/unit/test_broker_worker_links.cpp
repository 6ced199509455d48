// What the broker carries between a device that has a link open and the one that asks with it, and
// what it refuses to carry.
#include <boost/test/unit_test.hpp>

#include "broker/worker/requests.hpp"
#include "tests/unit/broker_fixture.hpp"
#include "tests/unit/filled.hpp"

using namespace tertulia;
using namespace tertulia::broker;
using tertulia::test::filled;

namespace {

struct Fixture : test::BrokerFixture {
  Fixture() {
    facts.server = server;
    facts.presence = &presence;
    facts.links = &links;
  }
  pb::Reply ask(const CurvePublicKey& key, const pb::Request& request) {
    notices.clear();
    const auto answer = answer_request(directory, facts, {{}, {}, key},
                                       as_bytes(request.SerializeAsString()), notices);
    BOOST_REQUIRE(std::holds_alternative<pb::Reply>(answer));
    return std::get<pb::Reply>(answer);
  }
  pb::Reply declare(const Person& who, bool ended = false, const std::string& nonce = {}) {
    pb::Request r;
    r.mutable_link()->set_curve_pk(text(link.public_key()));
    r.mutable_link()->set_lifetime_ms(60'000);
    r.mutable_link()->set_nonce(nonce);
    r.mutable_link()->set_ended(ended);
    return ask(who.keys.curve.public_key(), r);
  }
  pb::Request asking(const crypto::DeviceKeys& keys) const {
    const record::LinkedPair pair{server,
                                  crypto::invite_id(link.public_key()),
                                  ana.keys.id,
                                  ana.user,
                                  keys.signing.public_key(),
                                  keys.curve.public_key()};
    pb::Request r;
    auto& a = *r.mutable_link_ask();
    a.set_sign_pk(text(pair.sign));
    a.set_curve_pk(text(pair.curve));
    a.set_signature(text(keys.signing.sign(record::link_ask_message(pair))));
    a.set_mac(std::string(32, 'm'));
    a.set_device_name("laptop");
    return r;
  }
  template <class Id>
  static std::string text(const Id& id) {
    return std::string(as_text(id.view()));
  }
  // Who is told, and what.
  pb::Notice notice_to(const CurvePublicKey& key) {
    for (const Outgoing& out : notices) {
      BOOST_REQUIRE(out.to != nullptr);
      if (out.to->at(0) != key) continue;
      const auto frame = wire::decode_command(out.frame);
      pb::Reply reply;
      BOOST_REQUIRE(frame && reply.ParseFromArray(frame->content.data(),
                                                  static_cast<int>(frame->content.size())));
      return reply.notice();
    }
    BOOST_FAIL("nobody was told");
    return {};
  }
  void set_role(record::Role role) {
    auto user = std::make_shared<User>(*directory.user(ana.user));
    user->role = role;
    directory.users[ana.user] = user;
  }

  const crypto::CurveKey link{crypto::Seed::random()};
  const crypto::DeviceKeys further{crypto::Seed::random()}, stranger{crypto::Seed::random()};
  Presence presence{1'000'000};
  LinkTable links;
  ServerFacts facts;
  std::vector<Outgoing> notices;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_worker_links, Fixture)

BOOST_AUTO_TEST_CASE(the_words_of_two_devices_are_carried_and_nobody_elses) {
  const auto key = link.public_key();
  BOOST_TEST(ask(key, asking(further)).error().code() == pb::NOT_ALLOWED);  // not open yet
  BOOST_TEST(declare(ana).link().expires_in_ms() > 0u);
  BOOST_TEST(declare(beto).error().code() == pb::TOO_MANY);  // another device's link
  const pb::Reply waits = ask(key, asking(further));
  BOOST_REQUIRE_MESSAGE(waits.has_link(), waits.error().text());
  BOOST_TEST(waits.link().nonce().empty());
  const pb::Notice told = notice_to(ana.keys.curve.public_key());
  BOOST_TEST(told.link().ask().device_name() == "laptop");
  BOOST_TEST(told.link().ask().mac() == std::string(32, 'm'));
  BOOST_TEST(ask(key, asking(stranger)).error().code() == pb::INVITE_USED);
  // Who was not connected hears it with the next word of his own
  BOOST_TEST(declare(ana).link().ask().sign_pk() == text(further.signing.public_key()));
  BOOST_TEST(declare(ana, false, std::string(16, 'n')).link().nonce() == std::string(16, 'n'));
  BOOST_TEST(!notice_to(key).link().has_ask());
  BOOST_TEST(ask(key, asking(further)).link().nonce() == std::string(16, 'n'));
  BOOST_TEST(notices.empty());
  declare(ana, true);
  BOOST_TEST(notice_to(key).has_link());
  BOOST_TEST(ask(key, asking(further)).error().code() == pb::INVITE_REVOKED);
}

BOOST_AUTO_TEST_CASE(whoever_is_in_the_log_is_in_however_the_link_ended) {
  declare(ana);
  ask(link.public_key(), asking(further));
  Device device{further.id, ana.user, further.signing.public_key(), further.curve.public_key(), 9};
  directory.devices[further.id] = std::make_shared<const Device>(device);
  declare(ana, true);
  const pb::Reply reply = ask(link.public_key(), asking(further));
  BOOST_TEST(reply.enrolled().user_name() == "ana");
  BOOST_TEST(reply.enrolled().device() == text(further.id));
}

BOOST_AUTO_TEST_CASE(a_links_key_may_ask_to_be_let_in_and_nothing_else) {
  declare(ana);
  pb::Request r;
  for (const auto& set :
       {+[](pb::Request& q) { q.mutable_hello(); }, +[](pb::Request& q) { q.mutable_people(); },
        +[](pb::Request& q) { q.mutable_enrol(); }, +[](pb::Request& q) { q.mutable_link(); }}) {
    set(r);
    BOOST_TEST(ask(link.public_key(), r).error().code() == pb::NOT_ALLOWED);
  }
  BOOST_TEST(ask(ana.keys.curve.public_key(), asking(further)).error().code() == pb::NOT_ALLOWED);
}

BOOST_AUTO_TEST_CASE(what_is_malformed_or_not_allowed_is_refused) {
  set_role(record::Role::guest);
  BOOST_TEST(declare(ana).error().code() == pb::NOT_PERMITTED);
  set_role(record::Role::member);
  pb::Request r;
  r.mutable_link()->set_curve_pk("short");
  BOOST_TEST(ask(ana.keys.curve.public_key(), r).error().code() == pb::BAD_REQUEST);
  BOOST_TEST(declare(ana, false, "short").error().code() == pb::BAD_REQUEST);
  r.mutable_link()->set_curve_pk(text(beto.keys.curve.public_key()));
  BOOST_TEST(ask(ana.keys.curve.public_key(), r).error().code() == pb::NOT_ALLOWED);
  declare(ana);
  pb::Request wrong = asking(further);
  wrong.mutable_link_ask()->set_signature(std::string(64, 's'));
  BOOST_TEST(ask(link.public_key(), wrong).error().code() == pb::BAD_SIGNATURE);
  wrong = asking(further);
  wrong.mutable_link_ask()->set_mac("short");
  BOOST_TEST(ask(link.public_key(), wrong).error().code() == pb::BAD_REQUEST);
  wrong = asking(further);
  wrong.mutable_link_ask()->set_device_name(std::string(300, 'x'));
  BOOST_TEST(ask(link.public_key(), wrong).error().code() == pb::BAD_REQUEST);
  // The device that made it is no more
  directory.keys.erase(ana.keys.curve.public_key());
  BOOST_TEST(ask(link.public_key(), asking(further)).error().code() == pb::INVITE_REVOKED);
}

BOOST_AUTO_TEST_SUITE_END()
