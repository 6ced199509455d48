// How both listening sockets are made: CURVE server, ZAP enforced, IPv6, limits on everything that a
// peer that has not authenticated could make grow. Thread: the one that makes the socket (main),
// which hands it to its owner before that thread starts. Failures: zmq::error_t, std::runtime_error.
#pragma once

#include <string>
#include <zmq.hpp>

#include "broker/auth/context.hpp"
#include "common/crypto/keys.hpp"

namespace tertulia::broker {

inline constexpr const char* commands_domain = "tertulia.commands";
inline constexpr const char* broadcast_domain = "tertulia.broadcast";
inline constexpr const char* commands_monitor = "inproc://tertulia.monitor.commands";
inline constexpr const char* broadcast_monitor = "inproc://tertulia.monitor.broadcast";

struct SocketOptions {
  zmq::socket_type type;
  const char* zap_domain;
  std::uint64_t io_thread = 0;  // which one carries it
  std::int64_t frame_bytes_max = 0;
  int send_frames_max = 0;     // SNDHWM, per peer
  int receive_frames_max = 0;  // RCVHWM, per peer
  int handshake_ms = 10'000;
};

zmq::socket_t open_server_socket(Context& context, const crypto::CurveKey& transport,
                                 const SocketOptions& options);

// Binds, starts the monitor that t-auth counts connections with, answers the real endpoint (a
// wildcard port resolved). Throws std::runtime_error with a sentence that names the endpoint.
std::string bind_server_socket(zmq::socket_t& socket, const std::string& endpoint,
                               const char* monitor);

// Stops the monitor first: an event that finds t-auth's end closed would block libzmq's I/O thread
// for ever. Nothing on a socket that is closed already.
void close_server_socket(zmq::socket_t& socket);

// "5570" of "tcp://[::]:5570".
std::string port_of(const std::string& endpoint);

// A message that owns the bytes: big frames are not copied, and go to all subscribers as one.
zmq::message_t adopt(Bytes&& bytes);

// The key that ZAP vouched for; nullopt: the message carries none. Read it from a body frame: on the
// routing-id frame the property is null after a poll (libzmq 4.3.4).
std::optional<CurvePublicKey> key_of(zmq::message_t& body);

// Ends the connection that this message came by. shutdown(), never close(): the descriptor is
// libzmq's. False: the descriptor belongs to somebody else by now, or the message has none.
bool shut_down_peer(zmq::message_t& body);

}  // namespace tertulia::broker
