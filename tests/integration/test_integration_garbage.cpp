// Strangers and subscribers who do not keep to the protocol, on both ports: cut off or dropped, and
// good neighbours notice nothing.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

constexpr std::size_t kGrowthMaxKib = 30 * 1024;

struct Town {
  TestBroker broker;
  RawClient ana{broker.invite("ana")}, beto{broker.invite("beto")};
  RawClient mallory{broker.invite("mallory")};
  std::size_t rss_at_start = 0;
  Town() {
    ana.join();
    beto.join();
    mallory.join();
    for (int i = 0; i < 20; ++i) check_neighbours(ana, beto);
    rss_at_start = broker.process().rss_kib();
  }
};

Town& town() {
  static Town one;
  return one;
}

struct Neighbours {
  Town& t = town();
  void teardown() {
    BOOST_TEST(t.broker.process().running(), t.broker.err());
    if (!t.broker.process().running()) return;
    check_neighbours(t.ana, t.beto);
    check_neighbours(t.beto, t.ana);
  }
};

UniqueFd tcp(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) throw_errno("connect");
  return fd;
}

// As much of it as the peer takes before it hangs up; it may hang up at any time.
void push(const UniqueFd& fd, ByteView bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    pollfd p{fd.get(), POLLOUT, 0};
    if (::poll(&p, 1, 2000) <= 0) return;
    const ssize_t n = ::send(fd.get(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (n <= 0) return;
    done += static_cast<std::size_t>(n);
  }
}

Bytes random_bytes(std::mt19937& random, std::size_t count) {
  Bytes out(count);
  for (auto& b : out) b = static_cast<std::uint8_t>(random());
  return out;
}

// ZMTP 3.1 greeting (rfc.zeromq.org/spec/23): signature, version, mechanism, as-server, filler.
Bytes greeting(const std::string& mechanism) {
  Bytes out{0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1};
  std::string name = mechanism;
  name.resize(20, '\0');
  out.insert(out.end(), name.begin(), name.end());
  out.resize(64, 0);
  return out;
}

// A CURVE HELLO command (rfc.zeromq.org/spec/26) of the right length with nonsense in it.
Bytes curve_hello(std::mt19937& random) {
  Bytes out{0x04, 200, 5, 'H', 'E', 'L', 'L', 'O', 1, 0};
  const Bytes noise = random_bytes(random, 194 - 2 + 2);
  out.insert(out.end(), noise.begin(), noise.end());
  out.resize(202, 0);
  return out;
}

Socket watched(RawClient& client, SocketType type) {
  Socket socket(client.context(), client.device.keys.curve,
                {.type = type,
                 .address = client.device.broadcast,
                 .server = client.device.server_curve,
                 .watch = true});
  BOOST_REQUIRE(wait_until([&] { return socket.counts().connected > 0; }, 20'000));
  return socket;
}

void check_kicked(Socket& socket) {
  BOOST_TEST(wait_until([&] { return socket.counts().disconnected > 0; }, 20'000));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(garbage)

BOOST_FIXTURE_TEST_CASE(random_bytes_on_both_ports, Neighbours) {
  std::mt19937 random(20261123);
  for (const auto port : {t.broker.command_port(), t.broker.broadcast_port()}) {
    for (int i = 0; i < 20; ++i) push(tcp(port), random_bytes(random, 64 * 1024));
    push(tcp(port), as_bytes("GET / HTTP/1.1\r\nHost: tertulia\r\n\r\n"));
    push(tcp(port), Bytes(1024 * 1024, 0));
    push(tcp(port), Bytes(1024 * 1024, 0xff));
  }
}

BOOST_FIXTURE_TEST_CASE(greetings_without_an_end_and_with_other_mechanisms, Neighbours) {
  std::mt19937 random(20261123);
  for (const auto port : {t.broker.command_port(), t.broker.broadcast_port()}) {
    for (const char* mechanism : {"NULL", "PLAIN", "CURVE", "GSSAPI", "", "curve"}) {
      const Bytes hello = greeting(mechanism);
      for (std::size_t cut : {1u, 10u, 11u, 12u, 31u, 63u, 64u}) {
        const UniqueFd fd = tcp(port);
        push(fd, ByteView(hello).first(cut));
      }
      const UniqueFd fd = tcp(port);
      push(fd, hello);
      push(fd, random_bytes(random, 10'000));
    }
  }
}

BOOST_FIXTURE_TEST_CASE(curve_handshakes_cut_at_every_place, Neighbours) {
  std::mt19937 random(20261123);
  for (const auto port : {t.broker.command_port(), t.broker.broadcast_port()}) {
    const Bytes hello = curve_hello(random);
    for (std::size_t cut = 0; cut <= hello.size(); cut += 13) {
      const UniqueFd fd = tcp(port);
      push(fd, greeting("CURVE"));
      push(fd, ByteView(hello).first(cut));
    }
    // A HELLO that says it is 4 GiB long
    const UniqueFd fd = tcp(port);
    push(fd, greeting("CURVE"));
    push(fd, Bytes{0x06, 0, 0, 0, 1, 0, 0, 0, 0});
    push(fd, random_bytes(random, 100'000));
  }
}

BOOST_FIXTURE_TEST_CASE(two_hundred_connections_that_say_nothing, Neighbours) {
  std::vector<UniqueFd> open;
  const Bytes half = greeting("CURVE");
  for (int i = 0; i < 200; ++i) {
    open.push_back(tcp(i % 2 == 0 ? t.broker.command_port() : t.broker.broadcast_port()));
    push(open.back(), ByteView(half).first(static_cast<std::size_t>(i) % half.size()));
  }
  check_neighbours(t.ana, t.beto);
  // Somebody new can still join while they stand there
  RawClient late(t.broker.invite("late"));
  late.join();
  check_neighbours(late, t.ana);
}

BOOST_FIXTURE_TEST_CASE(a_client_without_curve_gets_nothing, Neighbours) {
  Socket plain(t.mallory.context(), t.mallory.device.keys.curve,
               {.type = SocketType::dealer,
                .address = t.broker.command_address(),
                .server = {},
                .routing_id = {},
                .plain = true,
                .watch = true});
  plain.send(RawDevice::request_frame({}, t.mallory.device.hello_request()));
  BOOST_TEST(
      wait_until([&] { return plain.counts().refused + plain.counts().disconnected > 0; }, 20'000));
  BOOST_TEST(plain.counts().connected == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_claimed_routing_id_takes_nothing_from_others, Neighbours) {
  const auto identity = std::string("ana");
  RawClient one(t.broker.invite("one")), two(t.broker.invite("two"));
  one.join();
  two.join();
  for (RawClient* client : {&one, &two}) {
    client->disconnect();
    client->routing_id = identity;
    client->connect();
  }
  // Whoever came first has the name; the other gets nothing under it, and needs it not
  const auto first = one.hello(2000);
  const auto second = two.hello(2000);
  BOOST_TEST((first.has_value() || second.has_value()));
  two.disconnect();
  two.routing_id = std::string(200, 'x');
  two.connect();
  static_cast<void>(two.hello(500));
  two.disconnect();
  two.routing_id.clear();
  two.rejoin();
  check_neighbours(two, t.ana);
}

BOOST_FIXTURE_TEST_CASE(who_subscribes_to_everything_is_cut_off, Neighbours) {
  Socket socket = watched(t.mallory, SocketType::sub);
  socket.subscribe({});
  check_kicked(socket);
}

BOOST_FIXTURE_TEST_CASE(who_subscribes_to_a_prefix_is_cut_off, Neighbours) {
  Socket socket = watched(t.mallory, SocketType::sub);
  socket.subscribe(t.mallory.device.room("general").topic.view().first(8));
  check_kicked(socket);
}

BOOST_FIXTURE_TEST_CASE(who_subscribes_to_a_topic_that_is_not_theirs_is_cut_off, Neighbours) {
  Socket socket = watched(t.mallory, SocketType::sub);
  socket.subscribe(t.mallory.device.room("general").topic.view());
  Topic foreign = t.mallory.device.room("general").topic;
  foreign.bytes[0] ^= 1;
  socket.subscribe(foreign.view());
  check_kicked(socket);
}

BOOST_FIXTURE_TEST_CASE(who_subscribes_with_a_long_topic_is_cut_off, Neighbours) {
  Socket socket = watched(t.mallory, SocketType::xsub);
  // Not more: libzmq here keeps it in a tree a byte deep each, and walks that by recursion
  Bytes frame(16 * 1024, 7);
  frame[0] = 1;
  socket.send(frame);
  check_kicked(socket);
}

BOOST_FIXTURE_TEST_CASE(who_talks_on_the_broadcast_socket_is_cut_off, Neighbours) {
  Socket socket = watched(t.mallory, SocketType::xsub);
  BOOST_REQUIRE(wait_until([&] { return socket.send(as_bytes("hello there")); }, 20'000));
  check_kicked(socket);
}

BOOST_FIXTURE_TEST_CASE(subscribing_and_leaving_ten_thousand_times, Neighbours) {
  Socket socket = watched(t.mallory, SocketType::xsub);
  Bytes join{1}, leave{0};
  const auto topic = t.mallory.device.room("general").topic.view();
  join.insert(join.end(), topic.begin(), topic.end());
  leave.insert(leave.end(), topic.begin(), topic.end());
  for (int i = 0; i < 10'000; ++i) {
    socket.send(join);
    socket.send(leave);
  }
  check_neighbours(t.ana, t.beto);
}

BOOST_FIXTURE_TEST_CASE(made_up_topics_by_the_thousand_cost_nothing, Neighbours) {
  std::mt19937 random(20261123);
  for (int i = 0; i < 20; ++i) {
    Socket socket = watched(t.mallory, SocketType::xsub);
    for (int n = 0; n < 3'000; ++n) {
      Bytes frame = random_bytes(random, 1 + Topic::size_bytes);
      for (const bool joins : {true, false}) {
        frame[0] = joins ? 1 : 0;
        socket.send(frame);
      }
    }
    check_kicked(socket);
  }
}

BOOST_FIXTURE_TEST_CASE(an_invites_key_cannot_subscribe, Neighbours) {
  RawClient guest(t.broker.invite("guest"));
  Socket socket(guest.context(), guest.device.invite_key,
                {.type = SocketType::sub,
                 .address = t.mallory.device.broadcast,
                 .server = guest.device.server_curve,
                 .watch = true});
  socket.subscribe(t.mallory.device.room("general").topic.view());
  BOOST_TEST(wait_until([&] { return socket.counts().disconnected + socket.counts().refused > 0; },
                        20'000));
}

BOOST_AUTO_TEST_CASE(after_all_that_the_broker_has_not_grown) {
  Town& t = town();
  const std::size_t now = t.broker.process().rss_kib();
  BOOST_TEST_MESSAGE("resident: " << t.rss_at_start << " KiB before, " << now << " KiB after");
#ifndef TERTULIA_SANITIZED
  BOOST_TEST(now < t.rss_at_start + kGrowthMaxKib);
#endif
  BOOST_TEST(t.broker.stop().value_or(-1) == 0);
  BOOST_TEST(t.broker.verify() == "");
}

BOOST_AUTO_TEST_CASE(strangers_who_only_connect_take_nobody_s_place) {
  TestBroker broker({.config_more = "[limits]\nmax_connections = 100\n"});
  RawClient ana(broker.invite("ana"));
  std::vector<UniqueFd> strangers;
  for (int i = 0; i < 300; ++i) strangers.push_back(tcp(broker.command_port()));
  for (int i = 0; i < 300; ++i) strangers.push_back(tcp(broker.broadcast_port()));
  ana.join();
  // The first of them have been ended to bound them all
  for (const std::size_t first : {std::size_t{0}, std::size_t{300}}) {
    pollfd p{strangers[first].get(), POLLRDHUP, 0};
    BOOST_TEST(::poll(&p, 1, 5'000) == 1);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
