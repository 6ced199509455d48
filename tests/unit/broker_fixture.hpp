// A directory of two users in one room, made by hand, and the frames that their clients would send.
// No log, no socket: for what the broker decides without them.
#pragma once

#include "broker/directory/directory.hpp"
#include "common/base/uuid7.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::test {

struct BrokerFixture {
  struct Person {
    crypto::DeviceKeys keys{crypto::Seed::random()};
    UserId user;
  };

  BrokerFixture() {
    crypto::crypto_start();
    randombytes_buf(server.data(), server.size());
    ana = add_user("ana");
    beto = add_user("beto");
    general = add_room("general", {ana.user, beto.user});
    cellar = add_room("cellar", {beto.user});
    invite_key.emplace(crypto::invite_curve_key(crypto::Seed::random()));
    auto invite = std::make_shared<broker::Invite>();
    invite->id = crypto::invite_id(invite_key->public_key());
    invite->user = ana.user;
    invite->curve = invite_key->public_key();
    directory.invites[invite->id] = invite;
    directory.keys[invite->curve] = {broker::KeyOwner::Kind::invite, {}, invite->id};
  }

  Person add_user(const std::string& name) {
    Person p;
    randombytes_buf(p.user.data(), p.user.size());
    auto user = std::make_shared<broker::User>();
    user->id = p.user;
    user->name = name;
    user->version = 5;
    directory.users[p.user] = user;
    directory.users_by_name[name] = p.user;
    return add_device(p.user);
  }

  Person add_device(const UserId& user) {
    Person p;
    p.user = user;
    auto device = std::make_shared<broker::Device>();
    device->id = p.keys.id;
    device->user = p.user;
    device->sign = p.keys.signing.public_key();
    device->curve = p.keys.curve.public_key();
    device->enrolled_seq = 5;
    directory.devices[device->id] = device;
    directory.keys[device->curve] = {broker::KeyOwner::Kind::device, device->id, {}};
    return p;
  }

  RoomId add_room(const std::string& name, std::set<UserId> members) {
    auto room = std::make_shared<broker::Room>();
    randombytes_buf(room->id.data(), room->id.size());
    randombytes_buf(room->topic.data(), room->topic.size());
    room->name = name;
    for (const UserId& member : members) room->members[member] = {};
    room->keys = std::make_shared<broker::RoomKeys>(broker::RoomKeys{
        crypto::RoomKey(crypto::Seed::random()), crypto::RoomKey(crypto::Seed::random())});
    room->head = std::make_shared<broker::RoomHead>();
    directory.rooms[room->id] = room;
    return room->id;
  }

  static Bytes text_body(const std::string& text) {
    pb::Body body;
    body.set_text(text);
    const std::string bytes = body.SerializeAsString();
    return Bytes(bytes.begin(), bytes.end());
  }

  // What a client seals; each part may be made wrong before seal().
  struct Draft {
    record::Submission submission;
    Bytes act;
    std::vector<std::pair<Salt, Bytes>> parts;
    std::optional<Signature> signature;  // nullopt: the right one
  };
  Draft draft(const Person& who, const RoomId& room, const std::vector<Bytes>& bodies,
              record::Kind kind = record::Kind::text) const {
    Draft d;
    d.submission.server = server;
    d.submission.device = who.keys.id;
    d.submission.room = room;
    d.submission.id = next_uuid7({}, 1'800'000'000'000);
    for (const auto& body : bodies) {
      Salt salt;
      randombytes_buf(salt.data(), salt.size());
      record::MessageHeader header;
      header.kind = kind;
      header.sent_at_ms = 1'800'000'000'000;
      header.commitment = record::commitment(salt, body);
      d.submission.messages.push_back(header);
      d.parts.emplace_back(salt, body);
    }
    return d;
  }

  Bytes seal(const Person& who, const Draft& d, const RoomId& room,
             const crypto::RoomKey& key) const {
    const Bytes bytes = record::encode(d.submission);
    wire::SubmissionPayload payload;
    payload.submission = bytes;
    payload.act = d.act;
    payload.signature = d.signature.value_or(record::sign_submission(who.keys.signing, bytes));
    for (const auto& [salt, body] : d.parts) payload.parts.push_back({salt, body});
    return wire::seal_submission(key, server, who.keys.id, random_request_id(), room, payload);
  }
  Bytes seal(const Person& who, const Draft& d) const {
    return seal(who, d, d.submission.room, directory.room(d.submission.room)->keys->current);
  }

  ServerId server;
  broker::Directory directory;
  Person ana, beto;
  RoomId general, cellar;
  std::optional<crypto::CurveKey> invite_key;
};

}  // namespace tertulia::test
