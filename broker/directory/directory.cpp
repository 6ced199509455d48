#include "broker/directory/directory.hpp"

#include <algorithm>

namespace tertulia::broker {

namespace {
constexpr std::size_t kUserNameBytesMax = 64;

template <class Map, class Key>
auto find_in(const Map& map, const Key& key) -> decltype(map.begin()->second.get()) {
  const auto it = map.find(key);
  return it == map.end() ? nullptr : it->second.get();
}
}  // namespace

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

bool Directory::is_member(const RoomId& room_id, const UserId& user_id) const {
  const Room* r = room(room_id);
  return r != nullptr && r->members.contains(user_id);
}

bool Directory::may_subscribe(const UserId& user_id, const Topic& topic) const {
  return std::any_of(rooms.begin(), rooms.end(), [&](const auto& item) {
    return item.second->topic == topic && item.second->members.contains(user_id);
  });
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

std::optional<std::string> user_name_fault(std::string_view name) {
  if (name.empty()) return "A user name cannot be empty.";
  if (name.size() > kUserNameBytesMax) return "A user name has at most 64 characters.";
  const bool good = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
  if (!good)
    return "A user name holds only lower-case letters a to z, digits, and the signs . _ and - .";
  if (name.front() == '.' || name.front() == '_' || name.front() == '-')
    return "A user name starts with a letter or a digit.";
  return std::nullopt;
}

}  // namespace tertulia::broker
