// Dialer: one round of trying all addresses of a server side by side, 250 ms apart, until one of
// them answers with the server's key. The order is the caller's: the one that worked last first. Where
// the server is about to change its key there are two: all addresses with the first one come first.
// Network thread only; never waits.
#pragma once

#include "client/engine/sockets.hpp"

namespace tertulia::client {

enum class DialOutcome {
  trying,
  connected,
  unreachable,  // nothing answers
  wrong_key,    // something answers, but not with the server's key (or it went away in between)
  refused,      // the server does not know our key
  full          // the server has as many connections as it may
};

struct Connection {
  zmq::socket_t dealer;
  Monitor monitor;
  std::string address;
  CurvePublicKey server;  // the key that it answered with
};

class Dialer {
 public:
  // identity.server does not count; servers: the keys to try.
  Dialer(zmq::context_t& context, CurveIdentity identity, std::vector<CurvePublicKey> servers,
         const std::vector<std::string>& addresses, std::uint64_t now_ms);

  void add_to(std::vector<zmq::pollitem_t>& items);
  std::uint64_t next_deadline_ms() const;
  DialOutcome work(std::uint64_t now_ms);
  Connection take();  // once, after work() said connected

 private:
  struct Attempt {
    Connection connection;
    bool failed = false;
  };
  void start_next(std::uint64_t now_ms);
  void look_at(Attempt& attempt);

  zmq::context_t& context_;
  struct Target {
    std::string address;
    CurvePublicKey server;
  };
  CurveIdentity identity_;  // server: of the attempt that is started
  std::vector<Target> targets_;
  std::size_t started_ = 0;
  std::uint64_t next_start_ms_;
  const std::uint64_t end_ms_;
  std::vector<Attempt> attempts_;
  std::size_t winner_ = SIZE_MAX;
  bool refused_ = false;
  bool full_ = false;
  bool wrong_key_ = false;
};

}  // namespace tertulia::client
