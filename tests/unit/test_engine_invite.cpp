#include <boost/test/unit_test.hpp>

#include "client/engine/engine.hpp"
#include "client/engine/sockets.hpp"
#include "common/wire/invite.hpp"

using namespace tertulia;
using namespace tertulia::client;

BOOST_AUTO_TEST_SUITE(engine_invite)

BOOST_AUTO_TEST_CASE(a_preview_says_what_an_invite_holds_before_anything_is_sent) {
  crypto::crypto_start();
  wire::Invite invite;
  invite.identity = crypto::SigningKey(crypto::Seed::random()).public_key();
  invite.seed = crypto::Seed::random();
  invite.user.bytes[0] = 1;
  invite.server_name = "escuela";
  invite.user_name = "ana";
  invite.addresses = {"tcp://192.0.2.1:5570"};
  std::string reason;
  const std::string text = wire::encode_invite(invite);
  const auto preview =
      preview_invite("  " + text.substr(0, 40) + "\n" + text.substr(40) + "\n", reason);
  BOOST_REQUIRE(preview.has_value());
  BOOST_TEST(preview->server_name == "escuela");
  BOOST_TEST(preview->user_name == "ana");
  BOOST_TEST(!preview->class_link);
  BOOST_TEST(preview->server_fingerprint == crypto::fingerprint(invite.identity));
  invite.user = UserId{};
  invite.user_name.clear();
  const auto link = preview_invite(wire::encode_invite(invite), reason);
  BOOST_REQUIRE(link.has_value());
  BOOST_TEST(link->class_link);
  BOOST_TEST(user_name_fault("Ana").has_value());
  BOOST_TEST(!user_name_fault("ana.garcia").has_value());
  std::string mistyped = text;
  mistyped[60] = mistyped[60] == 'A' ? 'B' : 'A';
  BOOST_TEST(!preview_invite(mistyped, reason).has_value());
  BOOST_TEST(reason.find("copy the whole string") != std::string::npos);
  BOOST_TEST(!preview_invite("hello", reason).has_value());
  BOOST_TEST(reason.find("tertulia://") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(addresses_that_people_type_become_endpoints) {
  BOOST_TEST(normalised_address("chat.example") == "tcp://chat.example:5570");
  BOOST_TEST(normalised_address(" chat.example:7000 ") == "tcp://chat.example:7000");
  BOOST_TEST(normalised_address("tcp://10.0.0.1:7000") == "tcp://10.0.0.1:7000");
  BOOST_TEST(normalised_address("2001:db8::1") == "tcp://[2001:db8::1]:5570");
  BOOST_TEST(normalised_address("[2001:db8::1]:7000") == "tcp://[2001:db8::1]:7000");
  for (const char* wrong :
       {"", "a b", "host:", "host:0", "host:70000", "host:12x", "[::1", "http://x/y"})
    BOOST_TEST(normalised_address(wrong).empty(), wrong);
}

BOOST_AUTO_TEST_CASE(broadcasts_come_from_the_host_that_answers_commands) {
  BOOST_TEST(broadcast_address("tcp://*:5571", "tcp://[::1]:5570") == "tcp://[::1]:5571");
  BOOST_TEST(broadcast_address("tcp://*:5571", "tcp://chat.example:5570") ==
             "tcp://chat.example:5571");
  BOOST_TEST(broadcast_address("tcp://10.0.0.1:9", "tcp://chat.example:5570") ==
             "tcp://10.0.0.1:9");
}

BOOST_AUTO_TEST_SUITE_END()
