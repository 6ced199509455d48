// RawClient: a RawDevice with sockets and a context of its own, every wait with a deadline. For
// tests that need to see or spoil single frames; it repairs nothing and sends nothing twice. One
// thread.
#pragma once

#include <deque>
#include <memory>

#include "tests/support/raw_device.hpp"
#include "tests/support/socket.hpp"
#include "tests/support/wait.hpp"

namespace tertulia::test {

inline constexpr std::uint64_t answer_ms_max = 20'000;

class RawClient {
 public:
  explicit RawClient(const wire::Invite& invite) : device(invite) {}
  explicit RawClient(const std::string& invite);  // throws when it is not an invite

  RawDevice device;
  // Of the next connections; the true ones unless a test says otherwise.
  std::optional<CurvePublicKey> server_key;
  std::optional<crypto::Seed> own_secret;  // of the CURVE key
  std::string routing_id;
  std::string address;  // of the command socket, instead of the invite's

  // ---- steps ----
  // With the invite's key on a connection of its own; the answer as it came.
  std::optional<pb::Reply> enrol(std::uint64_t ms = answer_ms_max);
  void connect();            // DEALER with the device's key
  void connect_broadcast();  // SUB; after hello, which tells where
  void disconnect();         // both
  std::optional<pb::Reply> hello(std::uint64_t ms = answer_ms_max);
  void subscribe(const RoomId& room);
  // enrol, connect, hello, people, subscribe to every room; throws with the reason.
  void join();
  // connect, hello, subscribe: for one that has enrolled.
  void rejoin();

  // ---- asking ----
  bool send(ByteView frame, std::uint64_t ms = answer_ms_max);  // waits for a connection
  bool send_parts(const std::vector<Bytes>& parts, std::uint64_t ms = answer_ms_max);
  // The reply to that request; others that come meanwhile are kept for their own wait_reply.
  std::optional<pb::Reply> wait_reply(const RequestId& request, std::uint64_t ms = answer_ms_max);
  std::optional<pb::Reply> ask(const pb::Request& request, std::uint64_t ms = answer_ms_max);
  std::optional<pb::Reply> submit(const RoomId& room, const std::vector<std::string>& texts,
                                  std::uint64_t ms = answer_ms_max);
  // As it is in the draft: bytes and signature are not made again.
  std::optional<pb::Reply> submit(const Draft& draft, std::uint64_t ms = answer_ms_max);
  std::optional<std::vector<Heard>> history(const RoomId& room, std::uint64_t from,
                                            std::uint64_t before, std::uint32_t limit);
  // Every message of the room, in order, page by page; throws when an answer is missing.
  std::vector<Heard> whole_history(const RoomId& room);

  // ---- hearing ----
  std::vector<Heard> heard;        // all that came on the SUB, in order of arrival
  std::size_t strange_frames = 0;  // broadcast frames that would not open
  void pump(std::uint64_t ms);     // takes what is there; waits at most that long for something
  bool wait_heard(const std::string& text, std::uint64_t ms = answer_ms_max);

  Context& context() { return context_; }
  Socket* dealer() { return dealer_.get(); }
  Socket* subscriber() { return sub_.get(); }

 private:
  Context context_;
  std::unique_ptr<Socket> dealer_, sub_;
  std::map<RequestId, pb::Reply> replies_;
};

// Short words for tests.
inline bool is_error(const std::optional<pb::Reply>& reply, pb::ErrorCode code) {
  return reply && reply->has_error() && reply->error().code() == code;
}
std::string describe(const std::optional<pb::Reply>& reply);

}  // namespace tertulia::test
