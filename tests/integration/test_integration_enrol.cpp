// Invites and keys: who may come in, and the sentence for everybody who may not.
#include <sys/stat.h>

#include "common/base/clock.hpp"
#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

bool says(const std::string& text, const std::string& word) {
  std::string lower;
  for (char c : text) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower.find(word) != std::string::npos;
}

// tertulia-cli enrol: refused, and its stderr says which.
void check_cli_refuses(TempDir& dir, const std::string& profile, const std::string& invite,
                       const std::string& word) {
  Cli cli(dir, profile);
  const Ran ran = cli.run({"enrol", invite, "--timeout", "20"});
  BOOST_TEST(ran.code == 1, profile << ": exit " << ran.code << ": " << ran.err);
  BOOST_TEST(says(ran.err, word), profile << ": no \"" << word << "\" in: " << ran.err);
  BOOST_TEST_MESSAGE(profile << ": " << ran.err);
}

std::string with_other_seed(const std::string& text) {
  auto invite = *wire::decode_invite(text);
  invite.seed = crypto::Seed::random();
  return wire::encode_invite(invite);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(enrol)

BOOST_AUTO_TEST_CASE(the_first_user_is_an_admin_and_the_next_are_what_was_asked) {
  TestBroker broker;
  RawClient ana(broker.invite("ana")), beto(broker.invite("beto"));
  RawClient guest(broker.invite("carla", "guest"));
  for (RawClient* client : {&ana, &beto, &guest}) client->join();
  BOOST_TEST(ana.device.role == "admin");
  BOOST_TEST(beto.device.role == "member");
  BOOST_TEST(guest.device.role == "guest");
  BOOST_TEST(ana.device.room("general").name == "general");
}

BOOST_AUTO_TEST_CASE(an_invite_is_one_line_on_stdout_and_nothing_else) {
  TestBroker broker;
  const Ran ran = broker.ctl({"invite", "ana"});
  BOOST_REQUIRE_MESSAGE(ran.code == 0, ran.err);
  BOOST_TEST(lines_of(ran.out).size() == 1u);
  BOOST_TEST(ran.out.starts_with("tertulia://"));
  // Which address it chose, and that nobody else can reach a loopback
  BOOST_TEST(says(ran.err, broker.command_address()), ran.err);
  BOOST_TEST(says(ran.err, "warning"), ran.err);
  const auto invite = wire::decode_invite(ran.out);
  BOOST_REQUIRE(invite);
  BOOST_TEST(invite->user_name == "ana");
  BOOST_TEST(invite->server_name == "prueba");
}

BOOST_AUTO_TEST_CASE(a_used_invite_is_refused_but_answers_its_own_device_again) {
  TestBroker broker;
  const std::string text = broker.invite("ana");
  RawClient ana(text), thief(text);
  const auto first = ana.enrol(), again = ana.enrol();
  BOOST_REQUIRE_MESSAGE(first && first->has_enrolled(), describe(first));
  BOOST_REQUIRE_MESSAGE(again && again->has_enrolled(), describe(again));
  BOOST_TEST(again->enrolled().device() == first->enrolled().device());
  const auto stolen = thief.enrol();
  BOOST_TEST(is_error(stolen, pb::INVITE_USED), describe(stolen));
  check_cli_refuses(broker.temp(), "used", text, "used");
}

BOOST_AUTO_TEST_CASE(an_expired_invite_is_refused) {
  TestBroker broker;
  const Ran ran = broker.ctl({"invite", "ana", "--expires", "1s"});
  BOOST_REQUIRE_MESSAGE(ran.code == 0, ran.err);
  const std::uint64_t over = wall_ms() + 1100;
  BOOST_REQUIRE(wait_until([&] { return wall_ms() > over; }, 10'000));
  const std::string text = lines_of(ran.out).front();
  const auto answer = RawClient(text).enrol();
  BOOST_TEST(is_error(answer, pb::INVITE_EXPIRED), describe(answer));
  check_cli_refuses(broker.temp(), "expired", text, "expired");
}

BOOST_AUTO_TEST_CASE(a_revoked_invite_is_refused) {
  TestBroker broker;
  const std::string text = broker.invite("ana");
  const Ran revoked = broker.ctl({"invite", "revoke", "ana"});
  BOOST_REQUIRE_MESSAGE(revoked.code == 0, revoked.err);
  const auto answer = RawClient(text).enrol();
  BOOST_TEST(is_error(answer, pb::INVITE_REVOKED), describe(answer));
  check_cli_refuses(broker.temp(), "revoked", text, "revoked");
}

BOOST_AUTO_TEST_CASE(an_invite_that_nobody_made_is_refused) {
  TestBroker broker;
  const std::string text = with_other_seed(broker.invite("ana"));
  RawClient stranger(text);
  const auto answer = stranger.enrol(3'000);
  BOOST_TEST(!(answer && answer->has_enrolled()), describe(answer));
  check_cli_refuses(broker.temp(), "unknown", text, "know");
}

BOOST_AUTO_TEST_CASE(another_servers_invite_is_refused) {
  TestBroker here, there({.server_name = "otra"});
  auto invite = *wire::decode_invite(there.invite("ana"));
  invite.addresses = {here.command_address()};
  check_cli_refuses(here.temp(), "other-server", wire::encode_invite(invite), "server");
}

BOOST_AUTO_TEST_CASE(an_invite_that_was_cut_is_refused_before_anything_is_sent) {
  TestBroker broker;
  const std::string text = broker.invite("ana");
  for (const auto& cut : {text.substr(0, text.size() / 2), text.substr(0, text.size() - 1),
                          std::string("tertulia://"), std::string("https://example.org/x")}) {
    Cli cli(broker.temp(), "cut");
    const Ran ran = cli.run({"enrol", cut, "--timeout", "5"});
    BOOST_TEST((ran.code == 1 || ran.code == 2), "exit " << ran.code << ": " << ran.err);
    BOOST_TEST(!ran.err.empty());
  }
  // What a mail program does to a long line
  Cli cli(broker.temp(), "folded");
  std::string folded = text;
  folded.insert(folded.size() / 2, "\n  ");
  const Ran ran = cli.run({"enrol", " " + folded + "\n"});
  BOOST_TEST(ran.code == 0, ran.err);
}

BOOST_AUTO_TEST_CASE(a_device_that_the_server_does_not_know_is_refused) {
  TestBroker broker;
  RawClient ana(broker.invite("ana"));
  ana.join();
  RawClient stranger(broker.invite("beto"));
  stranger.connect();  // never enrolled
  const auto answer = stranger.hello(3'000);
  BOOST_TEST(!(answer && answer->has_welcome()), describe(answer));

  // The server lost the enrolment: same keys, an older log
  Cli cli(broker.temp(), "forgotten");
  const std::string text = broker.invite("carla");
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  std::filesystem::copy(broker.data(), broker.dir() / "before",
                        std::filesystem::copy_options::recursive);
  broker.start();
  cli.enrol(text);
  BOOST_REQUIRE_EQUAL(broker.stop().value_or(-1), 0);
  std::filesystem::remove_all(broker.data());
  std::filesystem::rename(broker.dir() / "before", broker.data());
  broker.start();
  const Ran ran = cli.run({"send", "general", "¿hola?", "--timeout", "20"});
  BOOST_TEST(ran.code == 1, "exit " << ran.code << ": " << ran.err);
  BOOST_TEST(says(ran.err, "know"), ran.err);
}

BOOST_AUTO_TEST_CASE(a_wrong_server_key_is_never_connected) {
  TestBroker broker;
  RawClient ana(broker.invite("ana"));
  ana.join();
  ana.disconnect();
  ana.server_key = crypto::CurveKey(crypto::Seed::random()).public_key();
  ana.connect();
  const auto answer = ana.hello(2'000);
  BOOST_TEST(!answer, describe(answer));
  BOOST_TEST(ana.dealer()->counts().connected == 0u);
  ana.disconnect();
  ana.server_key.reset();
  ana.rejoin();
}

BOOST_AUTO_TEST_CASE(names_that_are_no_names_are_refused) {
  TestBroker broker;
  for (const char* name : {"", " ", "Ana María", "a/b", "../x", "a\nb"}) {
    const Ran ran = broker.ctl({"invite", "--", name});
    BOOST_TEST((ran.code == 1 || ran.code == 2), "'" << name << "': exit " << ran.code);
    BOOST_TEST(!ran.err.empty());
    BOOST_TEST(ran.out.empty());
  }
  const Ran role = broker.ctl({"invite", "ana", "--role", "emperor"});
  BOOST_TEST((role.code == 1 || role.code == 2));
  BOOST_TEST(!role.err.empty());
}

BOOST_AUTO_TEST_CASE(keys_and_directories_are_private) {
  TestBroker broker;
  Cli ana(broker.temp(), "ana");
  ana.enrol(broker.invite("ana"));
  for (const auto& root : {broker.data(), ana.profile()}) {
    struct stat facts {};
    BOOST_REQUIRE_EQUAL(::stat(root.c_str(), &facts), 0);
    BOOST_TEST((facts.st_mode & 077) == 0u, root);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      // Who may use the admin socket is a setting; here nobody else gets as far as to it
      if (entry.is_socket()) continue;
      BOOST_REQUIRE_EQUAL(::stat(entry.path().c_str(), &facts), 0);
      BOOST_TEST((facts.st_mode & 077) == 0u, entry.path() << " may be read by others");
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
