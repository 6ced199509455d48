#include "tests/support/raw_device.hpp"

#include <stdexcept>

#include "common/base/clock.hpp"
#include "common/base/uuid7.hpp"

namespace tertulia::test {

namespace {

std::string to_string(ByteView bytes) { return std::string(as_text(bytes)); }

crypto::RoomKey room_key(const std::string& bytes) {
  const auto seed = crypto::Seed::parse(as_bytes(bytes));
  if (!seed) throw std::runtime_error("a room key that is not 32 bytes");
  return crypto::RoomKey(*seed);
}

std::vector<crypto::RoomKey> room_keys(const pb::RoomKey& key) {
  std::vector<crypto::RoomKey> out{room_key(key.key())};
  if (!key.previous().empty()) out.push_back(room_key(key.previous()));
  return out;
}

std::string host_of(const std::string& address) { return address.substr(0, address.rfind(':')); }
std::string port_of(const std::string& address) { return address.substr(address.rfind(':')); }

}  // namespace

RawDevice::RawDevice(const wire::Invite& invite, const crypto::Seed& seed)
    : keys(seed),
      invite_key(crypto::invite_curve_key(invite.seed)),
      invite_id(crypto::invite_id(invite_key.public_key())),
      user(invite.is_class_link()
               ? record::class_user_id(crypto::server_id(invite.identity), invite_id, keys.id)
               : invite.user),
      user_name(invite.user_name),
      server_curve(invite.server_curve),
      identity(invite.identity),
      server(crypto::server_id(invite.identity)),
      commands(invite.addresses.empty() ? std::string() : invite.addresses.front()) {}

const RawRoom& RawDevice::room(const std::string& name) const {
  for (const auto& [id, room] : rooms)
    if (room.name == name) return room;
  throw std::runtime_error("not in a room named " + name);
}

Bytes RawDevice::request_frame(const RequestId& id, const pb::Request& request) {
  return wire::encode_command(wire::FrameType::request, id, as_bytes(request.SerializeAsString()));
}

pb::Request RawDevice::enrol_request(const std::string& display_name,
                                     const std::string& device_name) const {
  pb::Request request;
  auto& enrol = *request.mutable_enrol();
  enrol.set_sign_pk(to_string(keys.signing.public_key().view()));
  enrol.set_curve_pk(to_string(keys.curve.public_key().view()));
  const Bytes message = record::enrol_message(server, invite_id, user, keys.signing.public_key(),
                                              keys.curve.public_key());
  enrol.set_signature(to_string(keys.signing.sign(message).view()));
  enrol.set_display_name(display_name);
  enrol.set_device_name(device_name);
  enrol.set_user_name(wished_name);
  return request;
}

pb::Request RawDevice::hello_request() const {
  pb::Request request;
  request.mutable_hello()->set_checkpoint(checkpoint);
  request.mutable_hello()->set_program("tertulia-test");
  return request;
}

Draft RawDevice::draft(const RoomId& room, const std::vector<std::string>& texts) {
  std::vector<Bytes> bodies;
  for (const auto& text : texts) {
    pb::Body body;
    body.set_text(text);
    const std::string bytes = body.SerializeAsString();
    bodies.emplace_back(bytes.begin(), bytes.end());
  }
  return draft_bodies(room, std::move(bodies));
}

Draft RawDevice::draft_bodies(const RoomId& room, std::vector<Bytes> bodies, record::Kind kind) {
  Draft d;
  d.submission.server = server;
  d.submission.device = keys.id;
  d.submission.room = room;
  d.submission.id = last_id_ = next_uuid7(last_id_, wall_ms());
  d.submission.seen_size = seen.size;
  d.submission.seen_root = seen.root;
  d.bodies = std::move(bodies);
  d.salts.resize(d.bodies.size());
  d.submission.messages.resize(d.bodies.size());
  for (std::size_t i = 0; i < d.bodies.size(); ++i) {
    randombytes_buf(d.salts[i].data(), Salt::size());
    d.submission.messages[i].kind = kind;
    d.submission.messages[i].sent_at_ms = wall_ms();
  }
  commit(d);
  return d;
}

void RawDevice::commit(Draft& d) const {
  for (std::size_t i = 0; i < d.bodies.size(); ++i)
    d.submission.messages[i].commitment = record::commitment(d.salts[i], d.bodies[i]);
}

void RawDevice::sign(Draft& d) const {
  d.bytes = record::encode(d.submission);
  d.signature = record::sign_submission(keys.signing, d.bytes);
}

Bytes RawDevice::seal(const Draft& d, const RequestId& request) const {
  return seal_as(d, request, d.submission.room, rooms.at(d.submission.room).keys.front());
}

Bytes RawDevice::seal_as(const Draft& d, const RequestId& request, const RoomId& room,
                         const crypto::RoomKey& key) const {
  wire::SubmissionPayload payload;
  payload.submission = d.bytes;
  payload.act = d.act;
  payload.signature = d.signature;
  for (std::size_t i = 0; i < d.bodies.size(); ++i)
    payload.parts.push_back({d.salts[i], d.bodies[i]});
  return wire::seal_submission(key, server, keys.id, request, room, payload);
}

Bytes RawDevice::submission_frame(const RoomId& room, const std::vector<std::string>& texts,
                                  const RequestId& request) {
  Draft d = draft(room, texts);
  sign(d);
  return seal(d, request);
}

bool RawDevice::take_checkpoint(const std::string& note) {
  if (note.empty()) return true;
  const auto opened = merkle::open_checkpoint(note, log_key);
  if (!opened) return false;
  if (opened->size == seen.size) return opened->root == seen.root;
  if (opened->size > seen.size) {
    seen = *opened;
    checkpoint = note;
  }
  return true;
}

bool RawDevice::learn(const pb::Reply& reply) {
  switch (reply.what_case()) {
    case pb::Reply::kWelcome: {
      const auto& w = reply.welcome();
      const auto card = wire::open_card(w.card(), identity, server);
      if (!card || card->curve != server_curve) return false;
      log_key = card->log;
      role = w.role();
      broadcast = host_of(commands) + port_of(w.broadcast());
      rooms.clear();
      for (const auto& r : w.rooms()) {
        RawRoom room;
        room.id = RoomId::from(as_bytes(r.room()));
        room.name = r.name();
        room.topic = Topic::from(as_bytes(r.sub_topic()));
        room.keys = room_keys(r.key());
        room.head = r.head_room_seq();
        rooms.emplace(room.id, std::move(room));
      }
      return take_checkpoint(w.checkpoint());
    }
    case pb::Reply::kAck: return take_checkpoint(reply.ack().checkpoint());
    case pb::Reply::kPong: return take_checkpoint(reply.pong().checkpoint());
    case pb::Reply::kError: {
      const auto& e = reply.error();
      if (e.has_room_key()) {
        const auto room = rooms.find(RoomId::from(as_bytes(e.room_key().room())));
        if (room != rooms.end()) room->second.keys = room_keys(e.room_key());
      }
      return take_checkpoint(e.checkpoint());
    }
    case pb::Reply::kNotice:
      for (const auto& key : reply.notice().keys()) {
        const auto room = rooms.find(RoomId::from(as_bytes(key.room())));
        if (room != rooms.end()) room->second.keys = room_keys(key);
      }
      return true;
    case pb::Reply::kPeople:
      for (const auto& device : reply.people().devices())
        authors[DeviceId::from(as_bytes(device.device()))] =
            SignPublicKey::from(as_bytes(device.sign_pk()));
      return true;
    default: return true;
  }
}

std::optional<std::pair<RequestId, pb::Reply>> RawDevice::read_reply(ByteView frame) {
  const auto command = wire::decode_command(frame);
  if (!command || command->type != wire::FrameType::reply) return std::nullopt;
  pb::Reply reply;
  if (!reply.ParseFromArray(command->content.data(), static_cast<int>(command->content.size())))
    return std::nullopt;
  return std::pair(command->request, std::move(reply));
}

std::optional<std::vector<Heard>> RawDevice::open(ByteView bytes) const {
  const auto frame = wire::decode_down(bytes);
  if (!frame) return std::nullopt;
  for (const auto& [id, room] : rooms) {
    if (room.topic != frame->topic) continue;
    for (const auto& key : room.keys) {
      Bytes entries;
      if (key.id != frame->header.key || !wire::open_down(key, server, id, *frame, entries))
        continue;
      return read_entries(id, entries);
    }
  }
  return std::nullopt;
}

std::optional<std::vector<Heard>> RawDevice::read_entries(const RoomId& room,
                                                          ByteView entries) const {
  std::vector<Heard> out;
  Reader reader(entries);
  while (reader.left() > 0) {
    const auto entry = record::read_entry(reader);
    if (!entry || entry->leaf.submission.room != room) return std::nullopt;
    const auto& leaf = entry->leaf;
    const auto author = authors.find(leaf.submission.device);
    if (author != authors.end() &&
        !record::verify_submission(author->second, leaf.submission_bytes, leaf.signature))
      return std::nullopt;
    for (std::size_t i = 0; i < leaf.submission.messages.size(); ++i) {
      Heard h;
      h.room = room;
      h.seq = leaf.seq;
      h.room_seq = leaf.first_room_seq + i;
      h.logged_at_ms = leaf.logged_at_ms;
      h.id = {leaf.submission.device, leaf.submission.id, static_cast<std::uint8_t>(i)};
      h.kind = leaf.submission.messages[i].kind;
      pb::Body body;
      const auto& stored = entry->bodies[i];
      if (stored.state == record::BodyState::present &&
          !body.ParseFromArray(stored.bytes.data(), static_cast<int>(stored.bytes.size())))
        return std::nullopt;
      h.text = body.text();
      out.push_back(std::move(h));
    }
  }
  return out;
}

}  // namespace tertulia::test
