// Link: the connection to the server, as one that is there or is not: dialling with growing pauses,
// the command socket while it lasts, the broadcast socket beside it. Every loss of the command
// socket means new sockets: what was under way is asked and sent again by those who asked.
// Network thread only; never waits.
#pragma once

#include "client/engine/dialer.hpp"
#include "client/engine/engine.hpp"

namespace tertulia::client {

class Link {
 public:
  Link(zmq::context_t& context, CurveIdentity identity)
      : context_(context),
        identity_(std::move(identity)),
        servers_{identity_.server} {}

  // Addresses to try, best first; used from the next round on.
  void set_addresses(std::vector<std::string> addresses) { addresses_ = std::move(addresses); }
  // The server's keys to try, the likelier one first; used from the next round on.
  void set_servers(std::vector<CurvePublicKey> servers) { servers_ = std::move(servers); }
  void dial_now(std::uint64_t now_ms);                      // drops what there is
  void lost(std::uint64_t now_ms, const std::string& why);  // drops, and dials again after a pause
  // The server answered but will not have us: pause for long.
  void turned_away(std::uint64_t now_ms, const std::string& why);
  void settled() {
    rounds_ = 0;
    wrong_rounds_ = 0;
    problem_ = LinkProblem::none;
    detail_.clear();
  }

  void add_to(std::vector<zmq::pollitem_t>& items);
  std::uint64_t next_deadline_ms() const;
  // Events of the sockets, and timers. came_up/went_down tell the change since the last call.
  struct Change {
    bool came_up = false;
    bool went_down = false;
    bool broadcast_came_up = false;
  };
  Change work(std::uint64_t now_ms);

  bool up() const { return connection_.has_value(); }
  const std::string& address() const { return connection_->address; }
  [[nodiscard]] bool send(ByteView frame);
  [[nodiscard]] bool receive(zmq::message_t& frame);
  [[nodiscard]] bool receive_broadcast(zmq::message_t& frame);

  // Makes a new SUB if the address is another one, otherwise only changes the topics.
  void subscribe(const std::string& address, const std::vector<Topic>& topics,
                 std::uint64_t now_ms);
  void renew_broadcast(std::uint64_t now_ms);
  bool broadcast_up() const { return sub_up_; }
  std::uint64_t broadcast_since_ms() const { return sub_since_ms_; }  // of up or down
  std::uint64_t broadcast_made_ms() const { return sub_made_ms_; }
  const std::string& broadcast_at() const { return sub_address_; }

  LinkProblem problem() const { return problem_; }
  const std::string& detail() const { return detail_; }
  std::uint64_t retry_at_ms() const {
    return dialer_ || connection_ ? 0 : retry_at_ms_;
  }  // monotonic

 private:
  void drop();
  void pause(std::uint64_t now_ms);
  void end_round(DialOutcome outcome, std::uint64_t now_ms);
  void make_broadcast(std::uint64_t now_ms);

  zmq::context_t& context_;
  CurveIdentity identity_;  // server: the key that the connection has
  std::vector<CurvePublicKey> servers_;
  std::vector<std::string> addresses_;
  std::optional<Dialer> dialer_;
  std::optional<Connection> connection_;
  std::uint64_t retry_at_ms_ = 0;
  unsigned rounds_ = 0;        // in a row without success
  unsigned wrong_rounds_ = 0;  // of those in a row: something answered with another key
  LinkProblem problem_ = LinkProblem::none;
  std::string detail_;

  std::optional<zmq::socket_t> sub_;
  std::optional<Monitor> sub_monitor_;
  std::string sub_address_;
  std::vector<Topic> topics_;
  bool sub_up_ = false;
  std::uint64_t sub_since_ms_ = 0;
  std::uint64_t sub_made_ms_ = 0;
};

}  // namespace tertulia::client
