#include "broker/log/derived.hpp"

#include <cassert>

#include "broker/names/names.hpp"

namespace tertulia::broker {

using record::Act;
using record::Kind;
using record::Tag;

namespace {
constexpr std::uint64_t kKeyLifeMs = 24ull * 3600 * 1000;

std::shared_ptr<const RoomKeys> first_keys(std::uint64_t now_ms) {
  return std::make_shared<RoomKeys>(
      RoomKeys{crypto::RoomKey(crypto::Seed::random()), std::nullopt, now_ms});
}
// Direct rooms have no name, and that of an archived one is free.
void reserve_name(Directory& d, const Room& room) {
  if (room.archived || room.name.empty()) return;
  for (auto& s : skeletons(room.name)) d.rooms_by_skeleton[std::move(s)] = room.id;
}
}  // namespace

Derived::Derived(Database& db, EntryStore& store, const crypto::Seed& topics)
    : db_(db),
      store_(store),
      topics_(topics) {}

// ---- from the tables ----

void Derived::load(std::uint64_t log_size, const DataKeys& sealing) {
  load_people();
  load_webhooks(sealing);
  load_rooms();
  // Versions are positions of acts, so that they rise over restarts too.
  Directory& d = draft();
  d.rooms_version = log_size;
  for (const auto& [id, user] : d.users)
    d.people_version = std::max(d.people_version, user->version);
  for (const auto& [id, device] : d.devices)
    d.people_version = std::max(d.people_version, device->version());
}

void Derived::load_people() {
  Directory& d = draft();
  std::unordered_map<InviteId, std::uint64_t> used;  // class links, by how many users
  Statement users = db_.prepare(
      "SELECT user_id, name, display_name, role, disabled, changed_seq, class_link FROM users");
  while (users.next()) {
    User u{users.id<UserId>(0),  users.text(1),
           users.text(2),        static_cast<record::Role>(users.number(3)),
           users.number(4) != 0, 0,
           users.number(5) + 1,  inbox_of(users.id<UserId>(0)),
           users.id<InviteId>(6)};
    if (!u.by_class_link.is_zero()) ++used[u.by_class_link];
    d.users_by_name[u.name] = u.id;
    for (auto& s : skeletons(u.name)) d.users_by_skeleton[std::move(s)] = u.id;
    d.users[u.id] = std::make_shared<const User>(std::move(u));
  }
  Statement devices = db_.prepare(
      "SELECT device_no, device_id, user_id, sign_pk, curve_pk, enrolled_seq, revoked_seq, "
      "by_administrator, name, held_by_server "
      "FROM devices");
  while (devices.next()) {
    const Device v{
        devices.id<DeviceId>(1),       devices.id<UserId>(2), devices.id<SignPublicKey>(3),
        devices.id<CurvePublicKey>(4), devices.number(5),     devices.number(6),
        devices.number(7) != 0,        devices.text(8),       devices.number(9) != 0};
    const std::uint64_t number = devices.number(0);
    devices_[v.id] = DeviceSlot{number, store_.newest_submission(number).value_or(SubmissionId{})};
    if (v.live()) d.keys[v.curve] = KeyOwner{KeyOwner::Kind::device, v.id, {}};
    d.devices[v.id] = std::make_shared<const Device>(v);
  }
  Statement invites = db_.prepare(
      "SELECT invite_id, user_id, curve_pk, expires_ms, revoked, used_by, role, uses, "
      "label, rooms FROM invites");
  while (invites.next()) {
    Invite v{invites.id<InviteId>(0), invites.id<UserId>(1),  invites.id<CurvePublicKey>(2),
             invites.number(3),       invites.number(4) != 0, invites.id<DeviceId>(5)};
    v.role = static_cast<record::Role>(invites.number(6));
    v.uses = invites.number(7);
    v.label = invites.text(8);
    Reader rooms(invites.blob(9));
    while (rooms.left() >= RoomId::size_bytes) v.rooms.push_back(rooms.id<RoomId>());
    if (const auto count = used.find(v.id); count != used.end()) v.used = count->second;
    d.keys[v.curve] = KeyOwner{KeyOwner::Kind::invite, {}, v.id};
    d.invites[v.id] = std::make_shared<const Invite>(std::move(v));
  }
}

void Derived::load_rooms() {
  Directory& d = draft();
  Statement rooms =
      db_.prepare("SELECT room_no, room_id, name, topic, kind, flags, archived FROM rooms");
  Statement members =
      db_.prepare("SELECT user_id, standing, joined_at FROM members WHERE room_no=?");
  while (rooms.next()) {
    Room r;
    r.id = rooms.id<RoomId>(1);
    r.name = rooms.text(2);
    r.topic_text = rooms.text(3);
    r.kind = static_cast<record::RoomKind>(rooms.number(4));
    r.flags = static_cast<std::uint8_t>(rooms.number(5));
    r.archived = rooms.number(6) != 0;
    r.topic = crypto::room_topic(topics_, r.id);
    r.keys = first_keys(now_ms_);
    r.head = std::make_shared<RoomHead>();
    RoomSlot slot{rooms.number(0), 0, 0, r.head};
    if (const auto newest = store_.newest_of_room(slot.number)) {
      const record::Leaf leaf = store_.leaf(*newest);
      slot.head_seq = *newest;
      slot.head_room_seq = leaf.first_room_seq + leaf.submission.messages.size() - 1;
      r.head->seq = slot.head_seq;
      r.head->room_seq = slot.head_room_seq;
    }
    members.bind(1, slot.number);
    while (members.next())
      r.members[members.id<UserId>(0)] = {static_cast<record::Standing>(members.number(1)),
                                          members.number(2)};
    rooms_[r.id] = slot;
    reserve_name(d, r);
    d.rooms[r.id] = std::make_shared<const Room>(std::move(r));
  }
}

// ---- inside a transaction ----

Directory& Derived::draft() {
  if (!draft_) draft_ = std::make_shared<Directory>(*current_);
  return *draft_;
}

// A copy of what a snapshot shares, put in its place: snapshots that are out stay as they are.
template <class T>
T& Derived::edit(std::shared_ptr<const T>& held) {
  auto copy = std::make_shared<T>(*held);
  T& out = *copy;
  held = std::move(copy);
  return out;
}

std::uint64_t Derived::advance(const RoomId& room, std::uint64_t seq, std::uint64_t count) {
  RoomSlot& slot = rooms_.at(room);
  const std::uint64_t first = slot.head_room_seq + 1;
  if (slot.head_room_seq == slot.head->room_seq.load(std::memory_order_relaxed))
    touched_.push_back(room);
  slot.head_room_seq += count;
  slot.head_seq = seq;
  return first;
}

void Derived::apply(std::uint64_t seq, Kind kind, const Act& act, const pb::ActNames& names) {
  switch (kind) {
    case Kind::user_add: add_user(seq, act, names); break;
    case Kind::user_change: change_user(seq, act, names); break;
    case Kind::invite_open: open_invite(act, names); break;
    case Kind::invite_revoke: {
      const InviteId id = act.id<InviteId>(Tag::invite_id);
      edit(draft().invites.at(id)).revoked = true;
      db_.prepare("UPDATE invites SET revoked=1 WHERE invite_id=?").bind(1, id).run();
      break;
    }
    case Kind::device_enrol:
    case Kind::device_link: add_device(seq, kind, act, names); break;
    case Kind::device_revoke: revoke_device(seq, act); break;
    case Kind::room_create: create_room(act, names); break;
    case Kind::room_change: change_room(act, names); break;
    case Kind::member_add:
    case Kind::member_change:
    case Kind::member_remove: change_members(kind, act); break;
    case Kind::key_rotate:
      if (act.id<RoomId>(Tag::room).is_zero()) return;  // the keys at rest
      renew_key(edit(draft().rooms.at(act.id<RoomId>(Tag::room))));
      break;
    default: return;  // acts that change no table: card, clock_stepped …
  }
  if (kind == Kind::user_add || kind == Kind::user_change || kind == Kind::device_enrol ||
      kind == Kind::device_link || kind == Kind::device_revoke)
    draft().people_version = seq + 1;
}

void Derived::add_user(std::uint64_t seq, const Act& act, const pb::ActNames& names) {
  // Until the first device brings a display name, the user name stands for it.
  const std::string& shown =
      names.display_name().empty() ? names.user_name() : names.display_name();
  User u{act.id<UserId>(Tag::user_id),
         names.user_name(),
         shown,
         static_cast<record::Role>(act.number(Tag::role)),
         false,
         0,
         seq + 1,
         inbox_of(act.id<UserId>(Tag::user_id))};
  if (act.has(Tag::invite_id)) {
    u.by_class_link = act.id<InviteId>(Tag::invite_id);
    ++edit(draft().invites.at(u.by_class_link)).used;
  }
  db_.prepare(
         "INSERT INTO users(user_id, name, display_name, role, disabled, changed_seq, class_link) "
         "VALUES(?, ?, ?, ?, 0, ?, ?)")
      .bind(1, u.id)
      .bind_text(2, u.name)
      .bind_text(3, u.display_name)
      .bind(4, act.number(Tag::role))
      .bind(5, seq)
      .bind(6, u.by_class_link)
      .run();
  draft().users_by_name[u.name] = u.id;
  for (auto& s : skeletons(u.name)) draft().users_by_skeleton[std::move(s)] = u.id;
  draft().users[u.id] = std::make_shared<const User>(u);
}

void Derived::change_user(std::uint64_t seq, const Act& act, const pb::ActNames& names) {
  User& u = edit(draft().users.at(act.id<UserId>(Tag::user_id)));
  if (!names.user_name().empty()) {
    draft().users_by_name.erase(u.name);
    for (const auto& s : skeletons(u.name)) draft().users_by_skeleton.erase(s);
    u.name = names.user_name();
    draft().users_by_name[u.name] = u.id;
    for (auto& s : skeletons(u.name)) draft().users_by_skeleton[std::move(s)] = u.id;
  }
  if (!names.display_name().empty()) u.display_name = names.display_name();
  if (act.has(Tag::role)) u.role = static_cast<record::Role>(act.number(Tag::role));
  if (act.has(Tag::state)) u.disabled = act.number(Tag::state) != 0;
  u.version = seq + 1;
  db_.prepare(
         "UPDATE users SET role=?, disabled=?, name=?, display_name=?, changed_seq=? "
         "WHERE user_id=?")
      .bind(1, static_cast<std::uint64_t>(u.role))
      .bind(2, static_cast<std::uint64_t>(u.disabled))
      .bind_text(3, u.name)
      .bind_text(4, u.display_name)
      .bind(5, seq)
      .bind(6, u.id)
      .run();
  to_tell_.rooms.insert(u.id);
  if (act.has(Tag::state) && u.disabled) renew_keys_of(u.id);
}

void Derived::open_invite(const Act& act, const pb::ActNames& names) {
  Invite v{act.id<InviteId>(Tag::invite_id),
           act.id<UserId>(Tag::user_id),
           act.id<CurvePublicKey>(Tag::curve_pk),
           act.number(Tag::expires_ms),
           false,
           {}};
  v.uses = act.number(Tag::uses);
  v.label = names.invite_label();
  v.rooms = record::rooms_of(act);
  std::uint64_t role = 0;
  if (act.has(Tag::role)) role = act.number(Tag::role);
  v.role = static_cast<record::Role>(role);
  const ByteView rooms = act.has(Tag::rooms) ? ByteView(act.fields().at(Tag::rooms)) : ByteView();
  db_.prepare(
         "INSERT INTO invites(invite_id, user_id, curve_pk, expires_ms, revoked, used_by, role, "
         "uses, label, rooms) VALUES(?, ?, ?, ?, 0, ?, ?, ?, ?, ?)")
      .bind(1, v.id)
      .bind(2, v.user)
      .bind(3, v.curve)
      .bind(4, v.expires_ms)
      .bind(5, v.used_by)
      .bind(6, role)
      .bind(7, v.uses)
      .bind_text(8, v.label)
      .bind(9, rooms)
      .run();
  draft().keys[v.curve] = KeyOwner{KeyOwner::Kind::invite, {}, v.id};
  draft().invites[v.id] = std::make_shared<const Invite>(std::move(v));
}

void Derived::add_device(std::uint64_t seq, Kind kind, const Act& act, const pb::ActNames& names) {
  const bool is_linked = kind == Kind::device_link;
  const auto has_flag = [&](std::uint8_t flag) {
    return !is_linked && (act.number(Tag::flags) & flag) != 0;
  };
  const Device v{act.id<DeviceId>(Tag::device),
                 act.id<UserId>(Tag::user_id),
                 act.id<SignPublicKey>(Tag::sign_pk),
                 act.id<CurvePublicKey>(Tag::curve_pk),
                 seq,
                 0,
                 has_flag(record::flag_by_administrator),
                 names.device_name(),
                 has_flag(record::flag_held_by_server)};
  db_.prepare(
         "INSERT INTO devices(device_id, user_id, sign_pk, curve_pk, name, enrolled_seq, "
         "revoked_seq, "
         "by_administrator, held_by_server) VALUES(?, ?, ?, ?, ?, ?, 0, ?, ?)")
      .bind(1, v.id)
      .bind(2, v.user)
      .bind(3, v.sign)
      .bind(4, v.curve)
      .bind_text(5, names.device_name())
      .bind(6, seq)
      .bind(7, static_cast<std::uint64_t>(v.by_administrator))
      .bind(8, static_cast<std::uint64_t>(v.held_by_server))
      .run();
  devices_[v.id] = DeviceSlot{static_cast<std::uint64_t>(sqlite3_last_insert_rowid(db_.raw())), {}};
  new_devices_.push_back(v.id);
  Directory& d = draft();
  d.devices[v.id] = std::make_shared<const Device>(v);
  d.keys[v.curve] = KeyOwner{KeyOwner::Kind::device, v.id, {}};
  if (is_linked) return;
  const InviteId invite = act.id<InviteId>(Tag::invite_id);
  if (!d.invites.at(invite)->is_class_link()) {
    edit(d.invites.at(invite)).used_by = v.id;
    db_.prepare("UPDATE invites SET used_by=? WHERE invite_id=?")
        .bind(1, v.id)
        .bind(2, invite)
        .run();
  }
  User& user = edit(d.users.at(v.user));
  if (!names.display_name().empty()) user.display_name = names.display_name();
  user.version = seq + 1;
  db_.prepare("UPDATE users SET display_name=?, changed_seq=? WHERE user_id=?")
      .bind_text(1, user.display_name)
      .bind(2, seq)
      .bind(3, user.id)
      .run();
}

void Derived::revoke_device(std::uint64_t seq, const Act& act) {
  Device& v = edit(draft().devices.at(act.id<DeviceId>(Tag::device)));
  v.revoked_seq = seq;
  draft().keys.erase(v.curve);
  if (v.held_by_server) remove_webhook(v.id);
  db_.prepare("UPDATE devices SET revoked_seq=? WHERE device_id=?")
      .bind(1, seq)
      .bind(2, v.id)
      .run();
  renew_keys_of(v.user);
}

void Derived::create_room(const Act& act, const pb::ActNames& names) {
  Room r;
  r.id = act.id<RoomId>(Tag::room);
  r.name = names.room_name();
  r.topic_text = names.room_topic();
  r.kind = static_cast<record::RoomKind>(act.number(Tag::room_kind));
  r.flags = static_cast<std::uint8_t>(act.number(Tag::flags));
  r.topic = crypto::room_topic(topics_, r.id);
  r.keys = first_keys(now_ms_);
  r.head = std::make_shared<RoomHead>();
  if (act.has(Tag::members))
    for (const UserId& user : record::members_of(act)) r.members[user] = {};
  if (act.has(Tag::user_id))
    r.members[act.id<UserId>(Tag::user_id)].standing = record::Standing::owner;
  db_.prepare(
         "INSERT INTO rooms(room_id, name, topic, kind, flags, archived) VALUES(?, ?, ?, ?, ?, 0)")
      .bind(1, r.id)
      .bind_text(2, r.name)
      .bind_text(3, r.topic_text)
      .bind(4, act.number(Tag::room_kind))
      .bind(5, act.number(Tag::flags))
      .run();
  rooms_[r.id] =
      RoomSlot{static_cast<std::uint64_t>(sqlite3_last_insert_rowid(db_.raw())), 0, 0, r.head};
  new_rooms_.push_back(r.id);
  for (const auto& [user, membership] : r.members)
    put_member(rooms_[r.id].number, user, membership);
  reserve_name(draft(), r);
  tell_members(r);
  draft().rooms[r.id] = std::make_shared<const Room>(std::move(r));
}

void Derived::change_room(const Act& act, const pb::ActNames& names) {
  Room& r = edit(draft().rooms.at(act.id<RoomId>(Tag::room)));
  if (!r.archived)
    for (const auto& s : skeletons(r.name)) draft().rooms_by_skeleton.erase(s);
  if (act.has(Tag::flags)) r.flags = static_cast<std::uint8_t>(act.number(Tag::flags));
  if (act.has(Tag::room_kind)) r.kind = static_cast<record::RoomKind>(act.number(Tag::room_kind));
  if (act.has(Tag::state)) r.archived = act.number(Tag::state) != 0;
  if (!names.room_name().empty()) r.name = names.room_name();
  if (!names.room_topic().empty()) r.topic_text = names.room_topic();
  reserve_name(draft(), r);
  tell_members(r);
  db_.prepare("UPDATE rooms SET name=?, topic=?, kind=?, flags=?, archived=? WHERE room_id=?")
      .bind_text(1, r.name)
      .bind_text(2, r.topic_text)
      .bind(3, static_cast<std::uint64_t>(r.kind))
      .bind(4, static_cast<std::uint64_t>(r.flags))
      .bind(5, static_cast<std::uint64_t>(r.archived))
      .bind(6, r.id)
      .run();
}

void Derived::change_members(Kind kind, const Act& act) {
  Room& r = edit(draft().rooms.at(act.id<RoomId>(Tag::room)));
  const UserId user = act.id<UserId>(Tag::user_id);
  const std::uint64_t number = rooms_.at(r.id).number;
  to_tell_.rooms.insert(user);
  if (kind == Kind::member_remove) {
    r.members.erase(user);
    db_.prepare("DELETE FROM members WHERE room_no=? AND user_id=?")
        .bind(1, number)
        .bind(2, user)
        .run();
    renew_key(r);
    return;
  }
  const auto standing = act.has(Tag::standing)
                            ? static_cast<record::Standing>(act.number(Tag::standing))
                            : record::Standing::member;
  Membership& membership = r.members[user];
  membership.standing = standing;
  if (kind == Kind::member_add) membership.joined_at = rooms_.at(r.id).head_room_seq;
  put_member(number, user, membership);
  // Who joins where the past may not be read must not open what was sealed before.
  if (kind == Kind::member_add && (r.flags & record::flag_past_readable) == 0) renew_key(r, false);
}

void Derived::put_member(std::uint64_t room_no, const UserId& user, const Membership& m) {
  db_.prepare(
         "INSERT OR REPLACE INTO members(room_no, user_id, standing, joined_at) VALUES(?, ?, ?, ?)")
      .bind(1, room_no)
      .bind(2, user)
      .bind(3, static_cast<std::uint64_t>(m.standing))
      .bind(4, m.joined_at)
      .run();
}

Topic Derived::inbox_of(const UserId& user) const {
  // An id is random: no room has that of a user.
  return crypto::room_topic(topics_, RoomId::from(user.view()));
}

void Derived::tell_members(const Room& room) {
  for (const auto& [user, membership] : room.members) to_tell_.rooms.insert(user);
}

void Derived::renew_key(Room& room, bool tells_previous) {
  room.keys = std::make_shared<RoomKeys>(RoomKeys{crypto::RoomKey(crypto::Seed::random()),
                                                  room.keys->current, now_ms_, tells_previous});
  to_tell_.keys.insert(room.id);
}

// Whoever held the keys of this user's rooms does not open what comes next.
void Derived::renew_keys_of(const UserId& user) {
  for (auto& [id, room] : draft().rooms)
    if (room->members.contains(user)) renew_key(edit(room));
}

void Derived::renew_daily_key(const RoomId& room, std::uint64_t now_ms) {
  now_ms_ = now_ms;
  const Room* known = now().room(room);
  // A clock that was set back is no reason to keep a key for ever.
  const std::uint64_t made = known->keys->made_ms;
  if (now_ms >= made && now_ms - made < kKeyLifeMs) return;
  renew_key(edit(draft().rooms.at(room)));
}

void Derived::stamp(std::uint64_t log_size) {
  std::set<UserId> concerned = to_tell_.rooms;
  for (const RoomId& id : to_tell_.keys)
    for (const auto& [user, membership] : now().rooms.at(id)->members) concerned.insert(user);
  for (const UserId& id : concerned) edit(draft().users.at(id)).rooms_version = log_size;
}

void Derived::publish(DirectoryCell& cell) {
  for (const RoomId& id : touched_) {
    RoomSlot& slot = rooms_.at(id);
    // seq first: who sees the new room_seq finds its seq too.
    slot.head->seq.store(slot.head_seq, std::memory_order_release);
    slot.head->room_seq.store(slot.head_room_seq, std::memory_order_release);
  }
  touched_.clear();
  new_devices_.clear();
  new_rooms_.clear();
  to_tell_ = {};
  if (!draft_) return;
  current_ = std::move(draft_);
  draft_.reset();
  cell.store(current_);
}

void Derived::rollback() {
  draft_.reset();
  for (const RoomId& id : touched_) {
    RoomSlot& slot = rooms_.at(id);
    slot.head_room_seq = slot.head->room_seq;
    slot.head_seq = slot.head->seq;
  }
  for (const DeviceId& id : new_devices_) devices_.erase(id);
  for (const RoomId& id : new_rooms_) rooms_.erase(id);
  touched_.clear();
  new_devices_.clear();
  new_rooms_.clear();
  to_tell_ = {};
}

}  // namespace tertulia::broker
