#include "broker/directory/directory.hpp"

#include <algorithm>

namespace tertulia::broker {

namespace {
template <class Map, class Key>
auto find_in(const Map& map, const Key& key) -> decltype(map.begin()->second.get()) {
  const auto it = map.find(key);
  return it == map.end() ? nullptr : it->second.get();
}
}  // namespace

Hash webhook_token(ByteView token) {
  return crypto::sha256("tertulia/webhook-token/v1\n", token);
}

const User* Directory::user(const UserId& id) const { return find_in(users, id); }
const Device* Directory::device(const DeviceId& id) const { return find_in(devices, id); }
const Room* Directory::room(const RoomId& id) const { return find_in(rooms, id); }
const Invite* Directory::invite(const InviteId& id) const { return find_in(invites, id); }

const Device* Directory::device_of(const CurvePublicKey& key) const {
  const auto it = keys.find(key);
  if (it == keys.end() || it->second.kind != KeyOwner::Kind::device) return nullptr;
  const Device* d = device(it->second.device);
  if (d == nullptr || !d->live()) return nullptr;
  const User* owner = user(d->user);
  return owner != nullptr && !owner->disabled ? d : nullptr;
}

const Invite* Directory::invite_of(const CurvePublicKey& key) const {
  const auto it = keys.find(key);
  if (it == keys.end() || it->second.kind != KeyOwner::Kind::invite) return nullptr;
  return invite(it->second.invite);
}

const Webhook* Directory::webhook_of(const UserId& user) const {
  for (const auto& [id, webhook] : webhooks)
    if (webhook->user == user) return webhook.get();
  return nullptr;
}

bool Directory::is_member(const RoomId& room_id, const UserId& user_id) const {
  const Room* r = room(room_id);
  return r != nullptr && r->members.contains(user_id);
}

bool Directory::may_subscribe(const UserId& user_id, const Topic& topic) const {
  const User* who = user(user_id);
  if (who != nullptr && who->inbox == topic) return true;
  return std::any_of(rooms.begin(), rooms.end(), [&](const auto& item) {
    return item.second->topic == topic && item.second->members.contains(user_id);
  });
}

bool Directory::is_topic(const Topic& topic) const {
  return std::any_of(rooms.begin(), rooms.end(),
                     [&](const auto& item) { return item.second->topic == topic; }) ||
         std::any_of(users.begin(), users.end(),
                     [&](const auto& item) { return item.second->inbox == topic; });
}

std::vector<CurvePublicKey> Directory::keys_of(
    const std::function<bool(const UserId&)>& wanted) const {
  std::vector<CurvePublicKey> out;
  for (const auto& [id, device] : devices)
    if (device->live() && wanted(device->user)) out.push_back(device->curve);
  return out;
}

bool Directory::may(const User& who, record::Action action, const Room& room) const {
  return !who.disabled && record::may(who.role, action, room.kind, room.standing(who.id));
}

std::size_t Directory::rooms_count(const UserId& user_id) const {
  return static_cast<std::size_t>(
      std::count_if(rooms.begin(), rooms.end(), [&](const auto& item) {
        return !item.second->archived && item.second->members.contains(user_id);
      }));
}

std::vector<const Room*> Directory::rooms_of(const UserId& user_id) const {
  std::vector<const Room*> out;
  for (const auto& [id, room] : rooms)
    if (room->members.contains(user_id)) out.push_back(room.get());
  std::sort(out.begin(), out.end(), [](const Room* a, const Room* b) {
    return a->name != b->name ? a->name < b->name : a->id < b->id;
  });
  return out;
}

}  // namespace tertulia::broker
