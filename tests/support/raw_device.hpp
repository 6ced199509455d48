// RawDevice: a device as the protocol knows it (keys, rooms, checkpoint), with every step of making
// and reading a frame in the open so that a test can go wrong at any of them. No socket: the bench
// drives hundreds from one poll. Written against docs/protocol.md, without the engine. One thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/merkle/checkpoint.hpp"
#include "common/wire/card.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/invite.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::test {

struct RawRoom {
  RoomId id;
  std::string name;
  Topic topic;
  std::vector<crypto::RoomKey> keys;  // newest first
  std::uint64_t head = 0;
};

// A submission on its way: change what you like, then sign() and seal() again or not.
struct Draft {
  record::Submission submission;
  Bytes act;
  std::vector<Salt> salts;
  std::vector<Bytes> bodies;  // serialised Body
  Bytes bytes;                // S without its label
  Signature signature;
};

// A message as it came, checked: commitment and author's signature if the author is known.
struct Heard {
  RoomId room;
  std::uint64_t seq = 0;
  std::uint64_t room_seq = 0;
  std::uint64_t logged_at_ms = 0;
  record::MessageRef id;
  record::Kind kind{};
  std::string text;
};

class RawDevice {
 public:
  explicit RawDevice(const wire::Invite& invite, const crypto::Seed& seed = crypto::Seed::random());

  // ---- who it is ----
  crypto::DeviceKeys keys;
  crypto::CurveKey invite_key;
  InviteId invite_id;
  UserId user;
  std::string user_name;
  std::string wished_name;  // for enrol_request() by a class link
  std::string role;
  CurvePublicKey server_curve;
  SignPublicKey identity;
  ServerId server;
  std::string commands;   // addresses to connect to
  std::string broadcast;  // known after the welcome
  std::map<RoomId, RawRoom> rooms;
  merkle::NoteKey log_key;
  std::string checkpoint;  // the newest signed one that was seen; verified by signature
  merkle::Checkpoint seen;
  std::map<DeviceId, SignPublicKey> authors;  // fill from People to have signatures checked

  const RawRoom& room(const std::string& name) const;  // throws when it is not a member

  // ---- requests ----
  static Bytes request_frame(const RequestId& id, const pb::Request& request);
  pb::Request enrol_request(const std::string& display_name, const std::string& device_name) const;
  pb::Request hello_request() const;

  // ---- submissions ----
  Draft draft(const RoomId& room, const std::vector<std::string>& texts);
  Draft draft_bodies(const RoomId& room, std::vector<Bytes> bodies,
                     record::Kind kind = record::Kind::text);
  void commit(Draft& draft) const;  // commitments from salts and bodies
  void sign(Draft& draft) const;    // bytes and signature from the submission
  // For the room that the submission names, with its newest key.
  Bytes seal(const Draft& draft, const RequestId& request) const;
  // For that room and under that key, whatever the submission says.
  Bytes seal_as(const Draft& draft, const RequestId& request, const RoomId& room,
                const crypto::RoomKey& key) const;
  // draft, sign and seal.
  Bytes submission_frame(const RoomId& room, const std::vector<std::string>& texts,
                         const RequestId& request);

  // ---- answers ----
  // Takes what a reply teaches: welcome, ack, pong, STALE_KEY, STALE_VIEW. False: the reply
  // contradicts what is known (a checkpoint that the log key has not signed, another card).
  [[nodiscard]] bool learn(const pb::Reply& reply);
  static std::optional<std::pair<RequestId, pb::Reply>> read_reply(ByteView frame);

  // Messages of a broadcast frame of a room of this device; nullopt: not such a frame.
  std::optional<std::vector<Heard>> open(ByteView frame) const;
  // The same of a history page.
  std::optional<std::vector<Heard>> read_entries(const RoomId& room, ByteView entries) const;

 private:
  bool take_checkpoint(const std::string& note);
  SubmissionId last_id_;
};

}  // namespace tertulia::test
