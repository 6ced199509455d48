// The engine's ZeroMQ sockets: options, one frame a message, and monitors. Network thread only.
#pragma once

#include <string>
#include <vector>
#include <zmq.hpp>

#include "common/crypto/keys.hpp"

namespace tertulia::client {

inline constexpr std::uint16_t command_port_default = 5570;

// Who we are towards a server whose key we know.
struct CurveIdentity {
  CurvePublicKey server;
  CurvePublicKey public_key;
  crypto::Seed secret;
};

// A DEALER that never connects again by itself: every connection is one that the engine asked for.
zmq::socket_t make_dealer(zmq::context_t& context, const CurveIdentity& identity);
// A SUB that reconnects by itself (1 to 3 s, at most 30 s): what it missed shows as a gap.
zmq::socket_t make_sub(zmq::context_t& context, const CurveIdentity& identity);

[[nodiscard]] bool send_frame(zmq::socket_t& socket, ByteView frame);  // false: queue full
// False: nothing is there. A message of several frames is not of this protocol and is dropped.
[[nodiscard]] bool receive_frame(zmq::socket_t& socket, zmq::message_t& frame);
inline ByteView view(const zmq::message_t& m) {
  return {static_cast<const std::uint8_t*>(m.data()), m.size()};
}

// "tcp://host:port" of "host", "host:port", "[v6]:port", "tcp://…"; "" for what is no address.
std::string normalised_address(std::string_view text);
// "tcp://*:5571" at the host of "tcp://host:5570"; a full address stays as it is.
std::string broadcast_address(const std::string& broadcast, const std::string& command);

// What libzmq tells of a socket's connection.
struct SocketEvent {
  std::uint16_t event = 0;
  std::uint32_t value = 0;
};
// Ends before the socket that it watches. It then tells libzmq to stop watching: an event that finds
// nobody at the other end of the pair would block libzmq's I/O thread for ever.
class Monitor {
 public:
  Monitor(zmq::context_t& context, zmq::socket_t& watched);
  ~Monitor();
  Monitor(Monitor&& other) noexcept;
  Monitor& operator=(Monitor&&) = delete;
  std::optional<SocketEvent> next();
  void* handle() { return pair_.handle(); }

 private:
  void* watched_;  // null: moved from
  zmq::socket_t pair_;
};

}  // namespace tertulia::client
