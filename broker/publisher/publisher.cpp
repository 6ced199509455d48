#include "broker/publisher/publisher.hpp"

#include <algorithm>
#include <zmq.hpp>

#include "broker/auth/live_peers.hpp"
#include "broker/auth/server_socket.hpp"
#include "broker/publisher/console.hpp"
#include "broker/publisher/packing.hpp"
#include "common/wire/frame.hpp"

namespace tertulia::broker {

namespace {
// A subscription is 17 bytes; CURVE's INITIATE, a few hundred, must pass as well.
constexpr std::int64_t kUpstreamBytesMax = 2048;
// Per subscriber; beyond it PUB drops, and room_seq shows it. Frames are shared between subscribers,
// so that those who do not read cost 1,000 frames of 256 KiB together at worst.
constexpr int kSendFramesMax = 1000;
constexpr int kReceiveFramesMax = 256;  // per subscriber
constexpr std::size_t kSubscriptionsPerTurn = 1024;
}  // namespace

struct Publisher::Impl {
  Impl(Context& context, const crypto::CurveKey& transport, const PublisherOptions& o,
       const DirectoryCell& cell, Queue<Committed>& in, FloodGuard& floods,
       const ConnectionCaps& caps, Metrics& counters)
      : options(o),
        directory(cell),
        queue(in),
        guard(floods),
        metrics(counters),
        xpub(open_server_socket(context, transport,
                                {.type = zmq::socket_type::xpub,
                                 .zap_domain = broadcast_domain,
                                 .io_thread = 1,
                                 .frame_bytes_max = kUpstreamBytesMax,
                                 .send_frames_max = kSendFramesMax,
                                 .receive_frames_max = kReceiveFramesMax,
                                 .handshake_ms = o.handshake_ms})),
        endpoint(bind_server_socket(xpub, o.endpoint, broadcast_monitor)),
        peers(cell, caps) {}

  ~Impl() { close_server_socket(xpub); }  // for a start that failed half way

  const PublisherOptions options;
  const DirectoryCell& directory;
  Queue<Committed>& queue;
  std::atomic<Console*> console{nullptr};
  FloodGuard& guard;
  Metrics& metrics;
  zmq::socket_t xpub;
  const std::string endpoint;
  // How many subscriptions a topic has, never too few: a cancellation that a peer sends does not
  // count (it may cancel what it never had), one that libzmq makes when a connection ends does.
  std::unordered_map<Topic, std::uint64_t> listeners;
  LivePeers peers;
  std::atomic<bool> people_changed{false};
  std::atomic<bool> stopping{false};
  std::thread thread;

