// What the broker writes to its log by itself: never a secret or a message, and never as many lines as
// a stranger likes.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <csignal>
#include <random>

#include "common/base/uuid7.hpp"
#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

constexpr std::size_t kLinesMax = 50;  // whatever thousands of strangers do

std::size_t lines_of_log(const TestBroker& broker) { return lines_of(broker.err()).size(); }

// Connects, sends, and is gone before anybody answers.
void knock(std::uint16_t port, ByteView bytes) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) throw_errno("connect");
  // The broker may hang up at any time: that is what it should do
  (void)::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

// Handshakes of libzmq with a key that nobody has enrolled.
void handshakes_with_unknown_keys(const RawClient& like, const std::string& address, int count) {
  constexpr int kAtOnce = 50;
  for (int done = 0; done < count; done += kAtOnce) {
    Context context;
    std::vector<Socket> sockets;
    for (int i = 0; i < kAtOnce; ++i)
      sockets.emplace_back(
          context, crypto::DeviceKeys(crypto::Seed::random()).curve,
          Socket::Options{.address = address, .server = like.device.server_curve, .watch = true});
    const bool refused = wait_until(
        [&] {
          return std::all_of(sockets.begin(), sockets.end(),
                             [](Socket& s) { return s.counts().refused > 0; });
        },
        60'000);
    BOOST_REQUIRE_MESSAGE(refused, "handshakes with unknown keys are not refused");
  }
}

std::string z85(ByteView bytes) {
  std::string out(bytes.size() * 5 / 4 + 1, '\0');
  BOOST_REQUIRE(zmq_z85_encode(out.data(), bytes.data(), bytes.size()) != nullptr);
  out.pop_back();
  return out;
}

// In every form in which a program might write it.
void check_absent(const std::string& log, const std::string& what, ByteView secret) {
  std::string upper = to_hex(secret);
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) {
    return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  });
  // Without the last characters: padding and what stands beside it change them
  const auto whole_groups = [](const std::string& text) { return text.substr(0, text.size() - 4); };
  for (const std::string& form :
       {std::string(as_text(secret)), to_hex(secret), upper, whole_groups(to_base64(secret)),
        whole_groups(to_base64url(secret)), z85(secret)})
    BOOST_TEST((log.find(form) == std::string::npos), what << " is in the log");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(logging)

BOOST_AUTO_TEST_CASE(strangers_and_bad_members_cannot_fill_the_log) {
  TestBroker broker;
  RawClient ana(broker.invite("ana")), mallory(broker.invite("mallory"));
  ana.join();
  mallory.join();
  const std::size_t before = lines_of_log(broker);
  BOOST_TEST(before > 0u);

  std::mt19937 random(20261124);
  Bytes noise(300);
  for (int i = 0; i < 1500; ++i) {
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(random());
    knock(broker.command_port(), noise);
    knock(broker.broadcast_port(), as_bytes("GET / HTTP/1.1\r\nHost: tertulia\r\n\r\n"));
  }
  handshakes_with_unknown_keys(ana, broker.command_address(), 500);
  handshakes_with_unknown_keys(ana, ana.device.broadcast, 500);

  // A member whose every frame is refused, in several ways
  const RoomId general = mallory.device.room("general").id;
  Draft unsigned_draft = mallory.device.draft(general, {"not signed"});
  mallory.device.sign(unsigned_draft);
  unsigned_draft.signature.bytes[0] ^= 1;
  RequestId last;
  for (int i = 0; i < 1000; ++i) {
    last = random_request_id();
    BOOST_REQUIRE(mallory.send(mallory.device.seal(unsigned_draft, last)));
    pb::Request invalid;
    invalid.mutable_history()->set_room("no room");
    BOOST_REQUIRE(mallory.send(RawDevice::request_frame(random_request_id(), invalid)));
    // Not valid UTF-8 where text is expected: the parser's own log would say so
    pb::Request words;
    words.mutable_hello()->set_program("tertulia??");
    Bytes frame = RawDevice::request_frame(random_request_id(), words);
    std::replace(frame.end() - 2, frame.end(), std::uint8_t{'?'}, std::uint8_t{0xff});
    BOOST_REQUIRE(mallory.send(frame));
    if (i % 100 == 99)  // it answers, and refuses
      BOOST_TEST((mallory.wait_reply(last).value_or(pb::Reply()).has_error()));
  }
  check_neighbours(ana, ana);
  const std::string all = broker.err();
  const std::size_t more = lines_of(all).size() - before;
  BOOST_TEST_MESSAGE("7,000 refusals: " << more << " lines");
  BOOST_TEST(more < kLinesMax, all);
}

BOOST_AUTO_TEST_CASE(no_message_invite_or_key_is_in_the_log) {
  TestBroker broker;
  std::vector<std::string> invites;
  const auto invite = [&](const std::string& name) {
    invites.push_back(broker.invite(name));
    return invites.back();
  };
  Cli ana(broker.temp(), "ana"), beto(broker.temp(), "beto"), carla(broker.temp(), "carla");
  ana.enrol(invite("ana"));
  beto.enrol(invite("beto"));
  const std::vector<std::string> texts{"the first secret word: albaricoque",
                                       "ñandú número dos, 日本 🎉"};
  for (const auto& text : texts) BOOST_TEST(ana.run({"send", "general", text}).code == 0);
  const Ran read = beto.run({"history", "general"});
  for (const auto& text : texts) BOOST_TEST(read.out.find(text) != std::string::npos, read.out);
  // What goes wrong is where secrets slip into a sentence: a used invite, a revoked one, a bad one
  BOOST_CHECK_THROW(carla.enrol(invites[0]), std::runtime_error);
  const std::string revoked = invite("carla");
  BOOST_TEST(broker.ctl({"invite", "revoke", "carla"}).code == 0);
  BOOST_CHECK_THROW(carla.enrol(revoked), std::runtime_error);
  RawClient mallory(invite("mallory"));
  mallory.join();
  const RoomId general = mallory.device.room("general").id;
  Draft draft = mallory.device.draft(general, {"a third secret: melocotón"});
  mallory.device.sign(draft);
  draft.signature.bytes[0] ^= 1;
  BOOST_TEST(is_error(mallory.submit(draft), pb::BAD_SIGNATURE));
  broker.process().signal(SIGHUP);
  BOOST_TEST(broker.ctl({"status"}).code == 0);
  BOOST_TEST(broker.stop().value_or(-1) == 0);
  const std::string first_run = broker.err() + broker.process().out();
  broker.start();
  BOOST_TEST(ana.run({"send", "general", texts[0]}).code == 0);
  BOOST_TEST(broker.stop().value_or(-1) == 0);

  const std::string log = first_run + broker.err() + broker.process().out();
  BOOST_TEST(log.find("for beto") != std::string::npos, log);  // it is the log
  for (const auto& text : {texts[0], texts[1], std::string("melocotón")})
    BOOST_TEST(log.find(text) == std::string::npos, log);
  for (const auto& text : invites) {
    BOOST_TEST(log.find(text) == std::string::npos, log);
    const auto decoded = wire::decode_invite(text);
    BOOST_REQUIRE(decoded);
    check_absent(log, "an invite's seed", decoded->seed.view());
  }
  std::size_t keys = 0;
  for (const auto& file : std::filesystem::directory_iterator(broker.data() / "keys")) {
    const Bytes content = read_file(file.path(), 1 << 16);
    BOOST_REQUIRE(content.size() == 32u);
    check_absent(log, file.path().filename().string(), content);
    ++keys;
  }
  BOOST_TEST(keys == 4u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
