// Acts of administration that this device signs, and the lists that are asked for beside them.
#include <fmt/format.h>

#include <algorithm>

#include "client/engine/session.hpp"
#include "common/base/clock.hpp"
#include "common/base/log.hpp"

namespace tertulia::client {

using record::Kind;
using record::Tag;

namespace {

constexpr std::uint64_t kActPauseMs = 500;

std::string text_of(ByteView bytes) { return std::string(as_text(bytes)); }

// An act before it is signed; a fault says why it cannot be one.
struct Composed {
  Kind kind{};
  record::Act act;
  pb::ActNames names;
  RoomId room;
  std::string fault;
};

class Compose {
 public:
  Compose(const People& people, const Enrolled& me) : people_(people), me_(me) {}

  Composed operator()(const CreateRoom& c) {
    Composed out{Kind::room_create, {}, {}, {}, {}};
    randombytes_buf(out.room.data(), out.room.size());
    std::uint64_t flags = c.past_readable ? record::flag_past_readable : 0;
    if (c.for_newcomers) flags |= record::flag_default_room;
    out.act.set(Tag::room, out.room)
        .set(Tag::user_id, me_.account.user_id)
        .set_number(Tag::room_kind, static_cast<std::uint64_t>(c.kind))
        .set_number(Tag::flags, flags);
    out.names.set_room_name(c.name);
    out.names.set_room_topic(c.topic);
    return out;
  }
  Composed operator()(const OpenDirect& c) {
    Composed out{Kind::room_create, {}, {}, {}, {}};
    std::vector<UserId> members{me_.account.user_id};
    for (const auto& name : c.users) {
      const UserId user = find(name, out);
      if (std::find(members.begin(), members.end(), user) == members.end()) members.push_back(user);
    }
    if (members.size() < 2) out.fault = "A direct room is for two people or more.";
    if (members.size() > record::members_in_act_max)
      out.fault =
          fmt::format("A direct room is for {} people at most.", record::members_in_act_max);
    if (!out.fault.empty()) return out;
    out.room = record::direct_room_id(me_.server, members);
    record::set_members(out.act, std::move(members));
    out.act.set(Tag::room, out.room)
        .set_number(Tag::room_kind, static_cast<std::uint64_t>(record::RoomKind::direct))
        .set_number(Tag::flags, record::flag_past_readable);
    return out;
  }
  Composed operator()(const ChangeRoom& c) {
    Composed out{Kind::room_change, {}, {}, c.room, {}};
    out.act.set(Tag::room, c.room);
    if (c.archived) out.act.set_number(Tag::state, *c.archived ? 1 : 0);
    if (c.past_readable)
      out.act.set_number(Tag::flags, *c.past_readable ? record::flag_past_readable : 0);
    out.names.set_room_name(c.name);
    out.names.set_room_topic(c.topic);
    return out;
  }
  Composed operator()(const AddMember& c) {
    Composed out = of_member(Kind::member_add, c.room, c.user);
    if (c.standing > record::Standing::member)
      out.act.set_number(Tag::standing, static_cast<std::uint64_t>(c.standing));
    return out;
  }
  Composed operator()(const RemoveMember& c) {
    return of_member(Kind::member_remove, c.room, c.user);
  }
  Composed operator()(const SetStanding& c) {
    Composed out = of_member(Kind::member_change, c.room, c.user);
    out.act.set_number(Tag::standing, static_cast<std::uint64_t>(c.standing));
    return out;
  }
  Composed operator()(const RevokeDevice& c) {
    Composed out{Kind::device_revoke, {}, {}, {}, {}};
    out.act.set(Tag::device, c.device);
    return out;
  }
  Composed operator()(const ChangeUser& c) {
    Composed out{Kind::user_change, {}, {}, {}, {}};
    out.act.set(Tag::user_id, find(c.user, out));
    if (c.role) out.act.set_number(Tag::role, static_cast<std::uint64_t>(*c.role));
    if (c.disabled) out.act.set_number(Tag::state, *c.disabled ? 1 : 0);
    out.names.set_display_name(c.display_name);
    return out;
  }

 private:
  Composed of_member(Kind kind, const RoomId& room, const std::string& user) {
    Composed out{kind, {}, {}, room, {}};
    out.act.set(Tag::room, room).set(Tag::user_id, find(user, out));
    return out;
  }
  UserId find(const std::string& name, Composed& out) const {
    if (name.empty() || name == me_.account.user_name) return me_.account.user_id;
    const StoredPerson* person = people_.named(name);
    if (person == nullptr) {
      out.fault = fmt::format("There is no user {}.", name);
      return {};
    }
    return person->id;
  }

