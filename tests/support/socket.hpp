// Socket: a CURVE client socket of libzmq that never blocks, and a poll over many. One thread per
// context here. MAXMSGSIZE and the rest are as clients set them; HWM 0, linger 0.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/crypto/keys.hpp"

namespace tertulia::test {

class Context {
 public:
  explicit Context(int io_threads = 1);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  void* get() const { return context_; }

 private:
  void* context_;
};

enum class SocketType { dealer, sub, xsub };

class Socket {
 public:
  struct Options {
    SocketType type = SocketType::dealer;
    std::string address;          // "tcp://host:port"
    CurvePublicKey server;        // the key that must answer there
    std::string routing_id = {};  // not empty: claimed; clients of the real kind set none
    bool plain = false;           // true: no CURVE at all
    bool lazy = false;            // true: takes in next to nothing that is not received
    bool watch = false;           // true: counts() counts
  };
  Socket(Context& context, const crypto::CurveKey& own, const Options& options);
  ~Socket();
  Socket(Socket&& other) noexcept { *this = std::move(other); }
  Socket& operator=(Socket&& other) noexcept;

  // False: libzmq cannot take it now (no connection yet).
  bool send(ByteView frame, bool more = false);
  // False: nothing there. Of a multipart message the parts come one by one.
  bool receive(Bytes& out);
  void subscribe(ByteView topic);    // sub only
  void unsubscribe(ByteView topic);  // sub only
  void* get() const { return socket_; }

  struct Counts {
    unsigned connected = 0;  // handshakes done
    unsigned disconnected = 0;
    unsigned refused = 0;  // handshakes that failed
  };
  const Counts& counts();  // of what has happened until now

 private:
  void watch(Context& context);
  void* socket_ = nullptr;
  void* monitor_ = nullptr;
  Counts counts_;
};

// Waits until one of them can be read or the time is over; readable[i] tells which.
bool poll_readable(const std::vector<void*>& sockets, std::vector<bool>& readable,
                   std::uint64_t ms);

}  // namespace tertulia::test
