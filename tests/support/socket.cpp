#include "tests/support/socket.hpp"

#include <zmq.h>

#include <atomic>
#include <stdexcept>

#include "common/wire/frame.hpp"

namespace tertulia::test {

namespace {

[[noreturn]] void fail_zmq(const char* what) {
  throw std::runtime_error(std::string(what) + ": " + zmq_strerror(zmq_errno()));
}

void set(void* socket, int option, int value) {
  if (zmq_setsockopt(socket, option, &value, sizeof value) != 0) fail_zmq("zmq_setsockopt");
}

void set(void* socket, int option, ByteView value) {
  if (zmq_setsockopt(socket, option, value.data(), value.size()) != 0) fail_zmq("zmq_setsockopt");
}

int native(SocketType type) {
  switch (type) {
    case SocketType::dealer: return ZMQ_DEALER;
    case SocketType::sub: return ZMQ_SUB;
    case SocketType::xsub: return ZMQ_XSUB;
  }
  std::abort();
}

}  // namespace

Context::Context(int io_threads) : context_(zmq_ctx_new()) {
  if (context_ == nullptr) fail_zmq("zmq_ctx_new");
  zmq_ctx_set(context_, ZMQ_IO_THREADS, io_threads);
  zmq_ctx_set(context_, ZMQ_MAX_SOCKETS, 8192);
}

Context::~Context() { zmq_ctx_term(context_); }

Socket::Socket(Context& context, const crypto::CurveKey& own, const Options& o)
    : socket_(zmq_socket(context.get(), native(o.type))) {
  if (socket_ == nullptr) fail_zmq("zmq_socket");
  set(socket_, ZMQ_LINGER, 0);
  set(socket_, ZMQ_SNDHWM, 0);
  set(socket_, ZMQ_RCVHWM, o.lazy ? 1 : 0);
  if (o.lazy) set(socket_, ZMQ_RCVBUF, 4096);
  set(socket_, ZMQ_IPV6, 1);
  set(socket_, ZMQ_RECONNECT_IVL, 50);
  set(socket_, ZMQ_RECONNECT_IVL_MAX, 500);
  const std::int64_t bytes_max = wire::client_frame_bytes_max;
  if (zmq_setsockopt(socket_, ZMQ_MAXMSGSIZE, &bytes_max, sizeof bytes_max) != 0)
    fail_zmq("ZMQ_MAXMSGSIZE");
  if (!o.routing_id.empty()) set(socket_, ZMQ_ROUTING_ID, as_bytes(o.routing_id));
  if (!o.plain) {
    set(socket_, ZMQ_CURVE_SERVERKEY, o.server.view());
    set(socket_, ZMQ_CURVE_PUBLICKEY, own.public_key().view());
    set(socket_, ZMQ_CURVE_SECRETKEY, own.secret().view());
  }
  if (o.watch) watch(context);  // before the connect, so that it misses nothing
  if (zmq_connect(socket_, o.address.c_str()) != 0) fail_zmq(o.address.c_str());
}

Socket::~Socket() {
  // An event that finds the pair closed would block libzmq's I/O thread for ever.
  if (monitor_ != nullptr && socket_ != nullptr) zmq_socket_monitor(socket_, nullptr, 0);
  if (socket_ != nullptr) zmq_close(socket_);
  if (monitor_ != nullptr) zmq_close(monitor_);
}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(monitor_, other.monitor_);
  std::swap(counts_, other.counts_);
  return *this;
}

void Socket::watch(Context& context) {
  static std::atomic<unsigned> number{0};
  const std::string name = "inproc://watch-" + std::to_string(++number);
  if (zmq_socket_monitor(socket_, name.c_str(), ZMQ_EVENT_ALL) != 0) fail_zmq("zmq_socket_monitor");
  monitor_ = zmq_socket(context.get(), ZMQ_PAIR);
  set(monitor_, ZMQ_LINGER, 0);
  set(monitor_, ZMQ_RCVHWM, 0);  // nor may a full pair block it
  if (zmq_connect(monitor_, name.c_str()) != 0) fail_zmq("monitor");
}

const Socket::Counts& Socket::counts() {
  // Two frames an event: number(2, host order) ‖ value(4), then the address
  for (zmq_msg_t part; monitor_ != nullptr;) {
    zmq_msg_init(&part);
    if (zmq_msg_recv(&part, monitor_, ZMQ_DONTWAIT) < 0) break;
    std::uint16_t event = 0;
    std::memcpy(&event, zmq_msg_data(&part), sizeof event);
    zmq_msg_close(&part);
    zmq_msg_init(&part);
    zmq_msg_recv(&part, monitor_, 0);
    zmq_msg_close(&part);
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) ++counts_.connected;
    if (event == ZMQ_EVENT_DISCONNECTED) ++counts_.disconnected;
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH || event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ||
        event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
      ++counts_.refused;
  }
  return counts_;
}

bool Socket::send(ByteView frame, bool more) {
  const int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);
  if (zmq_send(socket_, frame.data(), frame.size(), flags) >= 0) return true;
  if (zmq_errno() == EAGAIN || zmq_errno() == EINTR) return false;
  fail_zmq("zmq_send");
}

bool Socket::receive(Bytes& out) {
  zmq_msg_t message;
  zmq_msg_init(&message);
  if (zmq_msg_recv(&message, socket_, ZMQ_DONTWAIT) < 0) {
    if (zmq_errno() == EAGAIN || zmq_errno() == EINTR) return false;
    fail_zmq("zmq_msg_recv");
  }
  const auto* data = static_cast<const std::uint8_t*>(zmq_msg_data(&message));
  out.assign(data, data + zmq_msg_size(&message));
  zmq_msg_close(&message);
  return true;
}

void Socket::subscribe(ByteView topic) { set(socket_, ZMQ_SUBSCRIBE, topic); }
void Socket::unsubscribe(ByteView topic) { set(socket_, ZMQ_UNSUBSCRIBE, topic); }

bool poll_readable(const std::vector<void*>& sockets, std::vector<bool>& readable,
                   std::uint64_t ms) {
  std::vector<zmq_pollitem_t> items;
  for (void* socket : sockets) items.push_back({socket, 0, ZMQ_POLLIN, 0});
  readable.assign(sockets.size(), false);
  const int n = zmq_poll(items.data(), static_cast<int>(items.size()), static_cast<long>(ms));
  if (n < 0 && zmq_errno() != EINTR) fail_zmq("zmq_poll");
  for (std::size_t i = 0; i < items.size(); ++i) readable[i] = (items[i].revents & ZMQ_POLLIN) != 0;
  return n > 0;
}

}  // namespace tertulia::test
