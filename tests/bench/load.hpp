// Load: one program that is many clients. Senders and subscribers are RawDevices (keys and frames,
// no engine) on one zmq context and one poll; nothing is timed but by the caller. One thread.
#pragma once

#include <deque>
#include <memory>

#include "tests/support/raw_device.hpp"
#include "tests/support/socket.hpp"

namespace tertulia::bench {

using test::Context;
using test::RawDevice;
using test::Socket;

// A device that is enrolled and welcomed, with its command socket.
struct Peer {
  RawDevice device;
  std::unique_ptr<Socket> commands;
  std::unique_ptr<Socket> broadcast;  // only subscribers
  RoomId room;                        // general
  std::uint64_t acked = 0;            // messages
  std::uint64_t in_flight = 0;        // submissions
  std::uint64_t frames = 0;           // broadcast frames that came
  std::uint64_t last_room_seq = 0;    // newest that a frame brought
  std::uint64_t gaps = 0;             // messages that broadcast did not bring

  explicit Peer(const wire::Invite& invite) : device(invite) {}
  // A request and its reply, waited for.
  pb::Reply ask(const pb::Request& request);
};

// Uses the invite; no connection stays.
std::unique_ptr<Peer> enrol_peer(Context& context, const std::string& invite);
// Connects with the device's key, says hello.
void connect_peer(Context& context, Peer& peer);
// Both.
std::unique_ptr<Peer> make_peer(Context& context, const std::string& invite);
// Adds the broadcast socket; a message that arrives shows that the subscription is there.
void subscribe(Context& context, Peer& peer);

// Sends one submission of `count` messages of `bytes` each.
void send_submission(Peer& peer, std::size_t count, std::size_t bytes);
// Takes all replies that have arrived; throws on an error reply that no retry mends. The messages
// of each submission that was acked are added to `acked`. True: something came.
bool take_acks(Peer& peer, std::size_t messages_each);
// Takes all frames that have arrived. counts: first_room_seq → messages, filled by whoever opens a
// frame first, so that fifty subscribers open each frame once. True: something came.
bool take_frames(Peer& peer, std::map<std::uint64_t, std::uint64_t>& counts);

// Waits until one of the peers' sockets can be read.
void wait_readable(const std::vector<std::unique_ptr<Peer>>& peers, std::uint64_t ms);

}  // namespace tertulia::bench
