// A further device, let in by a signed-in one: with real programs, over the real broker; and what
// happens when one of the three does not play along.
#include <csignal>

#include "common/base/clock.hpp"
#include "common/wire/device_link.hpp"
#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

constexpr std::uint64_t kMsMax = 20'000;

struct Home {
  TestBroker broker;
  Cli ana{broker.temp(), "ana"}, laptop{broker.temp(), "laptop"}, thief{broker.temp(), "thief"};
  Process hosting;
  std::string link;

  Home() { ana.enrol(broker.invite("ana")); }
  ~Home() {
    if (broker.process().running()) BOOST_TEST(broker.verify() == "");
  }

  static bool says(Process& process, const std::string& what) {
    return wait_until([&] { return process.err().find(what) != std::string::npos; }, kMsMax);
  }
  static std::string code_in(const std::string& text) {
    const auto at = text.find("code");
    const auto digits = text.find_first_of("0123456789", at);
    return at == text.npos ? "" : text.substr(digits, 7);
  }
  void host(const std::vector<std::string>& more = {}) {
    std::vector<std::string> args{"link"};
    args.insert(args.end(), more.begin(), more.end());
    hosting = ana.start(args, true);
    const auto line = hosting.line(Deadline::in_ms(kMsMax));
    BOOST_REQUIRE_MESSAGE(line.has_value(), hosting.err());
    link = *line;
  }
  // Both show a code; the laptop's.
  std::string meet(Process& joining) {
    BOOST_REQUIRE_MESSAGE(says(joining, "The code is"), joining.err());
    BOOST_REQUIRE_MESSAGE(says(hosting, "Let it in?"), hosting.err());
    const std::string code = code_in(joining.err());
    BOOST_TEST(code == code_in(hosting.err()));
    return code;
  }
  void let_in(Process& joining) {
    meet(joining);
    hosting.write("y\n");
    BOOST_TEST(hosting.wait(kMsMax).value_or(-1) == 0, hosting.err());
    BOOST_TEST(joining.wait(kMsMax).value_or(-1) == 0, joining.err());
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(link, Home)

BOOST_AUTO_TEST_CASE(a_further_device_is_let_in_and_is_one_like_others) {
  host({"--name", "portátil"});
  Process joining = laptop.start({"enrol", link});
  let_in(joining);
  BOOST_TEST(joining.out().find("ana") != std::string::npos, joining.out());
  BOOST_TEST(laptop.run({"send", "general", "desde el portátil"}).code == 0);
  const auto devices = json_lines(ana.run({"devices", "--json"}).out);
  BOOST_REQUIRE_EQUAL(devices.size(), 2u);
  BOOST_TEST(devices[1].at("name") == "portátil");
  BOOST_TEST(devices[1].at("by_administrator") == false);
  // The same string again: it has been used
  BOOST_TEST(thief.run({"enrol", link, "--timeout", "5"}).code == 1);
  // Revoked, it is out at once, with what it has open
  Process listening = laptop.start({"listen"});
  BOOST_REQUIRE(says(listening, "listening"));
  const std::uint64_t before_ms = monotonic_ms();
  BOOST_TEST(ana.run({"devices", "revoke", devices[1].at("device").get<std::string>()}).code == 0);
  BOOST_TEST(listening.wait(kMsMax).value_or(-1) == 1, listening.err());
  BOOST_TEST_MESSAGE("out " << monotonic_ms() - before_ms << " ms after the command's start");
  BOOST_TEST(laptop.run({"send", "general", "¿sigo?", "--timeout", "5"}).code == 1);
}

BOOST_AUTO_TEST_CASE(the_code_itself_lets_in_and_another_one_does_not) {
  host();
  Process joining = laptop.start({"enrol", link});
  const std::string code = meet(joining);
  hosting.write((code == "000 000" ? "000 001" : "000 000") + std::string("\n"));
  BOOST_TEST(hosting.wait(kMsMax).value_or(-1) == 1);
  BOOST_TEST(joining.wait(kMsMax).value_or(-1) == 1);
  BOOST_TEST(joining.err().find("has not let this one in") != std::string::npos, joining.err());
  host();
  Process again = laptop.start({"enrol", link});
  hosting.write(meet(again) + "\n");
  BOOST_TEST(hosting.wait(kMsMax).value_or(-1) == 0, hosting.err());
  BOOST_TEST(again.wait(kMsMax).value_or(-1) == 0, again.err());
}

BOOST_AUTO_TEST_CASE(who_cancels_lets_nobody_in_and_the_other_one_hears_it) {
  host();
  Process joining = laptop.start({"enrol", link});
  meet(joining);
  hosting.signal(SIGINT);
  BOOST_TEST(hosting.wait(kMsMax).value_or(-1) == 1, hosting.err());
  BOOST_TEST(joining.wait(kMsMax).value_or(-1) == 1);
  BOOST_TEST(joining.err().find("has not let this one in") != std::string::npos, joining.err());
  // Nobody answers at the end of a script's input either
  host();
  Process other = laptop.start({"enrol", link});
  meet(other);
  hosting.close_input();
  BOOST_TEST(hosting.wait(kMsMax).value_or(-1) == 1);
  BOOST_TEST(other.wait(kMsMax).value_or(-1) == 1);
  BOOST_TEST(json_lines(ana.run({"devices", "--json"}).out).size() == 1u);
}

BOOST_AUTO_TEST_CASE(of_two_who_use_a_link_the_first_is_asked_about) {
  host();
  Process joining = laptop.start({"enrol", link});
  const std::string code = meet(joining);
  const Ran second = thief.run({"enrol", link});
  BOOST_TEST(second.code == 1);
  BOOST_TEST(second.err.find("Another device has used this link") != std::string::npos, second.err);
  hosting.write(code + "\n");
  BOOST_TEST(hosting.wait(kMsMax).value_or(-1) == 0, hosting.err());
  BOOST_TEST(joining.wait(kMsMax).value_or(-1) == 0, joining.err());
}

BOOST_AUTO_TEST_CASE(a_restart_of_the_server_in_between_is_survived) {
  host();
  Process joining = laptop.start({"enrol", link});
  const std::string code = meet(joining);
  BOOST_REQUIRE(broker.stop() == std::optional<int>(0));
  broker.start();
  hosting.write(code + "\n");
  BOOST_TEST(hosting.wait(2 * kMsMax).value_or(-1) == 0, hosting.err());
  BOOST_TEST(joining.wait(2 * kMsMax).value_or(-1) == 0, joining.err());
}

BOOST_AUTO_TEST_CASE(who_comes_back_after_he_was_let_in_is_in) {
  host();
  Process joining = laptop.start({"enrol", link});
  const std::string code = meet(joining);
  joining.kill9();
  hosting.write(code + "\n");
  BOOST_TEST(hosting.wait(kMsMax).value_or(-1) == 0, hosting.err());
  BOOST_TEST(laptop.run({"enrol", link}).code == 0);
  BOOST_TEST(laptop.run({"send", "general", "aquí"}).code == 0);
}

BOOST_AUTO_TEST_CASE(a_device_that_is_revoked_meanwhile_lets_nobody_in) {
  host();
  Process joining = laptop.start({"enrol", link});
  meet(joining);
  const auto devices = json_lines(ana.run({"devices", "--json"}).out);
  BOOST_TEST(
      broker.ctl({"device", "revoke", devices[0].at("device").get<std::string>(), "--yes"}).code ==
      0);
  BOOST_TEST(hosting.wait(kMsMax).value_or(-1) == 1, hosting.err());
  BOOST_TEST(joining.wait(kMsMax).value_or(-1) == 1);
  BOOST_TEST(joining.err().find("has been revoked") != std::string::npos, joining.err());
}

BOOST_AUTO_TEST_CASE(a_link_that_is_unknown_or_cut_is_said_to_be_so) {
  host();
  hosting.signal(SIGINT);
  BOOST_TEST(hosting.wait(kMsMax).has_value());
  const Ran late = laptop.run({"enrol", link});
  BOOST_TEST(late.code == 1);
  BOOST_TEST(late.err.find("has not let this one in") != std::string::npos, late.err);
  BOOST_TEST(laptop.run({"enrol", link.substr(0, link.size() - 3)}).code == 1);
  BOOST_REQUIRE(broker.stop() == std::optional<int>(0));
  broker.start();
  const Ran unknown = laptop.run({"enrol", link});
  BOOST_TEST(unknown.code == 1);
  BOOST_TEST(unknown.err.find("does not know this link") != std::string::npos, unknown.err);
}

// Whoever can connect with a link's key has its seed; a MAC that is wrong all the same was changed
// by the server or in it. The old device believes neither.
BOOST_AUTO_TEST_CASE(what_does_not_prove_to_hold_the_link_is_not_signed) {
  host();
  const auto decoded = wire::decode_device_link(link);
  BOOST_REQUIRE(decoded);
  RawClient forger(decoded->to);
  forger.own_secret = forger.device.invite_key.secret();
  forger.connect();
  const crypto::DeviceKeys keys(crypto::Seed::random());
  const record::LinkedPair pair{crypto::server_id(decoded->to.identity),
                                forger.device.invite_id,
                                decoded->by,
                                decoded->to.user,
                                keys.signing.public_key(),
                                keys.curve.public_key()};
  pb::Request r;
  auto& ask = *r.mutable_link_ask();
  ask.set_sign_pk(std::string(as_text(pair.sign.view())));
  ask.set_curve_pk(std::string(as_text(pair.curve.view())));
  ask.set_signature(std::string(as_text(keys.signing.sign(record::link_ask_message(pair)).view())));
  ask.set_mac(std::string(32, 'x'));
  ask.set_device_name("laptop");
  const auto reply = forger.ask(r);
  BOOST_REQUIRE_MESSAGE(reply && reply->has_link(), describe(reply));
  BOOST_TEST(hosting.wait(kMsMax).value_or(-1) == 1);
  BOOST_TEST(hosting.err().find("Nothing was signed") != std::string::npos, hosting.err());
  BOOST_TEST(json_lines(ana.run({"devices", "--json"}).out).size() == 1u);
}

BOOST_AUTO_TEST_CASE(who_may_not_link_or_has_too_many_devices_is_told) {
  Cli guest{broker.temp(), "guest"};
  guest.enrol(broker.invite("luz", "guest"));
  const Ran refused = guest.run({"link"});
  BOOST_TEST(refused.code == 1);
  BOOST_TEST(refused.err.find("You may not link") != std::string::npos, refused.err);
  BOOST_REQUIRE(broker.stop() == std::optional<int>(0));
  broker.options.config_more = "[limits]\ndevices_per_user_max = 1\n";
  broker.write_config();
  broker.start();
  host();
  Process joining = laptop.start({"enrol", link});
  meet(joining);
  hosting.write("y\n");
  BOOST_TEST(hosting.wait(kMsMax).value_or(-1) == 1);
  BOOST_TEST(hosting.err().find("which is the most") != std::string::npos, hosting.err());
  BOOST_TEST(joining.wait(kMsMax).value_or(-1) == 1);
}

BOOST_AUTO_TEST_CASE(the_other_devices_of_a_user_say_that_one_was_added) {
  Process listening = ana.start({"listen"});
  BOOST_REQUIRE(says(listening, "listening"));
  laptop.enrol(broker.invite("ana"));
  BOOST_TEST(says(listening, "An administrator added the device"), listening.err());
  BOOST_TEST(listening.terminate(kMsMax).has_value());
  // Let in by the laptop while nobody listened: said with the next program, once
  hosting = laptop.start({"link"}, true);
  link = hosting.line(Deadline::in_ms(kMsMax)).value_or("");
  Process joining = thief.start({"enrol", link});
  let_in(joining);
  Process later = ana.start({"listen"});
  BOOST_TEST(says(later, "Another device of yours added the device"), later.err());
  BOOST_TEST(later.terminate(kMsMax).has_value());
  Process last = ana.start({"listen"});
  BOOST_REQUIRE(says(last, "listening"));
  BOOST_TEST(last.err().find("added the device") == std::string::npos, last.err());
  BOOST_TEST(last.terminate(kMsMax).has_value());
  // Whoever let it in, and whoever came in, is told nothing of it
  BOOST_TEST(hosting.err().find("added the device") == std::string::npos, hosting.err());
  BOOST_TEST(joining.err().find("added the device") == std::string::npos, joining.err());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