  const People& people_;
  const Enrolled& me_;
};

}  // namespace

// Users are named, and lists are of people: both wait for the newest page of them, and a list for
// who is there.
void Session::begin_waiting(std::uint64_t now_ms) {
  if (!welcomed_ || people_wanted_ != people_.version()) return;
  const bool of_people =
      std::any_of(waiting_lists_.begin(), waiting_lists_.end(), [](const auto& l) {
        return std::holds_alternative<ListPeople>(l.first) ||
               std::holds_alternative<ListMembers>(l.first);
      });
  if (of_people && !presence_.known()) return presence_.ask_now(now_ms);
  for (const auto& [what, token] : std::exchange(waiting_acts_, {})) begin_act(what, token);
  for (const auto& [what, token] : std::exchange(waiting_lists_, {})) begin_list(what, token);
}

void Session::begin_act(const Act& act, std::uint64_t token) {
  Composed made = std::visit(Compose(people_, enrolled_), act);
  if (!made.fault.empty()) {
    events_.push_back(ActFinished{token, false, made.fault, made.room});
    return;
  }
  // The same people have the same room: it may be there, and then it is done.
  if (std::holds_alternative<OpenDirect>(act))
    if (const RoomState* room = rooms_.find(made.room); room != nullptr && room->member) {
      events_.push_back(ActFinished{token, true, {}, made.room});
      return;
    }
  pb::Body words;
  *words.mutable_names() = made.names;
  queue_act(made.kind, made.room, record::encode(made.act), words, token);
}

void Session::queue_act(Kind kind, const RoomId& room, Bytes act, const pb::Body& words,
                        std::uint64_t token) {
  PendingAct p;
  p.token = token;
  p.kind = kind;
  p.room = room;
  p.act = std::move(act);
  const std::string bytes = words.SerializeAsString();
  p.body.assign(bytes.begin(), bytes.end());
  randombytes_buf(p.salt.data(), p.salt.size());
  p.created_ms = wall_ms();
  acts_[store_.next_submission_id(p.created_ms)] = std::move(p);
}

void Session::send_acts(std::uint64_t now_ms) {
  if (!may_send()) return;
  for (auto& [id, p] : acts_) {
    if (now_ms < p.at_ms) continue;
    record::Submission s;
    s.server = enrolled_.server;
    s.device = device_.id;
    s.id = id;
    s.seen_size = p.seen_size = witness_.verified()->size;
    s.seen_root = witness_.verified()->root;
    record::MessageHeader header;
    header.kind = p.kind;
    header.sent_at_ms = p.created_ms;
    header.act_hash = crypto::sha256(p.act);
    header.commitment = record::commitment(p.salt, p.body);
    s.messages.push_back(header);
    const Bytes bytes = record::encode(s);
    pb::Request request;
    auto& signed_act = *request.mutable_act();
    signed_act.set_submission(text_of(bytes));
    signed_act.set_act(text_of(p.act));
    signed_act.set_signature(text_of(record::sign_submission(device_.signing, bytes).view()));
    signed_act.set_salt(text_of(p.salt.view()));
    signed_act.set_body(text_of(p.body));
    const std::string content = request.SerializeAsString();
    const bool sent = link_.send(wire::encode_command(
        wire::FrameType::request, RequestId::from(id.view()), as_bytes(content)));
    p.at_ms = sent ? UINT64_MAX : now_ms + kActPauseMs;
  }
}

// An act is finished when what it changed is known here: with the next welcome, which has the rooms
// and the version of the people. One's own device may be the revoked one: then none comes.
void Session::finish_act(const SubmissionId& id, bool ok, std::string reason,
                         std::uint64_t now_ms) {
  const auto at = acts_.find(id);
  if (at->second.kind == Kind::device_link) {
    acts_.erase(at);
    end_link(ok, std::move(reason), now_ms);
    return;
  }
  ActFinished done{at->second.token, ok, std::move(reason), at->second.room};
  const bool shows = ok && at->second.kind != Kind::device_revoke;
  acts_.erase(at);
  if (!shows) {
    events_.push_back(std::move(done));
    return;
  }
  finished_acts_.push_back(std::move(done));
  hello_again_ = hello_open_;  // its answer may be older than the act
  if (!hello_open_) say_hello(now_ms);
}

void Session::tell_finished_acts() {
  for (auto& done : std::exchange(finished_acts_, {})) events_.push_back(std::move(done));
}

void Session::on_act_reply(const RequestId& request, const pb::Reply& reply, std::uint64_t now_ms) {
  const SubmissionId id = SubmissionId::from(request.view());
  PendingAct& p = acts_.at(id);
  if (reply.has_ack()) {
    witness_.offer(reply.ack().checkpoint());
    finish_act(id, true, {}, now_ms);
    return;
  }
  const pb::Error& error = reply.error();
  switch (error.code()) {
    case pb::STALE_VIEW:
      witness_.offer(error.checkpoint());
      witness_at_ms_ = 0;
      p.at_ms = now_ms + kActPauseMs;
      return;
    case pb::BUSY:
    case pb::READ_ONLY:
      p.at_ms = now_ms + std::max<std::uint64_t>(kActPauseMs, error.retry_after_ms());
      return;
    default: break;
  }
  // A direct room that somebody else has made meanwhile is the one that was wanted.
  const bool there = error.code() == pb::CONFLICT && p.kind == Kind::room_create;
  finish_act(id, there, there ? std::string() : reason_of(error), now_ms);
}

void Session::begin_list(const List& what, std::uint64_t token) {
  pb::Request request;
  Asked asked;
  asked.token = token;
  if (std::holds_alternative<ListPeople>(what)) {
    PeopleListed out{token, {}};
    for (const auto& [id, p] : people_.all())
      out.people.push_back(
          {p.id, p.name, p.display_name, p.role, p.disabled, presence_.activity_of(p.id)});
    std::sort(out.people.begin(), out.people.end(),
              [](const Person& a, const Person& b) { return a.name < b.name; });
    events_.push_back(std::move(out));
    return;
  }
  if (std::holds_alternative<ListRooms>(what)) {
    request.mutable_rooms();
    asked.what = What::rooms;
  } else if (const auto* members = std::get_if<ListMembers>(&what)) {
    request.mutable_members()->set_room(text_of(members->room.view()));
    asked.what = What::members;
  } else {
    request.mutable_devices();
    asked.what = What::devices;
  }
  if (!welcomed_ || !ask(request, asked))
    events_.push_back(ListRefused{token, "The server cannot be reached."});
}

void Session::on_list(const Asked& asked, const pb::Reply& reply) {
  if (asked.what == What::rooms) {
    RoomsListed out{asked.token, {}};
    for (const auto& info : reply.rooms().rooms())
      if (auto room = Rooms::described(info)) out.rooms.push_back(std::move(*room));
    for (auto& room : out.rooms) {
      name_direct(room);
      if (enrolled_.account.role == record::role_name(record::Role::auditor)) rooms_.audit(room);
    }
    events_.push_back(std::move(out));
    return;
  }
  if (asked.what == What::members) {
    MembersListed out{asked.token, RoomId{}, {}};
    if (const auto room = RoomId::parse(as_bytes(reply.members().room()))) out.room = *room;
    for (const auto& m : reply.members().members()) {
      const auto id = UserId::parse(as_bytes(m.user_id()));
      const StoredPerson* person = id ? people_.person(*id) : nullptr;
      if (person == nullptr) continue;
      out.members.push_back({{person->id, person->name, person->display_name, person->role,
                              person->disabled, presence_.activity_of(person->id)},
                             static_cast<record::Standing>(m.standing())});
    }
    std::sort(out.members.begin(), out.members.end(),
              [](const auto& a, const auto& b) { return a.person.name < b.person.name; });
    events_.push_back(std::move(out));
    return;
  }
  DevicesListed out{asked.token, {}};
  for (const auto& d : reply.devices().devices()) {
    const auto id = DeviceId::parse(as_bytes(d.device()));
    if (id)
      out.devices.push_back({*id, d.name(), d.enrolled_seq(), d.revoked_seq() != 0,
                             d.by_administrator(), *id == device_.id, d.last_seen_ms(), d.held_by_server()});
  }
  events_.push_back(std::move(out));
}

// A direct room is called after the others who are in it.
void Session::name_direct(Room& room) const {
  if (room.kind != record::RoomKind::direct) return;
  std::vector<std::string> names;
  for (const UserId& id : room.members) {
    const StoredPerson* person = people_.person(id);
    if (person != nullptr && id != enrolled_.account.user_id) names.push_back(person->name);
  }
  std::sort(names.begin(), names.end());  // members come in the order of their ids
  room.name = "@";
  for (const auto& name : names) room.name += (room.name.size() > 1 ? ", " : "") + name;
}

}  // namespace tertulia::client
