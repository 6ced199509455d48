#include "broker/log/derived.hpp"

#include <cassert>

namespace tertulia::broker {

using record::Act;
using record::Kind;
using record::Tag;

namespace {
std::shared_ptr<const RoomKeys> first_keys() {
  return std::make_shared<RoomKeys>(
      RoomKeys{crypto::RoomKey(crypto::Seed::random()), std::nullopt});
}
std::shared_ptr<const RoomKeys> next_keys(const RoomKeys& last) {
  return std::make_shared<RoomKeys>(
      RoomKeys{crypto::RoomKey(crypto::Seed::random()), last.current});
}
}  // namespace

Derived::Derived(Database& db, EntryStore& store, const DataKeys& keys)
    : db_(db),
      store_(store),
      keys_(keys) {}

// ---- from the tables ----

void Derived::load(std::uint64_t log_size) {
  load_people();
  load_rooms();
  // Versions are positions of acts, so that they rise over restarts too.
  draft().people_version = draft().rooms_version = log_size;
}

void Derived::load_people() {
  Directory& d = draft();
  Statement users = db_.prepare("SELECT user_id, name, display_name, role, disabled FROM users");
  while (users.next()) {
    User u{users.id<UserId>(0), users.text(1), users.text(2),
           static_cast<record::Role>(users.number(3)), users.number(4) != 0};
    d.users_by_name[u.name] = u.id;
    d.users[u.id] = std::make_shared<const User>(std::move(u));
  }
  Statement devices = db_.prepare(
      "SELECT device_no, device_id, user_id, sign_pk, curve_pk, enrolled_seq, revoked_seq, "
      "by_administrator "
      "FROM devices");
  while (devices.next()) {
    const Device v{
        devices.id<DeviceId>(1),       devices.id<UserId>(2), devices.id<SignPublicKey>(3),
        devices.id<CurvePublicKey>(4), devices.number(5),     devices.number(6),
        devices.number(7) != 0};
    const std::uint64_t number = devices.number(0);
    devices_[v.id] = DeviceSlot{number, store_.newest_submission(number).value_or(SubmissionId{})};
    if (v.live()) d.keys[v.curve] = KeyOwner{KeyOwner::Kind::device, v.id, {}};
    d.devices[v.id] = std::make_shared<const Device>(v);
  }
  Statement invites =
      db_.prepare("SELECT invite_id, user_id, curve_pk, expires_ms, revoked, used_by FROM invites");
  while (invites.next()) {
    const Invite v{invites.id<InviteId>(0), invites.id<UserId>(1),  invites.id<CurvePublicKey>(2),
                   invites.number(3),       invites.number(4) != 0, invites.id<DeviceId>(5)};
    d.keys[v.curve] = KeyOwner{KeyOwner::Kind::invite, {}, v.id};
    d.invites[v.id] = std::make_shared<const Invite>(v);
  }
}

void Derived::load_rooms() {
  Directory& d = draft();
  Statement rooms =
      db_.prepare("SELECT room_no, room_id, name, topic, kind, flags, archived FROM rooms");
  Statement members = db_.prepare("SELECT user_id FROM members WHERE room_no=?");
  while (rooms.next()) {
    Room r;
    r.id = rooms.id<RoomId>(1);
    r.name = rooms.text(2);
    r.topic_text = rooms.text(3);
    r.kind = static_cast<record::RoomKind>(rooms.number(4));
    r.flags = static_cast<std::uint8_t>(rooms.number(5));
    r.archived = rooms.number(6) != 0;
    r.topic = crypto::room_topic(keys_.topics(), r.id);
    r.keys = first_keys();
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
    while (members.next()) r.members.insert(members.id<UserId>(0));
    rooms_[r.id] = slot;
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
    case Kind::user_add: add_user(act, names); break;
    case Kind::user_change: change_user(act); break;
    case Kind::invite_open: open_invite(act); break;
    case Kind::invite_revoke: {
      const InviteId id = act.id<InviteId>(Tag::invite_id);
      edit(draft().invites.at(id)).revoked = true;
      db_.prepare("UPDATE invites SET revoked=1 WHERE invite_id=?").bind(1, id).run();
      break;
    }
    case Kind::device_enrol: enrol_device(seq, act, names); break;
    case Kind::device_revoke: revoke_device(seq, act); break;
    case Kind::room_create: create_room(act, names); break;
    case Kind::room_change: change_room(act, names); break;
    case Kind::member_add:
    case Kind::member_remove: change_members(kind, act); break;
    default: return;  // acts that change no table: card, clock_stepped …
  }
  const bool is_room = kind == Kind::room_create || kind == Kind::room_change ||
                       kind == Kind::member_add || kind == Kind::member_remove ||
                       kind == Kind::device_revoke || kind == Kind::user_change;
  if (is_room) draft().rooms_version = seq + 1;
  if (!is_room || kind == Kind::device_revoke || kind == Kind::user_change)
    draft().people_version = seq + 1;
}

void Derived::add_user(const Act& act, const pb::ActNames& names) {
  // Until the first device brings a display name, the user name stands for it.
  const std::string& shown =
      names.display_name().empty() ? names.user_name() : names.display_name();
  const User u{act.id<UserId>(Tag::user_id), names.user_name(), shown,
               static_cast<record::Role>(act.number(Tag::role)), false};
  db_.prepare(
         "INSERT INTO users(user_id, name, display_name, role, disabled) VALUES(?, ?, ?, ?, 0)")
      .bind(1, u.id)
      .bind_text(2, u.name)
      .bind_text(3, u.display_name)
      .bind(4, act.number(Tag::role))
      .run();
  draft().users_by_name[u.name] = u.id;
  draft().users[u.id] = std::make_shared<const User>(u);
}

void Derived::change_user(const Act& act) {
  User& u = edit(draft().users.at(act.id<UserId>(Tag::user_id)));
  if (act.has(Tag::role)) u.role = static_cast<record::Role>(act.number(Tag::role));
  if (act.has(Tag::state)) u.disabled = act.number(Tag::state) != 0;
  db_.prepare("UPDATE users SET role=?, disabled=? WHERE user_id=?")
      .bind(1, static_cast<std::uint64_t>(u.role))
      .bind(2, static_cast<std::uint64_t>(u.disabled))
      .bind(3, u.id)
      .run();
  if (u.disabled) renew_keys_of(u.id);
}

void Derived::open_invite(const Act& act) {
  const Invite v{act.id<InviteId>(Tag::invite_id),
                 act.id<UserId>(Tag::user_id),
                 act.id<CurvePublicKey>(Tag::curve_pk),
                 act.number(Tag::expires_ms),
                 false,
                 {}};
  db_.prepare(
         "INSERT INTO invites(invite_id, user_id, curve_pk, expires_ms, revoked, used_by) "
         "VALUES(?, ?, ?, ?, 0, ?)")
      .bind(1, v.id)
      .bind(2, v.user)
      .bind(3, v.curve)
      .bind(4, v.expires_ms)
      .bind(5, v.used_by)
      .run();
  draft().keys[v.curve] = KeyOwner{KeyOwner::Kind::invite, {}, v.id};
  draft().invites[v.id] = std::make_shared<const Invite>(v);
}

void Derived::enrol_device(std::uint64_t seq, const Act& act, const pb::ActNames& names) {
  const bool by_administrator = (act.number(Tag::flags) & record::flag_by_administrator) != 0;
  const Device v{act.id<DeviceId>(Tag::device),
                 act.id<UserId>(Tag::user_id),
                 act.id<SignPublicKey>(Tag::sign_pk),
                 act.id<CurvePublicKey>(Tag::curve_pk),
                 seq,
                 0,
                 by_administrator};
  db_.prepare(
         "INSERT INTO devices(device_id, user_id, sign_pk, curve_pk, name, enrolled_seq, "
         "revoked_seq, "
         "by_administrator) VALUES(?, ?, ?, ?, ?, ?, 0, ?)")
      .bind(1, v.id)
      .bind(2, v.user)
      .bind(3, v.sign)
      .bind(4, v.curve)
      .bind_text(5, names.device_name())
      .bind(6, seq)
      .bind(7, static_cast<std::uint64_t>(by_administrator))
      .run();
  devices_[v.id] = DeviceSlot{static_cast<std::uint64_t>(sqlite3_last_insert_rowid(db_.raw())), {}};
  new_devices_.push_back(v.id);
  Directory& d = draft();
  d.devices[v.id] = std::make_shared<const Device>(v);
  d.keys[v.curve] = KeyOwner{KeyOwner::Kind::device, v.id, {}};
  const InviteId invite = act.id<InviteId>(Tag::invite_id);
  edit(d.invites.at(invite)).used_by = v.id;
  db_.prepare("UPDATE invites SET used_by=? WHERE invite_id=?").bind(1, v.id).bind(2, invite).run();
  if (!names.display_name().empty()) {
    edit(d.users.at(v.user)).display_name = names.display_name();
    db_.prepare("UPDATE users SET display_name=? WHERE user_id=?")
        .bind_text(1, names.display_name())
        .bind(2, v.user)
        .run();
  }
}

void Derived::revoke_device(std::uint64_t seq, const Act& act) {
  Device& v = edit(draft().devices.at(act.id<DeviceId>(Tag::device)));
  v.revoked_seq = seq;
  draft().keys.erase(v.curve);
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
  r.topic = crypto::room_topic(keys_.topics(), r.id);
  r.keys = first_keys();
  r.head = std::make_shared<RoomHead>();
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
  draft().rooms[r.id] = std::make_shared<const Room>(std::move(r));
}

void Derived::change_room(const Act& act, const pb::ActNames& names) {
  Room& r = edit(draft().rooms.at(act.id<RoomId>(Tag::room)));
  if (act.has(Tag::flags)) r.flags = static_cast<std::uint8_t>(act.number(Tag::flags));
  if (act.has(Tag::room_kind)) r.kind = static_cast<record::RoomKind>(act.number(Tag::room_kind));
  if (act.has(Tag::state)) r.archived = act.number(Tag::state) != 0;
  if (!names.room_name().empty()) r.name = names.room_name();
  if (!names.room_topic().empty()) r.topic_text = names.room_topic();
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
  if (kind == Kind::member_add) {
    r.members.insert(user);
    db_.prepare("INSERT INTO members(room_no, user_id) VALUES(?, ?)")
        .bind(1, number)
        .bind(2, user)
        .run();
    // Who joins where the past may not be read must not open what was sealed before.
    if ((r.flags & record::flag_past_readable) == 0) r.keys = next_keys(*r.keys);
  } else {
    r.members.erase(user);
    db_.prepare("DELETE FROM members WHERE room_no=? AND user_id=?")
        .bind(1, number)
        .bind(2, user)
        .run();
    r.keys = next_keys(*r.keys);
  }
}

// Whoever held the keys of this user's rooms does not open what comes next.
void Derived::renew_keys_of(const UserId& user) {
  for (auto& [id, room] : draft().rooms)
    if (room->members.contains(user)) edit(room).keys = next_keys(*room->keys);
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
}

}  // namespace tertulia::broker
