// What t-log answers, before and after it becomes a frame. t-log only.
#pragma once

#include "broker/flow/flow.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::broker {

struct Acked {
  std::uint64_t seq = 0;
  std::uint64_t first_room_seq = 0;
  std::uint64_t logged_at_ms = 0;
  Bytes leaf;  // empty: known since an earlier time, nothing to publish
};
struct Refused {
  pb::ErrorCode code{};
  std::string text;  // one English sentence
};
struct EnrolledAs {
  DeviceId device;
  UserId user;
  std::string user_name;
  record::Role role{};
};
// The entry that tells of a read is there: a reader may answer it.
struct ReadGranted {};
// Of a command that answers with a sentence.
struct Done {
  bool ok = false;
  std::string text;
};

// What was decided for one element of a batch; it holds once the transaction is committed.
using Outcome =
    std::variant<Refused, Acked, EnrolledAs, ReadGranted, InviteResult, Done, WebhookResult>;

// Builds reply frames; keeps one protobuf message, so that an ack allocates only its frame.
class Answers {
 public:
  Outgoing ack(const Asker& asker, const Acked& acked, const std::string& checkpoint);
  Outgoing enrolled(const Asker& asker, const EnrolledAs& enrolled);
  // checkpoint: for STALE_VIEW. retry_after_ms: for READ_ONLY.
  Outgoing refused(const Asker& asker, const Refused& refused, const std::string& checkpoint,
                   std::uint32_t retry_after_ms);

 private:
  Outgoing frame(const Asker& asker);
  pb::Reply reply_;
};

}  // namespace tertulia::broker
