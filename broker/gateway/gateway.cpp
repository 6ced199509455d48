#include "broker/gateway/gateway.hpp"

#include <zmq.hpp>

#include "broker/auth/live_peers.hpp"
#include "broker/auth/server_socket.hpp"
#include "broker/flow/order_hold.hpp"
#include "broker/flow/reply.hpp"
#include "common/base/clock.hpp"
#include "common/wire/frame.hpp"

namespace tertulia::broker {

namespace {
constexpr std::size_t kHeaderBytes = 18;  // ver ‖ type ‖ request_id
constexpr std::size_t kRequestOffset = 2;
// How many frames one turn takes before answers get their turn.
constexpr std::size_t kFramesPerTurn = 512;
// Per peer. Small on the way in: a peer that is not read fast enough is slowed by its own TCP.
constexpr int kReceiveFramesMax = 64;
constexpr int kSendFramesMax = 1024;
}  // namespace

struct Gateway::Impl {
  Impl(Context& context, const crypto::CurveKey& transport, const GatewayOptions& options,
       const DirectoryCell& cell, LinkTable& links_in, Queue<Outgoing>& out,
       std::vector<Queue<Inbound>*> in, FloodGuard& floods, const ConnectionCaps& caps,
       Metrics& counters)
      : links(links_in),
        peers(cell, caps, &links_in),
        outgoing(out),
        workers(std::move(in)),
        guard(floods),
        metrics(counters),
        router(open_server_socket(
            context, transport,
            {.type = zmq::socket_type::router,
             .zap_domain = commands_domain,
             .io_thread = 0,
             .frame_bytes_max = static_cast<std::int64_t>(options.frame_bytes_max),
             .send_frames_max = kSendFramesMax,
             .receive_frames_max = kReceiveFramesMax,
             .handshake_ms = options.handshake_ms})),
        endpoint(bind_server_socket(router, options.endpoint, commands_monitor)) {}

  ~Impl() { close_server_socket(router); }  // for a start that failed half way

  LinkTable& links;
  LivePeers peers;
  Queue<Outgoing>& outgoing;
  const std::vector<Queue<Inbound>*> workers;
  FloodGuard& guard;
  Metrics& metrics;
  zmq::socket_t router;
  const std::string endpoint;
  OrderHold hold;
  std::atomic<bool> people_changed{false};
  std::atomic<bool> receiving{true};
  std::atomic<bool> stopping{false};
  std::thread thread;