  void run();
  bool hear_one();
  void subscribe(zmq::message_t& message);
  void cancelled(zmq::message_t& message);
  void publish(const std::vector<Committed>& batch);
  void send(const Topic& topic, Bytes&& frame);
};

void Publisher::Impl::run() {
  std::vector<Committed> batch;
  zmq_pollitem_t items[] = {{nullptr, queue.fd(), ZMQ_POLLIN, 0},
                            {xpub.handle(), 0, ZMQ_POLLIN, 0}};
  bool more_waits = false;
  for (;;) {
    const bool last_turn = stopping;
    if (!last_turn && zmq_poll(items, 2, more_waits ? 0 : -1) < 0 && zmq_errno() != EINTR)
      throw zmq::error_t();
    peers.new_turn();
    std::size_t heard = 0;
    while (heard < kSubscriptionsPerTurn && hear_one()) ++heard;
    more_waits = heard == kSubscriptionsPerTurn;
    queue.take_all(batch);
    if (people_changed.exchange(false)) metrics.add(Count::revoked_ended, peers.end_strangers());
    if (!batch.empty()) publish(batch);
    if (last_turn) break;
  }
  close_server_socket(xpub);
}

bool Publisher::Impl::hear_one() {
  zmq::message_t message;
  if (!xpub.recv(message, zmq::recv_flags::dontwait)) return false;
  bool multipart = false;
  for (bool more = message.more(); more;) {
    zmq::message_t part;
    if (!xpub.recv(part, zmq::recv_flags::dontwait)) break;
    more = part.more();
    multipart = true;
  }
  guard.message_came(zmq_msg_get(message.handle(), ZMQ_SRCFD));
  // What has no key is of a connection that ended.
  if (const auto key = key_of(message))
    if (const auto crowded = peers.saw(*key, message); crowded > 0)
      metrics.add(Count::crowded_ended, crowded);
  const std::uint8_t first = message.size() > 0 ? *message.data<std::uint8_t>() : 0xff;
  if (multipart || first > 1) {
    metrics.add(Count::subscriber_messages);
    shut_down_peer(message);
  } else if (first == 1) {
    subscribe(message);
  } else {
    cancelled(message);
  }
  return true;
}

void Publisher::Impl::subscribe(zmq::message_t& message) {
  const auto topic = Topic::parse({message.data<std::uint8_t>() + 1, message.size() - 1});
  const auto key = key_of(message);
  const auto snapshot = directory.load();
  const Device* const device = key ? snapshot->device_of(*key) : nullptr;
  // Also a refused one is in libzmq's trie until the connection ends, and is cancelled then. What is
  // no room's topic is never published and not counted: made-up topics would grow the table.
  if (topic && snapshot->is_topic(*topic)) ++listeners[*topic];
  if (!topic || device == nullptr || !snapshot->may_subscribe(device->user, *topic)) {
    metrics.add(Count::subscriptions_refused);
    shut_down_peer(message);
    return;
  }
  metrics.add(Count::subscriptions);
}

void Publisher::Impl::cancelled(zmq::message_t& message) {
  if (zmq_msg_gets(message.handle(), "User-Id") != nullptr) return;
  const auto topic = Topic::parse({message.data<std::uint8_t>() + 1, message.size() - 1});
  if (!topic) return;
  const auto found = listeners.find(*topic);
  if (found == listeners.end()) return;
  if (--found->second == 0) listeners.erase(found);
}

void Publisher::Impl::send(const Topic& topic, Bytes&& frame) {
  auto message = adopt(std::move(frame));
  const std::size_t bytes = message.size();
  // XPUB never blocks and never answers EAGAIN: a subscriber at its HWM misses the frame.
  xpub.send(message, zmq::send_flags::dontwait);
  metrics.add(Count::broadcast_bytes, bytes);
  metrics.add(Count::deliveries, listeners[topic]);
}

void Publisher::Impl::publish(const std::vector<Committed>& batch) {
  metrics.add(Count::batches, batch.size());
  for (auto& p : pack(batch, [this](const Topic& t) { return listeners.contains(t); })) {
    // One sealing for all inboxes of a direct room: the topic is not among what is sealed.
    wire::DownHeader header;
    header.type = wire::DownType::batch;
    header.count = p.count;
    header.key = p.keys->current.id;
    header.frame_key = options.frame_key;
    header.first_room_seq = p.first_room_seq;
    Bytes frame = wire::seal_down(p.topics.front(), header, p.keys->current, options.server,
                                  p.room, p.entries);
    metrics.add(Count::frames_sealed);
    for (std::size_t i = 1; i < p.topics.size(); ++i) {
      Bytes other = frame;
      std::copy(p.topics[i].bytes.begin(), p.topics[i].bytes.end(), other.begin());
      send(p.topics[i], std::move(other));
    }
    send(p.topics.front(), std::move(frame));
  }
  if (Console* const shown = console; shown != nullptr)
    for (const auto& committed : batch) shown->show(committed);
}

Publisher::Publisher(Context& context, const crypto::CurveKey& transport,
                     const PublisherOptions& options, const DirectoryCell& directory,
                     Queue<Committed>& queue, FloodGuard& guard, const ConnectionCaps& caps,
                     Metrics& metrics)
    : impl_(std::make_unique<Impl>(context, transport, options, directory, queue, guard, caps, metrics)) {
}
Publisher::~Publisher() { stop(); }

void Publisher::start(FatalReport fatal) {
  impl_->thread = start_thread("t-publisher", std::move(fatal), [i = impl_.get()] { i->run(); });
}
void Publisher::stop() {
  if (!impl_->thread.joinable()) return;
  impl_->stopping = true;
  impl_->queue.wake();
  impl_->thread.join();
}
void Publisher::end_strangers() {
  impl_->people_changed = true;
  impl_->queue.wake();
}
void Publisher::show_on(Console* console) { impl_->console = console; }
const std::string& Publisher::endpoint() const { return impl_->endpoint; }
std::string Publisher::port() const { return port_of(impl_->endpoint); }

}  // namespace tertulia::broker
