#include "broker/auth/auth.hpp"

#include <zmq.hpp>

#include "broker/auth/flood_guard.hpp"
#include "broker/auth/server_socket.hpp"
#include "common/base/clock.hpp"
#include "common/base/queue.hpp"

namespace tertulia::broker {

namespace {
constexpr const char* kZapEndpoint = "inproc://zeromq.zap.01";
constexpr std::size_t kZapFramesMax = 16;

// A message with all its parts; those above the maximum are taken off the socket and forgotten.
bool receive_parts(zmq::socket_t& socket, std::vector<zmq::message_t>& parts, bool& too_many) {
  parts.clear();
  too_many = false;
  for (;;) {
    zmq::message_t part;
    if (!socket.recv(part, zmq::recv_flags::dontwait)) return !parts.empty();
    const bool more = part.more();
    if (parts.size() < kZapFramesMax)
      parts.push_back(std::move(part));
    else
      too_many = true;
    if (!more) return true;
  }
}
}  // namespace

struct AuthThread::Impl {
  Impl(Context& context, const DirectoryCell& cell, const LinkTable& open, FloodGuard& floods,
       Metrics& counters, std::uint64_t maximum)
      : directory(cell),
        links(open),
        guard(floods),
        metrics(counters),
        max_connections(maximum),
        zap(context.handle(), zmq::socket_type::rep),
        commands(context.handle(), zmq::socket_type::pair),
        broadcast(context.handle(), zmq::socket_type::pair) {
    for (auto* s : {&zap, &commands, &broadcast}) s->set(zmq::sockopt::linger, 0);
    // An io thread that reports an event must never wait for this thread.
    for (auto* s : {&commands, &broadcast}) s->set(zmq::sockopt::rcvhwm, 0);
    zap.bind(kZapEndpoint);
    commands.connect(commands_monitor);
    broadcast.connect(broadcast_monitor);
  }

  const DirectoryCell& directory;
  const LinkTable& links;
  FloodGuard& guard;
  Metrics& metrics;
  std::atomic<std::uint64_t> max_connections;
  zmq::socket_t zap, commands, broadcast;
  Queue<int> stop{1};  // anything in it: end
  std::thread thread;

