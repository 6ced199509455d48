// Enrolment: uses one invite, or one link of another device of the user: connects with its key, asks
// for the device to be enrolled, and says how it ended; with a link it waits until the other device has
// let it in. The device's seed is on disk before anything is sent, so that the same
// device comes again after a crash and is given the same answer. Network thread only; never waits.
#pragma once

#include "client/engine/dialer.hpp"
#include "common/wire/device_link.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::client {

// What lets a device in.
struct Admission {
  wire::Invite to;
  struct Link {
    DeviceId by;
    record::LinkCommitment commitment;
  };
  std::optional<Link> link;  // set: it is a link, no invite
};
Result<Admission, wire::InviteError> read_admission(const std::string& text);

class Enrolment {
 public:
  struct Outcome {
    bool ok = false;
    bool unreachable = false;  // not refused: nobody answered
    std::string reason;
    pb::Enrolled enrolled;
    std::string address;  // that answered
  };

  struct Names {
    std::string user;     // of a class link; else empty
    std::string display;  // empty: as the server has it
  };

  Enrolment(zmq::context_t& context, Admission admission, Names names,
            const crypto::Seed& device_seed, std::vector<std::string> addresses,
            std::uint64_t now_ms, std::uint64_t timeout_ms);

  void add_to(std::vector<zmq::pollitem_t>& items);
  std::uint64_t next_deadline_ms() const;
  std::optional<Outcome> work(std::uint64_t now_ms);  // once it has ended
  // The code to compare, empty while there is none yet; nullopt: no news since the last call.
  std::optional<std::string> take_waiting() { return std::exchange(waiting_, std::nullopt); }
  const wire::Invite& invite() const { return invite_; }

 private:
  void dial(std::uint64_t now_ms);
  void ask();
  void ask_invite(pb::Enrol& out) const;
  void ask_link(pb::LinkAsk& out) const;
  record::LinkedPair pair() const;
  std::optional<Outcome> on_standing(const pb::LinkStanding& standing, std::uint64_t now_ms);
  void lost(std::uint64_t dial_at_ms);
  std::optional<Outcome> read_answer(std::uint64_t now_ms);
  Outcome refused(const pb::Error& error) const;

  zmq::context_t& context_;
  const wire::Invite invite_;
  const std::optional<Admission::Link> link_;
  const Names names_;
  const crypto::DeviceKeys device_;
  const crypto::CurveKey invite_key_;
  const std::vector<std::string> addresses_;
  std::uint64_t end_ms_;  // with a link that has been answered: the link's end
  std::optional<Dialer> dialer_;
  std::optional<Connection> connection_;
  std::uint64_t dial_at_ms_ = 0;
  unsigned wrong_rounds_ = 0;
  RequestId request_;
  // With a link: the other device has still to look at it.
  bool is_waiting_ = false;
  std::string code_;
  std::optional<std::string> waiting_;
  std::uint64_t ask_at_ms_ = UINT64_MAX;  // again
};

}  // namespace tertulia::client
