#include "broker/auth/server_socket.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <stdexcept>

namespace tertulia::broker {

namespace {
// ZMQ_ZAP_ENFORCE_DOMAIN is behind the draft API in 4.3.4's header but always in the library.
constexpr int kZapEnforceDomain = 93;
constexpr int kBacklog = 512;  // the default of 100 overflows when everybody reconnects at once
// TCP_USER_TIMEOUT: a peer that is gone, or that does not read, is given up after this.
constexpr int kRetransmitMs = 30'000;
constexpr int kKeepaliveIdleS = 30;
constexpr int kKeepaliveIntervalS = 10;
constexpr int kKeepaliveCount = 3;
constexpr int kLingerMs = 200;
constexpr std::size_t kCopyBytesMax = 1024;

template <class T>
void set(zmq::socket_t& s, int option, const T& value, std::size_t size = sizeof(T)) {
  if (zmq_setsockopt(s.handle(), option, &value, size) != 0) throw zmq::error_t();
}
void set_bytes(zmq::socket_t& s, int option, const void* data, std::size_t size) {
  if (zmq_setsockopt(s.handle(), option, data, size) != 0) throw zmq::error_t();
}
}  // namespace

zmq::socket_t open_server_socket(Context& context, const crypto::CurveKey& transport,
                                 const SocketOptions& o) {
  zmq::socket_t s(context.handle(), o.type);
  set<int>(s, ZMQ_IPV6, 1);
  set<int>(s, ZMQ_LINGER, kLingerMs);
  set<std::int64_t>(s, ZMQ_MAXMSGSIZE, o.frame_bytes_max);
  set<int>(s, ZMQ_SNDHWM, o.send_frames_max);
  set<int>(s, ZMQ_RCVHWM, o.receive_frames_max);
  set<int>(s, ZMQ_BACKLOG, kBacklog);
  set<int>(s, ZMQ_HANDSHAKE_IVL, o.handshake_ms);
  set<int>(s, ZMQ_TCP_KEEPALIVE, 1);
  set<int>(s, ZMQ_TCP_KEEPALIVE_IDLE, kKeepaliveIdleS);
  set<int>(s, ZMQ_TCP_KEEPALIVE_INTVL, kKeepaliveIntervalS);
  set<int>(s, ZMQ_TCP_KEEPALIVE_CNT, kKeepaliveCount);
  set<int>(s, ZMQ_TCP_MAXRT, kRetransmitMs);
  const int threads = context.io_threads();
  set<std::uint64_t>(s, ZMQ_AFFINITY,
                     std::uint64_t{1} << (o.io_thread % static_cast<std::uint64_t>(threads)));
  set_bytes(s, ZMQ_ZAP_DOMAIN, o.zap_domain, std::strlen(o.zap_domain));
  // Without this, CURVE with no ZAP handler running lets everybody in.
  set<int>(s, kZapEnforceDomain, 1);
  set<int>(s, ZMQ_CURVE_SERVER, 1);
  set_bytes(s, ZMQ_CURVE_SECRETKEY, transport.secret().data(), 32);
  if (o.type == zmq::socket_type::router) {
    set<int>(s, ZMQ_ROUTER_MANDATORY, 1);
    set<int>(s, ZMQ_ROUTER_HANDOVER, 0);
  } else {
    // Not XPUB_MANUAL: an upstream message shifts its queue, one user's grant lands on another.
    // Not XPUB_NODROP: one slow subscriber would hold up everybody.
    set<int>(s, ZMQ_XPUB_VERBOSER, 1);
  }
  return s;
}

void close_server_socket(zmq::socket_t& socket) {
  if (!socket) return;
  // Fails only when the context has ended, and with it every event.
  zmq_socket_monitor(socket.handle(), nullptr, 0);
  socket.close();
}

std::string bind_server_socket(zmq::socket_t& socket, const std::string& endpoint,
                               const char* monitor) {
  if (zmq_socket_monitor(socket.handle(), monitor, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED) !=
      0)
    throw zmq::error_t();
  if (zmq_bind(socket.handle(), endpoint.c_str()) != 0) {
    const int err = zmq_errno();
    const char* hint = "";
    if (err == EADDRINUSE) hint = " Another program (another broker?) listens there.";
    if (err == EACCES) hint = " Ports below 1024 need CAP_NET_BIND_SERVICE.";
    if (err == ENODEV || err == EADDRNOTAVAIL) hint = " This machine has no such address.";
    throw std::runtime_error(
        fmt::format("Cannot listen on {}: {}.{}", endpoint, zmq_strerror(err), hint));
  }
  char real[256] = {};
  std::size_t size = sizeof real;
  if (zmq_getsockopt(socket.handle(), ZMQ_LAST_ENDPOINT, real, &size) != 0) throw zmq::error_t();
  // With IPV6 libzmq names an IPv4 address as a mapped one.
  constexpr std::string_view kMapped = "tcp://[::ffff:";
  std::string name = real;
  const auto end = name.find(']');
  if (name.starts_with(kMapped) && name.find('.') < end)
    name = "tcp://" + name.substr(kMapped.size(), end - kMapped.size()) + name.substr(end + 1);
  return name;
}

std::string port_of(const std::string& endpoint) {
  const auto colon = endpoint.rfind(':');
  return colon == std::string::npos ? std::string() : endpoint.substr(colon + 1);
}

zmq::message_t adopt(Bytes&& bytes) {
  if (bytes.size() <= kCopyBytesMax) return zmq::message_t(bytes.data(), bytes.size());
  auto owner = std::make_unique<Bytes>(std::move(bytes));
  void* const data = owner->data();
  const std::size_t size = owner->size();
  zmq::message_t message(
      data, size, [](void*, void* hint) { delete static_cast<Bytes*>(hint); }, owner.get());
  owner.release();
  return message;
}

std::optional<CurvePublicKey> key_of(zmq::message_t& body) {
  const char* const text = zmq_msg_gets(body.handle(), "User-Id");
  if (text == nullptr) return std::nullopt;
  const std::string_view hex(text);
  if (hex.size() != 2 * CurvePublicKey::size_bytes) return std::nullopt;
  CurvePublicKey key;
  for (std::size_t i = 0; i < key.size(); ++i) {
    unsigned value = 0;
    for (char c : {hex[2 * i], hex[2 * i + 1]}) {
      value <<= 4;
      if (c >= '0' && c <= '9')
        value |= static_cast<unsigned>(c - '0');
      else if (c >= 'a' && c <= 'f')
        value |= static_cast<unsigned>(c - 'a' + 10);
      else
        return std::nullopt;
    }
    key.bytes[i] = static_cast<std::uint8_t>(value);
  }
  if (key.is_zero()) return std::nullopt;
  return key;
}

bool shut_down_peer(zmq::message_t& body) {
  const int fd = zmq_msg_get(body.handle(), ZMQ_SRCFD);
  const char* const said = zmq_msg_gets(body.handle(), "Peer-Address");
  if (fd < 0 || said == nullptr) return false;
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return false;
  // As libzmq made the property, an IPv6 scope included.
  char text[NI_MAXHOST] = {};
  if (::getnameinfo(reinterpret_cast<sockaddr*>(&peer), size, text, sizeof text, nullptr, 0,
                    NI_NUMERICHOST) != 0 ||
      std::string_view(said) != text)
    return false;
  return ::shutdown(fd, SHUT_RDWR) == 0;
}

}  // namespace tertulia::broker