  void run();
  void hear_events();
  void count_events(zmq::socket_t& monitor, FloodGuard::Door door,
                    std::atomic<std::uint64_t>& connections);
  void answer_one(std::vector<zmq::message_t>& request, bool too_many);
  std::pair<const char*, const char*> decide(const std::vector<zmq::message_t>& request,
                                             std::string& user_id);
};

void AuthThread::Impl::run() {
  std::vector<zmq::message_t> parts;
  bool too_many = false;
  zmq_pollitem_t items[] = {{zap.handle(), 0, ZMQ_POLLIN, 0},
                            {commands.handle(), 0, ZMQ_POLLIN, 0},
                            {broadcast.handle(), 0, ZMQ_POLLIN, 0},
                            {nullptr, stop.fd(), ZMQ_POLLIN, 0}};
  std::uint64_t next_sweep_ms = 0;
  std::vector<int> stops;
  for (;;) {
    const long timeout_ms = guard.watches() ? FloodGuard::sweep_ms : -1;
    if (zmq_poll(items, 4, timeout_ms) < 0 && zmq_errno() != EINTR) throw zmq::error_t();
    stop.take_all(stops);
    if (!stops.empty()) return;
    hear_events();
    while (receive_parts(zap, parts, too_many)) {
      // The connection is known before it is let in and can say something.
      hear_events();
      answer_one(parts, too_many);
    }
    if (guard.watches() && monotonic_ms() >= next_sweep_ms) {
      if (const auto ended = guard.sweep(); ended > 0) metrics.add(Count::floods_ended, ended);
      next_sweep_ms = monotonic_ms() + FloodGuard::sweep_ms;
    }
  }
}

void AuthThread::Impl::hear_events() {
  count_events(commands, FloodGuard::Door::commands, metrics.connections_commands);
  count_events(broadcast, FloodGuard::Door::broadcast, metrics.connections_broadcast);
}

void AuthThread::Impl::count_events(zmq::socket_t& monitor, FloodGuard::Door door,
                                    std::atomic<std::uint64_t>& connections) {
  bool more = false;
  std::vector<zmq::message_t> parts;
  bool too_many = false;
  while (receive_parts(monitor, parts, too_many)) {
    std::uint16_t event = 0;  // both in the machine's byte order
    std::uint32_t fd = 0;
    if (parts[0].size() < sizeof event + sizeof fd) continue;
    std::memcpy(&event, parts[0].data(), sizeof event);
    std::memcpy(&fd, parts[0].data<char>() + sizeof event, sizeof fd);
    if (event == ZMQ_EVENT_ACCEPTED) {
      ++connections;
      more = true;
      guard.opened(static_cast<int>(fd), door);
    } else if (event == ZMQ_EVENT_DISCONNECTED && connections > 0) {
      --connections;
      guard.closed(static_cast<int>(fd), door);
    }
  }
  if (more && connections > FloodGuard::silent_max)
    if (const auto ended = guard.end_silent(door); ended > 0)
      metrics.add(Count::silent_ended, ended);
}

std::pair<const char*, const char*> AuthThread::Impl::decide(const std::vector<zmq::message_t>& r,
                                                             std::string& user_id) {
  const auto text = [&](std::size_t i) { return r[i].to_string_view(); };
  // version, request id, domain, address, routing id, mechanism, CURVE key
  if (r.size() != 7 || text(0) != "1.0" || text(5) != "CURVE" || r[6].size() != 32) {
    metrics.add(Count::handshakes_refused_malformed);
    return {"400", "Malformed"};
  }
  std::uint64_t connections = 0;
  auto door = FloodGuard::Door::commands;
  if (text(2) == commands_domain) {
    connections = metrics.connections_commands;
  } else if (text(2) == broadcast_domain) {
    connections = metrics.connections_broadcast;
    door = FloodGuard::Door::broadcast;
  } else {
    metrics.add(Count::handshakes_refused_malformed);
    return {"400", "Unknown domain"};
  }
  const auto key = CurvePublicKey::from({static_cast<const std::uint8_t*>(r[6].data()), 32});
  const auto snapshot = directory.load();
  const bool guest_may = text(2) == commands_domain &&
                         (snapshot->invite_of(key) != nullptr || links.find(key, monotonic_ms()));
  if (snapshot->device_of(key) == nullptr && !guest_may) {
    metrics.add(Count::handshakes_refused_key);
    return {"400", "Unknown key"};
  }
  // Strangers who have only connected do not take the places of those who may come in.
  const std::uint64_t maximum = max_connections;
  if (connections > maximum && guard.spoken(door) >= maximum) {
    metrics.add(Count::handshakes_refused_full);
    // Not 300: libzmq then ends the connection without a word, and the client takes it for a server
    // with another key. 500 reaches it, and says that it is not the key.
    return {"500", "Too many connections"};
  }
  metrics.add(Count::handshakes_accepted);
  user_id = to_hex(key.view());
  return {"200", "OK"};
}

void AuthThread::Impl::answer_one(std::vector<zmq::message_t>& request, bool too_many) {
  if (too_many) request.clear();
  std::string user_id;
  const auto [status, reason] = decide(request, user_id);
  const std::string request_id = request.size() > 1 ? request[1].to_string() : std::string();
  const std::string_view parts[] = {"1.0", request_id, status, reason, user_id, ""};
  for (std::size_t i = 0; i < 6; ++i) {
    zmq::message_t part(parts[i].data(), parts[i].size());
    zap.send(part, i < 5 ? zmq::send_flags::sndmore : zmq::send_flags::none);
  }
}

AuthThread::AuthThread(Context& context, const DirectoryCell& directory, const LinkTable& links,
                       FloodGuard& guard, Metrics& metrics, std::uint64_t max_connections,
                       FatalReport fatal)
    : impl_(std::make_unique<Impl>(context, directory, links, guard, metrics, max_connections)) {
  impl_->thread = start_thread("t-auth", std::move(fatal), [i = impl_.get()] { i->run(); });
}

void AuthThread::set_max_connections(std::uint64_t maximum) { impl_->max_connections = maximum; }

Pulse AuthThread::pulse() const { return pulse_of("t-auth", impl_->stop); }

AuthThread::~AuthThread() {
  impl_->stop.push_always(1);
  impl_->thread.join();
}

}  // namespace tertulia::broker