  void run();
  bool receive_one();
  void send(const RoutingId& routing, Bytes&& frame);
  void notify(const Outgoing& notice);
};

void Gateway::Impl::run() {
  std::vector<Outgoing> answers;
  zmq_pollitem_t items[] = {{nullptr, outgoing.fd(), ZMQ_POLLIN, 0},
                            {router.handle(), 0, ZMQ_POLLIN, 0}};
  bool more_waits = false;
  for (;;) {
    const bool stop_now = stopping;  // read before the queue: what was pushed before it is sent
    if (!stop_now && zmq_poll(items, receiving ? 2 : 1, more_waits ? 0 : -1) < 0 &&
        zmq_errno() != EINTR)
      throw zmq::error_t();
    more_waits = false;
    peers.new_turn();
    if (receiving) {
      std::size_t taken = 0;
      while (taken < kFramesPerTurn && receive_one()) ++taken;
      more_waits = taken == kFramesPerTurn;
    }
    outgoing.take_all(answers);
    for (auto& a : answers) {
      if (a.to == nullptr)
        send(a.routing, std::move(a.frame));
      else
        notify(a);
    }
    const bool link_forgotten = links.take_forgotten();
    if (people_changed.exchange(false) || link_forgotten)
      metrics.add(Count::revoked_ended, peers.end_strangers());
    if (stop_now) break;
  }
  close_server_socket(router);
}

bool Gateway::Impl::receive_one() {
  zmq::message_t routing_frame, body;
  if (!router.recv(routing_frame, zmq::recv_flags::dontwait)) return false;
  std::size_t bodies = 0;
  for (bool more = routing_frame.more(); more;) {
    zmq::message_t part;
    // All parts of a message arrive together: this never waits.
    if (!router.recv(part, zmq::recv_flags::none)) break;
    more = part.more();
    if (++bodies == 1) body = std::move(part);
  }
  metrics.add(Count::frames_in);
  const int connection_fd = zmq_msg_get(body.handle(), ZMQ_SRCFD);
  guard.message_came(connection_fd);
  const auto key = key_of(body);
  if (!key) {
    metrics.add(Count::refused_no_identity);
    return true;
  }
  // Whatever it is that came: a connection that has spoken is one of its key's.
  const bool is_named = routing_frame.size() <= RoutingId::bytes_max;
  const auto crowded =
      peers.saw(*key, body,
                {static_cast<const std::uint8_t*>(routing_frame.data()),
                 is_named ? routing_frame.size() : 0});
  if (crowded > 0) metrics.add(Count::crowded_ended, crowded);
  if (bodies != 1 || !is_named) {
    metrics.add(Count::refused_multipart);
    return true;
  }
  if (body.size() < kHeaderBytes) {
    metrics.add(Count::refused_short);
    return true;
  }
  const auto* const data = body.data<std::uint8_t>();
  Inbound frame;
  frame.asker.routing.length = static_cast<std::uint8_t>(routing_frame.size());
  std::memcpy(frame.asker.routing.bytes.data(), routing_frame.data(), routing_frame.size());
  frame.asker.request = RequestId::from({data + kRequestOffset, RequestId::size_bytes});
  frame.asker.key = *key;
  frame.asker.connection_fd = connection_fd;
  frame.frame.assign(data, data + body.size());
  auto& worker = *workers[std::hash<CurvePublicKey>{}(*key) % workers.size()];
  const auto room = wire::submission_room(frame.frame);
  std::uint32_t wait_ms =
      room && !hold.empty() ? hold.wait_ms(frame.asker, *room, monotonic_ms()) : 0;
  const bool held = wait_ms > 0;
  if (held || !worker.push(std::move(frame), body.size())) {
    if (!held) {
      wait_ms = busy_retry_ms;
      if (room) hold.refused(frame.asker, *room, monotonic_ms(), wait_ms);
    }
    metrics.add(held ? Count::refused_behind : Count::refused_busy);
    send(frame.asker.routing, busy_frame(frame.asker, wait_ms).frame);
  }
  return true;
}

void Gateway::Impl::notify(const Outgoing& notice) {
  for (const CurvePublicKey& key : *notice.to)
    for (const RoutingId& routing : peers.routings(key)) send(routing, Bytes(notice.frame));
}

void Gateway::Impl::send(const RoutingId& routing, Bytes&& frame) {
  // With MANDATORY the first part says whether the peer is there and whether it reads.
  const auto id = routing.view();
  if (zmq_send(router.handle(), id.data(), id.size(), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
    const int err = zmq_errno();
    if (err == EHOSTUNREACH)
      metrics.add(Count::dropped_peer_gone);
    else if (err == EAGAIN)
      metrics.add(Count::dropped_peer_full);  // the client asks again
    else
      throw zmq::error_t();
    return;
  }
  zmq::message_t message = adopt(std::move(frame));
  if (zmq_msg_send(message.handle(), router.handle(), ZMQ_DONTWAIT) < 0) {
    if (zmq_errno() != EAGAIN && zmq_errno() != EHOSTUNREACH) throw zmq::error_t();
    metrics.add(Count::dropped_peer_gone);
    return;
  }
  metrics.add(Count::frames_out);
}

Gateway::Gateway(Context& context, const crypto::CurveKey& transport, const GatewayOptions& options,
                 const DirectoryCell& directory, LinkTable& links, Queue<Outgoing>& outgoing,
                 std::vector<Queue<Inbound>*> workers, FloodGuard& guard,
                 const ConnectionCaps& caps, Metrics& metrics)
    : impl_(std::make_unique<Impl>(context, transport, options, directory, links, outgoing,
                                   std::move(workers), guard, caps, metrics)) {}
Gateway::~Gateway() { stop(); }

void Gateway::start(FatalReport fatal) {
  impl_->thread = start_thread("t-gateway", std::move(fatal), [i = impl_.get()] { i->run(); });
}
void Gateway::end_strangers() {
  impl_->people_changed = true;
  impl_->outgoing.wake();
}
void Gateway::stop_receiving() {
  impl_->receiving = false;
  impl_->outgoing.wake();
}
void Gateway::stop() {
  if (!impl_->thread.joinable()) return;
  stop_receiving();
  impl_->stopping = true;
  impl_->outgoing.wake();
  impl_->thread.join();
}
const std::string& Gateway::endpoint() const { return impl_->endpoint; }

}  // namespace tertulia::broker
