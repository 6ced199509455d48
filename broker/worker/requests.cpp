#include "broker/worker/requests.hpp"

#include <algorithm>

#include "broker/flow/reply.hpp"
#include "broker/worker/link_requests.hpp"
#include "broker/worker/submission_check.hpp"
#include "common/base/clock.hpp"

namespace tertulia::broker {

namespace {
constexpr std::uint32_t kHistoryMessagesMax = 1000;
constexpr std::size_t kNameBytesMax = 256;  // t-log has the finer rules
// People and devices in one answer, of 500 bytes at most each.
constexpr std::size_t kPeoplePageMax = 1000;
constexpr int kMarksMax = 64;
// In a larger room somebody always writes, and each word of it would be thousands of notices.
constexpr std::size_t kTypingMembersMax = 50;
// A device that has been silent for so many pings is not there any more.
constexpr std::uint64_t kPingsToLive = 3;
constexpr std::uint64_t kLiveSlackMs = 2'000;

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
  for (const std::string* name : {&e.display_name(), &e.device_name(), &e.user_name()})
    if (name->size() > kNameBytesMax)
      return refuse(pb::NAME_REFUSED, "A name is at most 256 bytes.");
  return EnrolAppend{asker,           *sign,           *curve, *signature, e.display_name(),
                     e.device_name(), e.user_name()};
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

void describe_room(const Room& room, const User& user, pb::RoomInfo& out) {
  out.set_room(text_of(room.id.view()));
  out.set_name(room.name);
  out.set_topic(room.topic_text);
  out.set_kind(static_cast<std::uint32_t>(room.kind));
  out.set_standing(static_cast<std::uint32_t>(room.standing(user.id)));
  out.set_flags(room.flags);
  out.set_archived(room.archived);
  out.set_member_count(static_cast<std::uint32_t>(room.members.size()));
  if (room.kind == record::RoomKind::direct)
    for (const auto& [id, membership] : room.members) out.add_members(text_of(id.view()));
}

void fill_room(const Room& room, const User& user, const Presence& presence, pb::RoomInfo& out) {
  describe_room(room, user, out);
  const bool direct = room.kind == record::RoomKind::direct;
  out.set_sub_topic(text_of((direct ? user.inbox : room.topic).view()));
  fill_room_key(room, *out.mutable_key());
  out.set_readable_from(room.readable_from(user.id));
  out.set_read_up_to(presence.read_up_to(user.id, room.id));
  if (!room.head) return;
  out.set_head_room_seq(room.head->room_seq);
  out.set_last_seq(room.head->seq);
}

pb::Reply hello(const Directory& directory, const ServerFacts& facts, const Device& device,
                const User& user) {
  pb::Reply reply;
  auto& w = *reply.mutable_welcome();
  fill_state(directory, facts, w);
  for (const Room* room : directory.rooms_of(user.id))
    fill_room(*room, user, *facts.presence, *w.add_rooms());
  w.set_rooms_version(directory.rooms_version_of(user));
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

void notify(std::vector<CurvePublicKey> to, const pb::Reply& reply,
            std::vector<Outgoing>& notices) {
  if (to.empty()) return;
  Outgoing out = reply_frame(Asker{}, reply);
  out.to = std::make_shared<const std::vector<CurvePublicKey>>(std::move(to));
  notices.push_back(std::move(out));
}

// Raised marks go to the user's other devices at once.
void take_marks(const Directory& directory, const ServerFacts& facts, const Asker& asker,
                const User& user, const pb::Ping& p, std::vector<Outgoing>& notices) {
  pb::Reply told;
  for (const auto& mark : p.read()) {
    const auto id = RoomId::parse(as_bytes(mark.room()));
    const Room* const room = id ? directory.room(*id) : nullptr;
    if (room == nullptr || !room->head || !directory.is_member(*id, user.id)) continue;
    const std::uint64_t up_to = std::min<std::uint64_t>(mark.room_seq(), room->head->room_seq);
    if (!facts.presence->mark_read(user.id, *id, up_to)) continue;
    auto& one = *told.mutable_notice()->add_read();
    one.set_room(mark.room());
    one.set_room_seq(up_to);
  }
  if (!told.has_notice()) return;
  auto keys = directory.keys_of([&](const UserId& u) { return u == user.id; });
  std::erase(keys, asker.key);
  notify(std::move(keys), told, notices);
}

// To the other members of a room that is small enough for it to be of use.
void tell_typing(const Directory& directory, const ServerFacts& facts, const User& user,
                 const std::string& room_id, std::vector<Outgoing>& notices) {
  const auto id = RoomId::parse(as_bytes(room_id));
  const Room* const room = id ? directory.room(*id) : nullptr;
  if (room == nullptr || room->members.size() > kTypingMembersMax || !facts.share_typing ||
      !directory.may(user, record::Action::write, *room) ||
      !facts.presence->types(user.id, *id, monotonic_ms()))
    return;
  pb::Reply reply;
  reply.mutable_notice()->set_typing_room(room_id);
  reply.mutable_notice()->set_typing_user(text_of(user.id.view()));
  notify(
      directory.keys_of([&](const UserId& u) { return u != user.id && room->members.contains(u); }),
      reply, notices);
}

// Guests and bots know of those with whom they share a room.
bool may_know(const Directory& directory, const User& who, const UserId& other) {
  if (who.role != record::Role::guest && who.role != record::Role::bot) return true;
  for (const Room* room : directory.rooms_of(who.id))
    if (room->members.contains(other)) return true;
  return false;
}

pb::Reply ping(const Directory& directory, const ServerFacts& facts, const Asker& asker,
               const Device& device, const User& user, const pb::Ping& p,
               std::vector<Outgoing>& notices) {
  if (p.read_size() > kMarksMax || p.activity() > static_cast<std::uint32_t>(Activity::active))
    return refuse(pb::BAD_REQUEST, "A ping takes 64 marks at most, and an activity of 0, 1 or 2.");
  take_marks(directory, facts, asker, user, p, notices);
  if (!p.typing().empty()) tell_typing(directory, facts, user, p.typing(), notices);

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
  pong.set_rooms_version(directory.rooms_version_of(user));
  pong.set_card_serial(facts.card_serial());
  if (!facts.share_presence) return reply;
  const std::uint64_t now_ms = monotonic_ms();
  const std::uint64_t lives_ms = facts.ping_every_ms * kPingsToLive + kLiveSlackMs;
  facts.presence->tell(user.id, device.id, static_cast<Activity>(p.activity()), now_ms, lives_ms);
  const Presence::Changes changes = facts.presence->since(p.presence_version(), now_ms);
  pong.set_presence_version(changes.version);
  for (const auto& [who, activity] : changes.people) {
    if (!may_know(directory, user, who)) continue;
    auto& person = *pong.add_presence();
    person.set_user_id(text_of(who.view()));
    person.set_activity(static_cast<std::uint32_t>(activity));
  }
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

pb::Reply rooms(const Directory& directory, const User& user) {
  std::vector<const Room*> seen;
  for (const auto& [id, room] : directory.rooms)
    if (directory.may(user, record::Action::see_room, *room)) seen.push_back(room.get());
  std::sort(seen.begin(), seen.end(), [](const Room* a, const Room* b) {
    return a->name != b->name ? a->name < b->name : a->id < b->id;
  });
  pb::Reply reply;
  auto& list = *reply.mutable_rooms();
  for (const Room* room : seen) describe_room(*room, user, *list.add_rooms());
  return reply;
}

pb::Reply members(const Directory& directory, const User& user, const pb::Members& m) {
  const auto id = RoomId::parse(as_bytes(m.room()));
  if (!id) return refuse(pb::BAD_REQUEST, "A room's id is 16 bytes.");
  const Room* const room = directory.room(*id);
  if (room == nullptr || !directory.may(user, record::Action::see_room, *room))
    return refuse(pb::ROOM_UNKNOWN, "There is no such room.");
  pb::Reply reply;
  auto& list = *reply.mutable_members();
  list.set_room(text_of(id->view()));
  for (const auto& [member, membership] : room->members) {
    auto& one = *list.add_members();
    one.set_user_id(text_of(member.view()));
    one.set_standing(static_cast<std::uint32_t>(membership.standing));
  }
  return reply;
}

pb::Reply own_devices(const Directory& directory, const ServerFacts& facts, const User& user) {
  pb::Reply reply;
  auto& list = *reply.mutable_devices();
  std::vector<const Device*> own;
  for (const auto& [id, device] : directory.devices)
    if (device->user == user.id) own.push_back(device.get());
  std::sort(own.begin(), own.end(),
            [](const Device* a, const Device* b) { return a->enrolled_seq < b->enrolled_seq; });
  for (const Device* device : own) {
    auto& one = *list.add_devices();
    one.set_device(text_of(device->id.view()));
    one.set_name(device->name);
    one.set_enrolled_seq(device->enrolled_seq);
    one.set_revoked_seq(device->revoked_seq);
    one.set_by_administrator(device->by_administrator);
    one.set_held_by_server(device->held_by_server);
    one.set_last_seen_ms(facts.presence->last_seen(device->id));
  }
  return reply;
}

void fill_person(const User& user, pb::Person& out) {
  out.set_user_id(text_of(user.id.view()));
  out.set_name(user.name);
  out.set_display_name(user.display_name);
  out.set_role(record::role_name(user.role));
  out.set_disabled(user.disabled);
}

void fill_device(const Device& device, pb::DeviceInfo& out) {
  out.set_device(text_of(device.id.view()));
  out.set_user_id(text_of(device.user.view()));
  out.set_sign_pk(text_of(device.sign.view()));
  out.set_curve_pk(text_of(device.curve.view()));
  out.set_enrolled_seq(device.enrolled_seq);
  out.set_revoked_seq(device.revoked_seq);
  out.set_by_administrator(device.by_administrator);
  out.set_held_by_server(device.held_by_server);
}

// What has changed since a version, in the order in which it did, page by page: a change of one
// person is a few hundred bytes to each client, not the list of all.
pb::Reply people(const Directory& directory, const pb::People& p) {
  struct Changed {
    std::uint64_t version;
    const User* user;
    const Device* device;
  };
  // A version that this log has not reached was told by another one: all of it.
  const std::uint64_t since = p.since_version() > directory.people_version ? 0 : p.since_version();
  std::vector<Changed> changed;
  for (const auto& [id, user] : directory.users)
    if (user->version > since) changed.push_back({user->version, user.get(), nullptr});
  for (const auto& [id, device] : directory.devices)
    if (device->version() > since) changed.push_back({device->version(), nullptr, device.get()});
  std::sort(changed.begin(), changed.end(),
            [](const Changed& a, const Changed& b) { return a.version < b.version; });
  pb::Reply reply;
  auto& page = *reply.mutable_people();
  page.set_version(directory.people_version);
  std::size_t count = 0;
  for (const Changed& c : changed) {
    // What one act has changed is not parted, so that the version says what was told
    if (++count > kPeoplePageMax && c.version != page.version()) {
      page.set_more(true);
      return reply;
    }
    if (c.user != nullptr) fill_person(*c.user, *page.add_people());
    if (c.device != nullptr) fill_device(*c.device, *page.add_devices());
    page.set_version(c.version);
  }
  page.set_version(directory.people_version);
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
  const Room* const there = directory.room(*id);
  const bool reads = there != nullptr && directory.may(user, record::Action::read, *there);
  const bool audits =
      there != nullptr && directory.may(user, record::Action::read_unjoined, *there);
  if (!reads && !audits) return refuse(pb::NOT_A_MEMBER, "You are not a member of this room.");
  const Room& room = *there;
  const std::uint64_t first = room.readable_from(user.id);
  // A member who is an auditor reads like the others where they could; there is no entry of that.
  if (audits && (!reads || first > 1))
    return AuditedRead{asker, {*id, h.from_room_seq(), h.before(), h.limit()}};
  HistoryRead read{*id, h.from_room_seq(), h.before(), h.limit()};
  if (read.from_room_seq != 0) {
    read.from_room_seq = std::max(read.from_room_seq, first);
  } else {
    // As many as there are from `first` on: what is said meanwhile makes them newer, never older.
    const std::uint64_t end =
        std::min(read.before == 0 ? UINT64_MAX : read.before, room.head->room_seq.load() + 1);
    const std::uint64_t readable = end > first ? end - first : 0;
    read.limit = static_cast<std::uint32_t>(std::min<std::uint64_t>(read.limit, readable));
  }
  if (read.limit == 0) {
    pb::Reply reply;
    reply.mutable_history()->set_head_room_seq(room.head->room_seq);
    return reply;
  }
  return ReadRequest{asker, read};
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
                      ByteView content, std::vector<Outgoing>& notices) {
  pb::Request r;
  if (!r.ParseFromArray(content.data(), static_cast<int>(content.size())) ||
      r.what_case() == pb::Request::WHAT_NOT_SET)
    return refuse(pb::BAD_REQUEST, "This is not a request of this protocol.");
  if (r.has_enrol()) return enrol(directory, asker, r.enrol());
  if (r.has_link_ask()) return answer_link_ask(directory, facts, asker, r.link_ask(), notices);

  const Device* const device = directory.device_of(asker.key);
  const User* const user = device == nullptr ? nullptr : directory.user(device->user);
  if (user == nullptr)
    return refuse(pb::NOT_ALLOWED,
                  "This key belongs to no live device; an invite's key may only enrol.");
  facts.presence->saw(device->id, wall_ms());
  switch (r.what_case()) {
    case pb::Request::kHello: return hello(directory, facts, *device, *user);
    case pb::Request::kPing:
      return ping(directory, facts, asker, *device, *user, r.ping(), notices);
    case pb::Request::kHistory: return history(directory, asker, *user, r.history());
    case pb::Request::kRoomKeys: return room_keys(directory, *user, r.room_keys());
    case pb::Request::kConsistency:
    case pb::Request::kInclusion: return proof(facts, asker, r);
    case pb::Request::kPeople: return people(directory, r.people());
    case pb::Request::kRooms: return rooms(directory, *user);
    case pb::Request::kMembers: return members(directory, *user, r.members());
    case pb::Request::kDevices: return own_devices(directory, facts, *user);
    case pb::Request::kAct: {
      auto checked = check_act(directory, facts.server, asker, r.act());
      if (checked) return std::move(*checked);
      pb::Reply reply;
      *reply.mutable_error() = std::move(checked.error());
      return reply;
    }
    case pb::Request::kLink:
      return answer_link(directory, facts, *device, *user, r.link(), notices);
    case pb::Request::kEnrol:
    case pb::Request::kLinkAsk:
    case pb::Request::WHAT_NOT_SET: break;
  }
  return refuse(pb::BAD_REQUEST, "This is not a request of this protocol.");
}

}  // namespace tertulia::broker
