// Enrolment: uses one invite: connects with the invite's key, asks for the device to be enrolled,
// and says how it ended. The device's seed is on disk before anything is sent, so that the same
// device comes again after a crash and is given the same answer. Network thread only; never waits.
#pragma once

#include "client/engine/dialer.hpp"
#include "common/wire/invite.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::client {

class Enrolment {
 public:
  struct Outcome {
    bool ok = false;
    bool unreachable = false;  // not refused: nobody answered
    std::string reason;
    pb::Enrolled enrolled;
    std::string address;  // that answered
  };

  Enrolment(zmq::context_t& context, wire::Invite invite, std::string display_name,
            const crypto::Seed& device_seed, std::vector<std::string> addresses,
            std::uint64_t now_ms, std::uint64_t timeout_ms);

  void add_to(std::vector<zmq::pollitem_t>& items);
  std::uint64_t next_deadline_ms() const;
  std::optional<Outcome> work(std::uint64_t now_ms);  // once it has ended
  const wire::Invite& invite() const { return invite_; }

 private:
  void dial(std::uint64_t now_ms);
  void ask();
  std::optional<Outcome> read_answer(std::uint64_t now_ms);
  Outcome refused(const pb::Error& error) const;

  zmq::context_t& context_;
  const wire::Invite invite_;
  const std::string display_name_;
  const crypto::DeviceKeys device_;
  const crypto::CurveKey invite_key_;
  const std::vector<std::string> addresses_;
  const std::uint64_t end_ms_;
  std::optional<Dialer> dialer_;
  std::optional<Connection> connection_;
  std::uint64_t dial_at_ms_ = 0;
  unsigned wrong_rounds_ = 0;
  RequestId request_;
};

}  // namespace tertulia::client
