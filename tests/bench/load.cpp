#include "tests/bench/load.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "common/base/clock.hpp"
#include "common/base/uuid7.hpp"

namespace tertulia::bench {

namespace {

constexpr std::uint64_t kAnswerMs = 20'000;

pb::Reply exchange(Socket& socket, const pb::Request& request) {
  const RequestId id = random_request_id();
  if (!socket.send(RawDevice::request_frame(id, request)))
    throw std::runtime_error("the command socket takes no request");
  const std::uint64_t started = monotonic_ms();
  std::vector<bool> readable;
  Bytes frame;
  while (monotonic_ms() - started < kAnswerMs) {
    test::poll_readable({socket.get()}, readable, 1000);
    while (socket.receive(frame)) {
      auto reply = RawDevice::read_reply(frame);
      if (!reply) throw std::runtime_error("the broker sent a frame that is no reply");
      if (reply->first == id) return std::move(reply->second);
    }
  }
  throw std::runtime_error("no answer within 20 s");
}

void require(const pb::Reply& reply, bool good) {
  if (!good)
    throw std::runtime_error(reply.has_error() ? "refused: " + reply.error().text()
                                               : std::string("an unexpected reply"));
}

}  // namespace

pb::Reply Peer::ask(const pb::Request& request) { return exchange(*commands, request); }

std::unique_ptr<Peer> enrol_peer(Context& context, const std::string& invite_text) {
  const auto invite = wire::decode_invite(invite_text);
  if (!invite) throw std::runtime_error(wire::invite_error_text(invite.error()));
  auto peer = std::make_unique<Peer>(*invite);
  Socket::Options options;
  options.address = invite->addresses.front();
  options.server = invite->server_curve;
  Socket enrolment(context, peer->device.invite_key, options);
  const pb::Reply reply = exchange(enrolment, peer->device.enrol_request("", "bench"));
  require(reply, reply.has_enrolled());
  return peer;
}

void connect_peer(Context& context, Peer& peer) {
  RawDevice& device = peer.device;
  Socket::Options options;
  options.address = device.commands;
  options.server = device.server_curve;
  peer.commands = std::make_unique<Socket>(context, device.keys.curve, options);
  const pb::Reply welcome = peer.ask(device.hello_request());
  require(welcome, welcome.has_welcome() && device.learn(welcome));
  peer.room = device.room("general").id;
}

std::unique_ptr<Peer> make_peer(Context& context, const std::string& invite) {
  auto peer = enrol_peer(context, invite);
  connect_peer(context, *peer);
  return peer;
}

void subscribe(Context& context, Peer& peer) {
  Socket::Options options;
  options.type = test::SocketType::sub;
  options.address = peer.device.broadcast;
  options.server = peer.device.server_curve;
  peer.broadcast = std::make_unique<Socket>(context, peer.device.keys.curve, options);
  peer.broadcast->subscribe(peer.device.rooms.at(peer.room).topic.view());
}

void send_submission(Peer& peer, std::size_t count, std::size_t bytes) {
  // The same text each time: what is measured is the way, not the generator.
  static thread_local std::vector<std::string> texts;
  if (texts.size() != count || texts[0].size() != bytes)
    texts.assign(count, std::string(bytes, 'm'));
  const Bytes frame = peer.device.submission_frame(peer.room, texts, random_request_id());
  if (!peer.commands->send(frame)) throw std::runtime_error("the command socket takes no submission");
  ++peer.in_flight;
}

bool take_acks(Peer& peer, std::size_t messages_each) {
  bool any = false;
  Bytes frame, newest;
  while (peer.commands->receive(frame)) {
    any = true;
    auto reply = RawDevice::read_reply(frame);
    if (!reply || !reply->second.has_ack())
      throw std::runtime_error("not acked: " + (reply ? reply->second.error().text() : "no reply"));
    peer.acked += messages_each;
    --peer.in_flight;
    newest.swap(frame);
  }
  // One checkpoint of those that came together is verified, as the engine does.
  if (!newest.empty() && !peer.device.learn(RawDevice::read_reply(newest)->second))
    throw std::runtime_error("a checkpoint that the log key has not signed");
  return any;
}

bool take_frames(Peer& peer, std::map<std::uint64_t, std::uint64_t>& counts) {
  bool any = false;
  Bytes bytes;
  while (peer.broadcast->receive(bytes)) {
    any = true;
    const auto frame = wire::decode_down(bytes);
    if (!frame) throw std::runtime_error("not a frame of the broadcast socket");
    const std::uint64_t first = frame->header.first_room_seq;
    auto known = counts.find(first);
    if (known == counts.end()) {
      const auto messages = peer.device.open(bytes);
      if (!messages) throw std::runtime_error("a frame that does not open");
      known = counts.emplace(first, messages->size()).first;
    }
    if (peer.last_room_seq != 0 && first > peer.last_room_seq + 1)
      peer.gaps += first - peer.last_room_seq - 1;
    peer.last_room_seq = std::max(peer.last_room_seq, first + known->second - 1);
    ++peer.frames;
  }
  return any;
}

void wait_readable(const std::vector<std::unique_ptr<Peer>>& peers, std::uint64_t ms) {
  std::vector<void*> sockets;
  sockets.reserve(peers.size() * 2);
  for (const auto& peer : peers) {
    sockets.push_back(peer->commands->get());
    if (peer->broadcast) sockets.push_back(peer->broadcast->get());
  }
  std::vector<bool> readable;
  test::poll_readable(sockets, readable, ms);
}

}  // namespace tertulia::bench
