// Commands that change rooms and devices, or list what is there. Each is one act, or one question.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "client/cli/output.hpp"
#include "client/cli/talk.hpp"

namespace tertulia::cli {

namespace {

using nlohmann::ordered_json;

std::string dump(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

int join(const Arguments& a) {
  Talk talk(a);
  if (const auto code = talk.start()) return *code;
  client::Room room;
  if (const auto code = talk.find(a.room, room)) return *code;
  return talk.act(client::AddMember{room.id, {}, record::Standing::member}).value_or(exit_done);
}

int leave(const Arguments& a) {
  Talk talk(a);
  if (const auto code = talk.start()) return *code;
  client::Room room;
  if (const auto code = talk.find(a.room, room)) return *code;
  return talk.act(client::RemoveMember{room.id, {}}).value_or(exit_done);
}

int change_rooms(const Arguments& a) {
  Talk talk(a);
  if (const auto code = talk.start()) return *code;
  if (a.command == Command::room_create)
    return talk
        .act(client::CreateRoom{a.room, a.topic, *record::parse_room_kind(a.kind),
                                yes_or_no(a.past_readable).value_or(true), false})
        .value_or(exit_done);
  if (a.command == Command::direct) {
    RoomId id;
    if (const auto code = talk.act(client::OpenDirect{a.users}, &id)) return *code;
    // Its name is what `send` and `listen` take
    client::RoomsListed listed;
    if (const auto code = talk.ask(client::ListRooms{}, listed)) return *code;
    for (const auto& room : listed.rooms)
      if (room.id == id) return print_all({harmless(room.name)});
    return say("The server does not list the room that it made.", exit_refused);
  }
  client::Room room;
  if (const auto code = talk.find(a.room, room)) return *code;
  if (a.command == Command::room_change)
    return talk
        .act(client::ChangeRoom{room.id, a.new_name, a.topic, yes_or_no(a.archived),
                                yes_or_no(a.past_readable)})
        .value_or(exit_done);
  client::MembersListed now;
  if (const auto code = talk.ask(client::ListMembers{room.id}, now)) return *code;
  for (const auto& user : a.users) {
    const bool is_in = std::any_of(now.members.begin(), now.members.end(),
                                   [&](const auto& m) { return m.person.name == user; });
    const auto standing = record::parse_standing(a.standing.empty() ? "member" : a.standing);
    client::Act act = client::RemoveMember{room.id, user};
    if (a.command == Command::room_add) act = client::AddMember{room.id, user, *standing};
    if (a.command == Command::room_add && is_in && !a.standing.empty())
      act = client::SetStanding{room.id, user, *standing};
    if (const auto code = talk.act(std::move(act))) return *code;
  }
  return exit_done;
}

int rooms_to_see(const Arguments& a) {
  Talk talk(a);
  if (const auto code = talk.start()) return *code;
  client::RoomsListed listed;
  if (const auto code = talk.ask(client::ListRooms{}, listed)) return *code;
  std::vector<std::string> lines;
  for (const auto& room : listed.rooms)
    lines.push_back(
        a.json ? room_json(room)
               : fmt::format("{}\t{}, {} members, {}{}", harmless(room.name),
                             record::room_kind_name(room.kind), room.member_count,
                             room.standing == record::Standing::outsider
                                 ? "you are not in it"
                                 : std::string("you are ") + record::standing_name(room.standing),
                             room.archived ? ", archived" : ""));
  return print_all(lines);
}

int who(const Arguments& a) {
  Talk talk(a);
  if (const auto code = talk.start()) return *code;
  std::vector<client::MemberEntry> people;
  if (a.room.empty()) {
    client::PeopleListed all;
    if (const auto code = talk.ask(client::ListPeople{}, all)) return *code;
    for (auto& person : all.people) people.push_back({std::move(person), {}});
  } else {
    client::Room room;
    if (const auto code = talk.find(a.room, room)) return *code;
    client::MembersListed of_room;
    if (const auto code = talk.ask(client::ListMembers{room.id}, of_room)) return *code;
    people = std::move(of_room.members);
  }
  std::vector<std::string> lines;
  for (const auto& [person, standing] : people) {
    if (!a.json) {
      lines.push_back(fmt::format("{:<20} {:<8} {}{}{}", harmless(person.name), person.role,
                                  a.room.empty() ? "" : record::standing_name(standing),
                                  a.room.empty() ? "" : "  ", harmless(person.display_name)));
      if (person.disabled) lines.back() += "  (disabled)";
      if (person.activity != client::Activity::offline)
        lines.back() += fmt::format("  ({})", activity_name(person.activity));
      continue;
    }
    ordered_json j;
    j["user"] = person.name;
    j["display_name"] = person.display_name;
    j["role"] = person.role;
    j["disabled"] = person.disabled;
    j["activity"] = activity_name(person.activity);
    if (!a.room.empty()) j["standing"] = record::standing_name(standing);
    lines.push_back(dump(j));
  }
  return print_all(lines);
}

int devices(const Arguments& a) {
  Talk talk(a);
  if (const auto code = talk.start()) return *code;
  client::DevicesListed list;
  if (const auto code = talk.ask(client::ListDevices{}, list)) return *code;
  if (a.command == Command::device_revoke) {
    const client::DeviceEntry* found = nullptr;
    for (const auto& d : list.devices) {
      if (a.device.size() < 6 || !to_hex(d.id.view()).starts_with(a.device)) continue;
      if (found != nullptr)
        return say("Several of your devices begin with " + a.device + ".", exit_refused);
      found = &d;
    }
    if (found == nullptr)
      return say(
          "You have no device that begins with " + a.device + " (six or more digits of its id).",
          exit_refused);
    return talk.act(client::RevokeDevice{found->id}).value_or(exit_done);
  }
  std::vector<std::string> lines;
  for (const auto& d : list.devices) {
    if (!a.json) {
      const std::string seen = d.last_seen_ms == 0 ? std::string("never seen")
                                                   : rfc3339_ms(d.last_seen_ms).substr(0, 19) + "Z";
      lines.push_back(fmt::format("{}  {:<8} {:<20}  {}{}{}{}", to_hex(d.id.view()),
                                  d.revoked ? "revoked" : "live", seen, harmless(d.name),
                                  d.own ? "  (this one)" : "",
                                  d.by_administrator ? "  (added by an administrator)" : "",
                                  d.held_by_server ? "  (the server has its key)" : ""));
      continue;
    }
    ordered_json j;
    j["device"] = to_hex(d.id.view());
    j["name"] = d.name;
    j["revoked"] = d.revoked;
    j["own"] = d.own;
    j["last_seen_ms"] = d.last_seen_ms;
    j["by_administrator"] = d.by_administrator;
    j["held_by_server"] = d.held_by_server;
    lines.push_back(dump(j));
  }
  return print_all(lines);
}

}  // namespace tertulia::cli
