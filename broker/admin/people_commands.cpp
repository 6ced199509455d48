#include "broker/admin/people_commands.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "broker/admin/request.hpp"
#include "common/base/clock.hpp"

namespace tertulia::broker {

namespace {
using nlohmann::json;
using record::Act;
using record::Kind;
using record::Tag;

const User& user_named(const Directory& d, const std::string& name) {
  const auto found = d.users_by_name.find(name);
  if (found == d.users_by_name.end()) throw Wrong{fmt::format("There is no user {}.", name)};
  return *d.user(found->second);
}

// By name, by id, or by the beginning of an id; a room that is not archived goes first.
const Room& room_named(const Directory& d, const std::string& name) {
  if (name.empty()) throw Wrong{"Which room? Give its name."};
  const Room* found = nullptr;
  for (const auto& [id, room] : d.rooms) {
    const bool fits = (!room->name.empty() && room->name == name) ||
                      (name.size() >= 8 && to_hex(id.view()).starts_with(name));
    if (fits && (found == nullptr || found->archived)) found = room.get();
  }
  if (found == nullptr) throw Wrong{fmt::format("There is no room {}.", name)};
  return *found;
}

const Device& device_named(const Directory& d, const std::string& prefix) {
  if (prefix.size() < 6) throw Wrong{"A device is named by six or more digits of its id."};
  const Device* found = nullptr;
  for (const auto& [id, device] : d.devices) {
    if (!to_hex(id.view()).starts_with(prefix)) continue;
    if (found != nullptr) throw Wrong{fmt::format("Several devices begin with {}.", prefix)};
    found = device.get();
  }
  if (found == nullptr) throw Wrong{fmt::format("There is no device {}.", prefix)};
  return *found;
}

json device_json(const Directory& d, const Presence& presence, const Device& v) {
  const User* owner = d.user(v.user);
  return {{"device", to_hex(v.id.view())},
          {"user", owner == nullptr ? "" : owner->name},
          {"name", v.name},
          {"state", v.live() ? "live" : "revoked"},
          {"enrolled_seq", v.enrolled_seq},
          {"last_seen_ms", presence.last_seen(v.id)},
          {"by_administrator", v.by_administrator},
          {"held_by_server", v.held_by_server}};
}

json devices_json(const Directory& d, const Presence& presence, const User* of) {
  std::vector<const Device*> some;
  for (const auto& [id, device] : d.devices)
    if (of == nullptr || device->user == of->id) some.push_back(device.get());
  std::sort(some.begin(), some.end(),
            [](const Device* a, const Device* b) { return a->enrolled_seq < b->enrolled_seq; });
  json out = json::array();
  for (const Device* device : some) out.push_back(device_json(d, presence, *device));
  return out;
}

json user_json(const Directory& d, const User& u) {
  std::size_t live = 0;
  for (const auto& [id, device] : d.devices) live += device->user == u.id && device->live();
  return {{"name", u.name},
          {"display_name", u.display_name},
          {"user", to_hex(u.id.view())},
          {"role", record::role_name(u.role)},
          {"state", u.disabled ? "disabled" : "enabled"},
          {"devices", live},
          {"rooms", d.rooms_count(u.id)}};
}

// A direct room has no name: it is called after its members.
std::string called(const Directory& d, const Room& r) {
  if (r.kind != record::RoomKind::direct) return r.name;
  std::string out = "@";
  for (const auto& [id, membership] : r.members)
    if (const User* u = d.user(id); u != nullptr) out += (out.size() > 1 ? "," : "") + u->name;
  return out;
}

json room_json(const Directory& d, const Room& r) {
  return {{"name", called(d, r)},
          {"room", to_hex(r.id.view())},
          {"kind", record::room_kind_name(r.kind)},
          {"topic", r.topic_text},
          {"members", r.members.size()},
          {"messages", r.head ? r.head->room_seq.load() : 0},
          {"for_newcomers", (r.flags & record::flag_default_room) != 0},
          {"past_readable", (r.flags & record::flag_past_readable) != 0},
          {"archived", r.archived}};
}

template <class Map, class ToJson>
json sorted_by_name(const Map& map, ToJson to_json) {
  std::vector<json> list;
  for (const auto& [id, item] : map) list.push_back(to_json(*item));
  std::sort(list.begin(), list.end(),
            [](const json& a, const json& b) { return a["name"] < b["name"]; });
  return list;
}

class PeopleCommands {
 public:
  json webhook_json(const Webhook& w) const {
    json rooms = json::array();
    for (const Room* room : d_.rooms_of(w.user))
      if (!room->archived) rooms.push_back(called(d_, *room));
    const User& bot = *d_.user(w.user);
    return {{"name", bot.name},
            {"state", bot.disabled ? "disabled" : "enabled"},
            {"rooms", rooms},
            {"device", to_hex(w.device.view())},
            {"made", rfc3339_ms(w.made_ms)}};
  }

  PeopleCommands(const AdminPorts& ports, const AdminPeer& peer, const json& request,
                 const AdminAnswer& answer)
      : ports_(ports),
        peer_(peer),
        r_(request),
        answer_(answer),
        snapshot_(ports.directory.load()),
        d_(*snapshot_) {}

