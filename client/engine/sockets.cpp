#include "client/engine/sockets.hpp"

#include <fmt/format.h>

#include <atomic>
#include <charconv>
#include <utility>

#include "common/wire/frame.hpp"

namespace tertulia::client {

namespace {
constexpr int kHandshakeMsMax = 10'000;
constexpr int kConnectMsMax = 5'000;
constexpr int kReconnectMsMax = 30'000;

void set_common(zmq::socket_t& socket, const CurveIdentity& identity) {
  socket.set(zmq::sockopt::ipv6, 1);
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(wire::client_frame_bytes_max));
  socket.set(zmq::sockopt::rcvhwm, 0);
  socket.set(zmq::sockopt::sndhwm, 0);
  socket.set(zmq::sockopt::handshake_ivl, kHandshakeMsMax);
  socket.set(zmq::sockopt::connect_timeout, kConnectMsMax);
  socket.set(zmq::sockopt::tcp_keepalive, 1);
  socket.set(zmq::sockopt::tcp_keepalive_idle, 30);
  socket.set(zmq::sockopt::tcp_keepalive_intvl, 10);
  socket.set(zmq::sockopt::tcp_keepalive_cnt, 3);
  const auto raw = [](const auto& key) { return zmq::const_buffer(key.data(), 32); };
  socket.set(zmq::sockopt::curve_serverkey, raw(identity.server));
  socket.set(zmq::sockopt::curve_publickey, raw(identity.public_key));
  socket.set(zmq::sockopt::curve_secretkey, raw(identity.secret));
}
}  // namespace

zmq::socket_t make_dealer(zmq::context_t& context, const CurveIdentity& identity) {
  zmq::socket_t socket(context, zmq::socket_type::dealer);
  set_common(socket, identity);
  socket.set(zmq::sockopt::reconnect_ivl, -1);
  return socket;
}

zmq::socket_t make_sub(zmq::context_t& context, const CurveIdentity& identity) {
  zmq::socket_t socket(context, zmq::socket_type::sub);
  set_common(socket, identity);
  // libzmq spreads only what it adds to this base.
  socket.set(zmq::sockopt::reconnect_ivl, static_cast<int>(1000 + randombytes_uniform(2000)));
  socket.set(zmq::sockopt::reconnect_ivl_max, kReconnectMsMax);
  return socket;
}

bool send_frame(zmq::socket_t& socket, ByteView frame) {
  return socket.send(zmq::const_buffer(frame.data(), frame.size()), zmq::send_flags::dontwait)
      .has_value();
}

bool receive_frame(zmq::socket_t& socket, zmq::message_t& frame) {
  while (socket.recv(frame, zmq::recv_flags::dontwait)) {
    if (!frame.more()) return true;
    while (frame.more())
      if (!socket.recv(frame, zmq::recv_flags::dontwait)) return false;
  }
  return false;
}

std::string normalised_address(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (text.starts_with("tcp://")) text.remove_prefix(6);
  if (text.empty() || text.find_first_of(" /\t\n@") != std::string_view::npos) return {};
  std::string host(text), port = std::to_string(command_port_default);
  const auto colon = text.rfind(':');
  const bool bracketed = text.front() == '[';
  const bool bare_v6 = !bracketed && std::count(text.begin(), text.end(), ':') > 1;
  const auto bracket = text.rfind(']');
  if (bracketed && bracket == std::string_view::npos) return {};
  if (!bare_v6 && colon != std::string_view::npos && (!bracketed || colon > bracket)) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (bare_v6) host = "[" + host + "]";
  int number = 0;
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
  if (host.empty() || parsed.ec != std::errc{} || parsed.ptr != port.data() + port.size() ||
      number < 1 || number > 65535)
    return {};
  return fmt::format("tcp://{}:{}", host, number);
}

std::string broadcast_address(const std::string& broadcast, const std::string& command) {
  constexpr std::string_view kAnyHost = "tcp://*:";
  if (!broadcast.starts_with(kAnyHost)) return normalised_address(broadcast);
  const auto colon = command.rfind(':');
  if (colon == std::string::npos) return {};
  return command.substr(0, colon + 1) + broadcast.substr(kAnyHost.size());
}

Monitor::Monitor(zmq::context_t& context, zmq::socket_t& watched)
    : watched_(watched.handle()), pair_(context, zmq::socket_type::pair) {
  static std::atomic<std::uint64_t> count{0};
  const std::string endpoint = fmt::format("inproc://engine-monitor-{}", ++count);
  if (zmq_socket_monitor(watched.handle(), endpoint.c_str(),
                         ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED |
                             ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                             ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                             ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) != 0)
    throw zmq::error_t();
  pair_.set(zmq::sockopt::linger, 0);
  pair_.set(zmq::sockopt::rcvhwm, 0);  // nor may a full pair block it
  pair_.connect(endpoint);
}
Monitor::~Monitor() {
  // Fails only when the context has ended, and with it every event.
  if (watched_ != nullptr) zmq_socket_monitor(watched_, nullptr, 0);
}
Monitor::Monitor(Monitor&& other) noexcept
    : watched_(std::exchange(other.watched_, nullptr)), pair_(std::move(other.pair_)) {}

std::optional<SocketEvent> Monitor::next() {
  zmq::message_t event, address;
  if (!pair_.recv(event, zmq::recv_flags::dontwait)) return std::nullopt;
  if (event.more()) static_cast<void>(pair_.recv(address, zmq::recv_flags::dontwait));
  SocketEvent out;
  if (event.size() < 6) return out;
  std::memcpy(&out.event, event.data(), 2);
  std::memcpy(&out.value, static_cast<const char*>(event.data()) + 2, 4);
  return out;
}

}  // namespace tertulia::client
