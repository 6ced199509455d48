// FloodGuard: a connection that receives and receives and never completes a message is ended; one
// that completes messages may receive as much as it likes.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "broker/auth/flood_guard.hpp"
#include "common/base/bytes.hpp"
#include "common/base/file.hpp"

using namespace tertulia;
using namespace tertulia::broker;

namespace {
using Door = FloodGuard::Door;

// Both ends of a TCP connection over loopback; the far end's bytes are read and forgotten.
struct Line {
  explicit Line(FloodGuard& guard) {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    BOOST_REQUIRE(::bind(listener.get(), any, size) == 0 && ::listen(listener.get(), 1) == 0);
    BOOST_REQUIRE(::getsockname(listener.get(), any, &size) == 0);
    peer.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    BOOST_REQUIRE(::connect(peer.get(), any, size) == 0);
    broker.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    BOOST_REQUIRE(broker);
    guard.opened(broker.get(), Door::commands);
  }
  void receive(std::size_t bytes) {
    const Bytes block(1 << 20, 1);
    Bytes in(1 << 20);
    std::thread sender([&] {
      for (std::size_t sent = 0; sent < bytes;) {
        const ssize_t n =
            ::send(peer.get(), block.data(), std::min(block.size(), bytes - sent), MSG_NOSIGNAL);
        if (n <= 0) return;
        sent += static_cast<std::size_t>(n);
      }
    });
    for (std::size_t got = 0; got < bytes;) {
      const ssize_t n = ::recv(broker.get(), in.data(), in.size(), 0);
      if (n <= 0) break;
      got += static_cast<std::size_t>(n);
    }
    sender.join();
  }
  bool is_open() {
    std::uint8_t byte = 0;
    return ::recv(peer.get(), &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }
  UniqueFd peer, broker;
};

struct Fixture {
  FloodGuard guard;
  Line line{guard};
};
}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_auth_flood, Fixture)

BOOST_AUTO_TEST_CASE(bytes_without_a_message_end_the_connection) {
  line.receive(FloodGuard::bytes_max / 2);
  BOOST_TEST(guard.sweep() == 0u);
  BOOST_TEST(line.is_open());
  line.receive(FloodGuard::bytes_max);
  BOOST_TEST(guard.sweep() == 1u);
  BOOST_TEST(!line.is_open());
}

BOOST_AUTO_TEST_CASE(a_busy_connection_stays) {
  for (int i = 0; i < 3; ++i) {
    line.receive(FloodGuard::bytes_max);
    guard.message_came(line.broker.get());
    BOOST_TEST(guard.sweep() == 0u);
  }
  BOOST_TEST(line.is_open());
}

BOOST_AUTO_TEST_CASE(a_closed_connection_is_forgotten) {
  line.receive(2 * FloodGuard::bytes_max);
  guard.closed(line.broker.get(), Door::commands);
  BOOST_TEST(!guard.watches());
  BOOST_TEST(guard.sweep() == 0u);
  BOOST_TEST(line.is_open());
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_the_other_door_has_opened_stays_watched) {
  guard.closed(line.broker.get(), Door::broadcast);
  BOOST_TEST(guard.watches());
}

BOOST_AUTO_TEST_CASE(many_who_each_stay_below_the_limit_are_ended_together) {
  std::vector<std::unique_ptr<Line>> lines;
  for (int i = 0; i < 5; ++i) lines.push_back(std::make_unique<Line>(guard));
  BOOST_TEST(guard.sweep() == 0u);
  for (auto& l : lines) l->receive(FloodGuard::bytes_max / 8 * 7);
  BOOST_TEST(guard.sweep() == 1u);
  BOOST_TEST(guard.sweep() == 0u);
  BOOST_TEST(line.is_open());
}

BOOST_AUTO_TEST_CASE(the_oldest_of_too_many_silent_ones_are_ended) {
  guard.message_came(line.broker.get());
  std::vector<std::unique_ptr<Line>> silent;
  for (std::size_t i = 0; i < FloodGuard::silent_max; ++i)
    silent.push_back(std::make_unique<Line>(guard));
  BOOST_TEST(guard.spoken(Door::commands) == 1u);
  BOOST_TEST(guard.end_silent(Door::commands) == 0u);
  silent.push_back(std::make_unique<Line>(guard));
  BOOST_TEST(guard.end_silent(Door::broadcast) == 0u);
  BOOST_TEST(guard.end_silent(Door::commands) == 1u);
  BOOST_TEST(!silent.front()->is_open());
  BOOST_TEST(silent.back()->is_open());
  BOOST_TEST(line.is_open());
  BOOST_TEST(guard.end_silent(Door::commands) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