  void user_list() {
    answer_({{"ok", true},
             {"users", sorted_by_name(d_.users, [&](const User& u) { return user_json(d_, u); })}});
  }
  void user_show() {
    const User& u = user_named(d_, needed(r_, "name", "Which user? Give a name."));
    json rooms = json::array();
    for (const Room* room : d_.rooms_of(u.id)) {
      json one = room_json(d_, *room);
      one["standing"] = record::standing_name(room->standing(u.id));
      rooms.push_back(one);
    }
    json out = user_json(d_, u);
    out["in"] = rooms;
    out["has"] = devices_json(d_, *ports_.server.presence, &u);
    answer_({{"ok", true}, {"user", out}});
  }
  void user_change() {
    const User& u = user_named(d_, needed(r_, "name", "Which user? Give a name."));
    Act act;
    pb::ActNames names;
    act.set(Tag::user_id, u.id);
    if (const std::string role = text(r_, "role"); !role.empty()) {
      const auto parsed = record::parse_role(role);
      if (!parsed) throw Wrong{"A role is one of admin, auditor, member, guest, bot."};
      act.set_number(Tag::role, static_cast<std::uint64_t>(*parsed));
    }
    if (const auto disabled = flag(r_, "disabled")) {
      if (*disabled == u.disabled)
        throw Wrong{fmt::format("{} is {} already.", u.name, u.disabled ? "disabled" : "enabled")};
      act.set_number(Tag::state, *disabled ? 1 : 0);
    }
    names.set_user_name(text(r_, "new_name"));
    names.set_display_name(text(r_, "display_name"));
    submit(Kind::user_change, std::move(act), names);
  }
  void device_list() {
    const std::string name = text(r_, "name");
    const User* of = name.empty() ? nullptr : &user_named(d_, name);
    answer_({{"ok", true}, {"devices", devices_json(d_, *ports_.server.presence, of)}});
  }
  void device_revoke() {
    const Device& v = device_named(d_, needed(r_, "device", "Which device? Give its id."));
    Act act;
    act.set(Tag::device, v.id);
    submit(Kind::device_revoke, std::move(act), {});
  }
  void webhook_list() {
    json list = json::array();
    for (const auto& [id, webhook] : d_.webhooks) list.push_back(webhook_json(*webhook));
    std::sort(list.begin(), list.end(),
              [](const json& a, const json& b) { return a["name"] < b["name"]; });
    answer_({{"ok", true}, {"webhooks", list}});
  }
  void webhook_create() {
    WebhookCommand command;
    command.user_name = needed(r_, "name", "A webhook has the name of its bot.");
    if (const auto rooms = r_.find("rooms"); rooms != r_.end() && rooms->is_array())
      for (const auto& room : *rooms) {
        const RoomId id = room_named(d_, room.is_string() ? room.get<std::string>() : "").id;
        if (std::find(command.rooms.begin(), command.rooms.end(), id) == command.rooms.end())
          command.rooms.push_back(id);
      }
    command.ran = {peer_.uid, peer_.user};
    command.done = [answer = answer_, name = command.user_name,
                    facts = &ports_.facts](const WebhookResult& r) {
      if (!r.ok) return answer(admin_error(r.error));
      answer({{"ok", true},
              {"name", name},
              {"device", to_hex(r.device.view())},
              {"token", to_base64url(r.token.view())},
              {"path", "/hook"},
              {"socket", facts->webhooks_socket},
              {"listen", facts->webhooks_listen}});
    };
    Append append = std::move(command);
    if (!ports_.log.push(std::move(append))) answer_(admin_error("The server is busy; try again."));
  }
  // Its device is revoked, and with it go the seed and the token; the bot stays in the record.
  void webhook_revoke() {
    const User& bot = user_named(d_, needed(r_, "name", "Which webhook? Give the name of its bot."));
    const Webhook* webhook = d_.webhook_of(bot.id);
    if (webhook == nullptr) throw Wrong{fmt::format("{} has no webhook.", bot.name)};
    Act act;
    act.set(Tag::device, webhook->device);
    submit(Kind::device_revoke, std::move(act), {});
  }
  void room_list() {
    answer_({{"ok", true},
             {"rooms", sorted_by_name(d_.rooms, [&](const Room& r) { return room_json(d_, r); })}});
  }
  void room_show() {
    const Room& room = room_named(d_, text(r_, "room"));
    json members = json::array();
    for (const auto& [id, membership] : room.members)
      if (const User* u = d_.user(id); u != nullptr)
        members.push_back({{"name", u->name},
                           {"display_name", u->display_name},
                           {"role", record::role_name(u->role)},
                           {"standing", record::standing_name(membership.standing)}});
    std::sort(members.begin(), members.end(),
              [](const json& a, const json& b) { return a["name"] < b["name"]; });
    json out = room_json(d_, room);
    out["has"] = members;
    answer_({{"ok", true}, {"room", out}});
  }
  void room_create() {
    const auto kind = record::parse_room_kind(needed(r_, "kind", "A room has a kind."));
    if (!kind || *kind == record::RoomKind::direct)
      throw Wrong{"A room is public, private or announcement."};
    RoomId id;
    randombytes_buf(id.data(), id.size());
    std::uint64_t flags = flag(r_, "past_readable").value_or(true) ? record::flag_past_readable : 0;
    if (flag(r_, "for_newcomers").value_or(false)) flags |= record::flag_default_room;
    Act act;
    act.set(Tag::room, id)
        .set_number(Tag::room_kind, static_cast<std::uint64_t>(*kind))
        .set_number(Tag::flags, flags);
    if (const std::string owner = text(r_, "owner"); !owner.empty())
      act.set(Tag::user_id, user_named(d_, owner).id);
    pb::ActNames names;
    names.set_room_name(needed(r_, "name", "A room has a name."));
    names.set_room_topic(text(r_, "topic"));
    submit(Kind::room_create, std::move(act), names);
  }
  void room_change() {
    const Room& room = room_named(d_, text(r_, "room"));
    Act act;
    act.set(Tag::room, room.id);
    if (const auto archived = flag(r_, "archived")) act.set_number(Tag::state, *archived ? 1 : 0);
    const auto past = flag(r_, "past_readable"), newcomers = flag(r_, "for_newcomers");
    if (past || newcomers) {
      std::uint64_t flags = room.flags;
      const auto set = [&](std::uint64_t bit, bool on) { flags = on ? flags | bit : flags & ~bit; };
      if (past) set(record::flag_past_readable, *past);
      if (newcomers) set(record::flag_default_room, *newcomers);
      act.set_number(Tag::flags, flags);
    }
    pb::ActNames names;
    names.set_room_name(text(r_, "new_name"));
    names.set_room_topic(text(r_, "topic"));
    submit(Kind::room_change, std::move(act), names);
  }
  void room_add() {
    const Room& room = room_named(d_, text(r_, "room"));
    const User& user = user_named(d_, needed(r_, "name", "Which user? Give a name."));
    Act act;
    act.set(Tag::room, room.id).set(Tag::user_id, user.id);
    const std::string said = text(r_, "standing");
    const auto standing = record::parse_standing(said.empty() ? "member" : said);
    if (!standing) throw Wrong{"A standing is member, writer or owner."};
    if (*standing > record::Standing::member || room.members.contains(user.id))
      act.set_number(Tag::standing, static_cast<std::uint64_t>(*standing));
    // Who is in the room already gets the standing
    const bool changes = room.members.contains(user.id) && !said.empty();
    submit(changes ? Kind::member_change : Kind::member_add, std::move(act), {});
  }
  void room_remove() {
    Act act;
    act.set(Tag::room, room_named(d_, text(r_, "room")).id)
        .set(Tag::user_id, user_named(d_, needed(r_, "name", "Which user? Give a name.")).id);
    submit(Kind::member_remove, std::move(act), {});
  }
  void key_rotate() {
    Act act;
    act.set(Tag::room, room_named(d_, text(r_, "room")).id);
    submit(Kind::key_rotate, std::move(act), {});
  }

