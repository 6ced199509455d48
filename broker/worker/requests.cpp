#include "broker/worker/requests.hpp"

#include "broker/flow/reply.hpp"
#include "common/base/clock.hpp"

namespace tertulia::broker {

namespace {
constexpr std::uint32_t kHistoryMessagesMax = 1000;
constexpr std::size_t kNameBytesMax = 256;  // t-log has the finer rules

std::string text_of(ByteView bytes) { return std::string(as_text(bytes)); }

pb::Reply refuse(pb::ErrorCode code, std::string_view text) {
  pb::Reply r;
  *r.mutable_error() = error_of(code, text);
  return r;
}

Answer enrol(const Directory& directory, const Asker& asker, const pb::Enrol& e) {
  if (directory.invite_of(asker.key) == nullptr)
    return refuse(pb::NOT_ALLOWED, "Only the key of an invite may enrol a device.");
  const auto sign = SignPublicKey::parse(as_bytes(e.sign_pk()));
  const auto curve = CurvePublicKey::parse(as_bytes(e.curve_pk()));
  const auto signature = Signature::parse(as_bytes(e.signature()));
  if (!sign || !curve || !signature)
    return refuse(pb::BAD_REQUEST, "A key or the signature does not have its length.");
  if (e.display_name().size() > kNameBytesMax || e.device_name().size() > kNameBytesMax)
    return refuse(pb::NAME_REFUSED, "A name is at most 256 bytes.");
  return EnrolAppend{asker, *sign, *curve, *signature, e.display_name(), e.device_name()};
}

// To be called before heads are read: the client's next known_size is this checkpoint's size, so an
// entry between the two must be told twice rather than never.
template <class T>
void fill_state(const Directory& directory, const ServerFacts& facts, T& out) {
  out.set_checkpoint(*facts.checkpoint());
  out.set_people_version(directory.people_version);
  out.set_now_ms(wall_ms());
  const std::string reason = facts.read_only();
  out.set_read_only(!reason.empty());
  out.set_read_only_reason(reason);
}

void fill_room(const Room& room, pb::RoomInfo& out) {
  out.set_room(text_of(room.id.view()));
  out.set_name(room.name);
  out.set_topic(room.topic_text);
  out.set_kind(static_cast<std::uint32_t>(room.kind));
  out.set_sub_topic(text_of(room.topic.view()));
  fill_room_key(room, *out.mutable_key());
  if (!room.head) return;
  out.set_head_room_seq(room.head->room_seq);
  out.set_last_seq(room.head->seq);
}

pb::Reply hello(const Directory& directory, const ServerFacts& facts, const Device& device,
                const User& user) {
  pb::Reply reply;
  auto& w = *reply.mutable_welcome();
  fill_state(directory, facts, w);
  for (const Room* room : directory.rooms_of(user.id)) fill_room(*room, *w.add_rooms());
  w.set_card(facts.card());
  w.set_frame_pk(text_of(facts.frame_key.view()));
  w.set_broadcast(facts.broadcast);
  w.set_user_id(text_of(user.id.view()));
  w.set_user_name(user.name);
  w.set_display_name(user.display_name);
  w.set_role(record::role_name(user.role));
  w.set_device(text_of(device.id.view()));
  w.set_ping_every_ms(facts.ping_every_ms);
  return reply;
}

pb::Reply ping(const Directory& directory, const ServerFacts& facts, const User& user,
               const pb::Ping& p) {
  pb::Reply reply;
  auto& pong = *reply.mutable_pong();
  fill_state(directory, facts, pong);
  for (const Room* room : directory.rooms_of(user.id)) {
    if (!room->head) continue;
    const std::uint64_t room_seq = room->head->room_seq;
    if (room_seq == 0 || room->head->seq < p.known_size()) continue;
    auto& head = *pong.add_heads();
    head.set_room(text_of(room->id.view()));
    head.set_head_room_seq(room_seq);
  }
  pong.set_rooms_version(directory.rooms_version);
  return reply;
}

pb::Reply room_keys(const Directory& directory, const User& user, const pb::RoomKeys& r) {
  const auto id = RoomId::parse(as_bytes(r.room()));
  if (!id) return refuse(pb::BAD_REQUEST, "A room's id is 16 bytes.");
  const Room* const room = directory.room(*id);
  if (room == nullptr || !directory.is_member(*id, user.id))
    return refuse(pb::NOT_A_MEMBER, "You are not a member of this room.");
  pb::Reply reply;
  fill_room_key(*room, *reply.mutable_room_keys()->add_keys());
  return reply;
}

pb::Reply people(const Directory& directory, const pb::People& p) {
  pb::Reply reply;
  auto& page = *reply.mutable_people();
  page.set_version(directory.people_version);
  if (p.since_version() != 0 && p.since_version() == directory.people_version) return reply;
  for (const auto& [id, user] : directory.users) {
    auto& person = *page.add_people();
    person.set_user_id(text_of(id.view()));
    person.set_name(user->name);
    person.set_display_name(user->display_name);
    person.set_role(record::role_name(user->role));
    person.set_disabled(user->disabled);
  }
  for (const auto& [id, device] : directory.devices) {
    auto& info = *page.add_devices();
    info.set_device(text_of(id.view()));
    info.set_user_id(text_of(device->user.view()));
    info.set_sign_pk(text_of(device->sign.view()));
    info.set_curve_pk(text_of(device->curve.view()));
    info.set_enrolled_seq(device->enrolled_seq);
    info.set_revoked_seq(device->revoked_seq);
    info.set_by_administrator(device->by_administrator);
  }
  return reply;
}

Answer history(const Directory& directory, const Asker& asker, const User& user,
               const pb::History& h) {
  const auto id = RoomId::parse(as_bytes(h.room()));
  if (!id || h.limit() < 1 || h.limit() > kHistoryMessagesMax ||
      (h.from_room_seq() != 0 && h.before() != 0))
    return refuse(pb::BAD_REQUEST,
                  "History takes a room of 16 bytes, a limit of 1 to 1,000, and either "
                  "from_room_seq or before.");
  if (!directory.is_member(*id, user.id))
    return refuse(pb::NOT_A_MEMBER, "You are not a member of this room.");
  return ReadRequest{asker, HistoryRead{*id, h.from_room_seq(), h.before(), h.limit()}};
}

Answer proof(const ServerFacts& facts, const Asker& asker, const pb::Request& request) {
  const std::uint64_t size = facts.log_size();
  if (request.has_consistency()) {
    const auto& c = request.consistency();
    if (c.old_size() > c.new_size() || c.new_size() > size)
      return refuse(pb::BAD_REQUEST, "Consistency takes old_size <= new_size <= the log's size.");
    return ReadRequest{asker, ConsistencyRead{c.old_size(), c.new_size()}};
  }
  const auto& i = request.inclusion();
  if (i.seq() >= i.size() || i.size() > size)
    return refuse(pb::BAD_REQUEST, "Inclusion takes seq < size <= the log's size.");
  return ReadRequest{asker, InclusionRead{i.seq(), i.size()}};
}
}  // namespace

Answer answer_request(const Directory& directory, const ServerFacts& facts, const Asker& asker,
                      ByteView content) {
  pb::Request r;
  if (!r.ParseFromArray(content.data(), static_cast<int>(content.size())) ||
      r.what_case() == pb::Request::WHAT_NOT_SET)
    return refuse(pb::BAD_REQUEST, "This is not a request of this protocol.");
  if (r.has_enrol()) return enrol(directory, asker, r.enrol());

  const Device* const device = directory.device_of(asker.key);
  const User* const user = device == nullptr ? nullptr : directory.user(device->user);
  if (user == nullptr)
    return refuse(pb::NOT_ALLOWED,
                  "This key belongs to no live device; an invite's key may only enrol.");
  switch (r.what_case()) {
    case pb::Request::kHello: return hello(directory, facts, *device, *user);
    case pb::Request::kPing: return ping(directory, facts, *user, r.ping());
    case pb::Request::kHistory: return history(directory, asker, *user, r.history());
    case pb::Request::kRoomKeys: return room_keys(directory, *user, r.room_keys());
    case pb::Request::kConsistency:
    case pb::Request::kInclusion: return proof(facts, asker, r);
    case pb::Request::kPeople: return people(directory, r.people());
    case pb::Request::kEnrol:
    case pb::Request::WHAT_NOT_SET: break;
  }
  return refuse(pb::BAD_REQUEST, "This is not a request of this protocol.");
}

}  // namespace tertulia::broker