 private:
  void submit(Kind kind, Act act, pb::ActNames names) {
    names.set_reason(text(r_, "reason"));
    ActCommand command{kind,
                       std::move(act),
                       std::move(names),
                       {peer_.uid, peer_.user},
                       [answer = answer_](bool ok, const std::string& why) {
                         answer(ok ? json{{"ok", true}} : admin_error(why));
                       }};
    Append append = std::move(command);
    if (!ports_.log.push(std::move(append))) answer_(admin_error("The server is busy; try again."));
  }

  const AdminPorts& ports_;
  const AdminPeer& peer_;
  const json& r_;
  const AdminAnswer& answer_;
  const std::shared_ptr<const Directory> snapshot_;
  const Directory& d_;
};

constexpr NamedCommand<PeopleCommands> kCommands[] = {
    {"user_list", &PeopleCommands::user_list},
    {"user_show", &PeopleCommands::user_show},
    {"user_change", &PeopleCommands::user_change},
    {"device_list", &PeopleCommands::device_list},
    {"device_revoke", &PeopleCommands::device_revoke},
    {"webhook_list", &PeopleCommands::webhook_list},
    {"webhook_create", &PeopleCommands::webhook_create},
    {"webhook_revoke", &PeopleCommands::webhook_revoke},
    {"room_list", &PeopleCommands::room_list},
    {"room_show", &PeopleCommands::room_show},
    {"room_create", &PeopleCommands::room_create},
    {"room_change", &PeopleCommands::room_change},
    {"room_add", &PeopleCommands::room_add},
    {"room_remove", &PeopleCommands::room_remove},
    {"key_rotate", &PeopleCommands::key_rotate},
};

}  // namespace

bool run_people_command(const AdminPorts& ports, const AdminPeer& peer, const std::string& command,
                        const json& request, const AdminAnswer& answer) {
  return run_named(kCommands, ports, peer, command, request, answer);
}

}  // namespace tertulia::broker
