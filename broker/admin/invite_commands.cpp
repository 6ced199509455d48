#include "broker/admin/invite_commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "broker/admin/request.hpp"
#include "common/base/clock.hpp"

namespace tertulia::broker {

namespace {
using nlohmann::json;

constexpr std::uint64_t kInviteLifetimeMsMax = 365ull * 24 * 3600 * 1000;
constexpr std::size_t kIdDigitsMin = 6;

const char* invite_state(const Invite& i, std::uint64_t now_ms) {
  if (i.is_used_up()) return "used";
  if (i.revoked) return "revoked";
  return i.expires_ms <= now_ms ? "expired" : "open";
}

std::uint64_t lifetime_of(const json& request) {
  const auto found = request.find("expires_ms");
  if (found == request.end()) return invite_lifetime_ms;
  if (!found->is_number_unsigned() || *found == 0 ||
      found->get<std::uint64_t>() > kInviteLifetimeMsMax)
    throw Wrong{"An invite lives from 1 ms to 365 days."};
  return found->get<std::uint64_t>();
}

std::optional<record::Role> role_of(const json& request) {
  const std::string said = text(request, "role");
  if (said.empty()) return std::nullopt;
  const auto role = record::parse_role(said);
  if (!role) throw Wrong{"A role is one of admin, auditor, member, guest, bot."};
  return role;
}

// Each once, in the order in which they were said.
std::vector<RoomId> rooms_of(const Directory& d, const json& request) {
  std::vector<RoomId> out;
  const auto said = request.find("rooms");
  if (said == request.end() || !said->is_array()) return out;
  for (const auto& one : *said) {
    const std::string name = one.is_string() ? one.get<std::string>() : std::string();
    const auto room = std::find_if(d.rooms.begin(), d.rooms.end(), [&](const auto& item) {
      return !name.empty() && !item.second->archived && item.second->name == name;
    });
    if (room == d.rooms.end()) throw Wrong{fmt::format("There is no room {}.", one.dump())};
    if (std::find(out.begin(), out.end(), room->first) == out.end()) out.push_back(room->first);
  }
  return out;
}

class InviteCommands {
 public:
  InviteCommands(const AdminPorts& ports, const AdminPeer& peer, const json& request,
                 const AdminAnswer& answer)
      : ports_(ports),
        peer_(peer),
        r_(request),
        answer_(answer),
        snapshot_(ports.directory.load()),
        d_(*snapshot_) {}

  void invite() {
    InviteCommand command;
    command.lifetime_ms = lifetime_of(r_);
    command.takes_known = flag(r_, "takes_known").value_or(true);
    command.ran = {peer_.uid, peer_.user};
    const auto people = r_.find("people");
    if (people == r_.end() || !people->is_array() || people->empty())
      throw Wrong{"An invite needs a name."};
    if (people->size() > invited_together_max)
      throw Wrong{fmt::format("These are {} people; at most {} are invited at once.",
                              people->size(), invited_together_max)};
    json faults = json::array();
    for (const auto& said : *people) {
      InvitePerson person;
      try {
        if (!said.is_object()) throw Wrong{"An invite needs a name."};
        person = {text(said, "name"), text(said, "display_name"), role_of(said),
                  rooms_of(d_, said)};
      } catch (const Wrong& w) {
        faults.push_back({{"number", command.people.size()}, {"sentence", w.sentence}});
      }
      command.people.push_back(std::move(person));
    }
    if (!faults.empty()) return refuse(faults);
    std::vector<std::string> names;
    for (const auto& person : command.people) names.push_back(person.user_name);
    command.done = answered(std::move(names));
    push(std::move(command));
  }

  void invite_class() {
    ClassLinkCommand command;
    command.lifetime_ms = lifetime_of(r_);
    command.ran = {peer_.uid, peer_.user};
    const auto uses = r_.find("uses");
    if (uses == r_.end() || !uses->is_number_unsigned())
      throw Wrong{"A class link says for how many people it is."};
    command.uses = *uses;
    command.role = role_of(r_).value_or(record::Role::member);
    command.label = text(r_, "label");
    command.rooms = rooms_of(d_, r_);
    command.done = answered({command.label});
    push(std::move(command));
  }

  void invite_list() {
    const std::uint64_t now = wall_ms();
    std::unordered_map<InviteId, std::vector<std::string>> joined;
    for (const auto& [id, user] : d_.users)
      if (!user->by_class_link.is_zero()) joined[user->by_class_link].push_back(user->name);
    json list = json::array();
    for (const auto& [id, i] : d_.invites) {
      json one = {{"invite", to_hex(id.view())},
                  {"class_link", i->is_class_link()},
                  {"state", invite_state(*i, now)},
                  {"uses", i->uses},
                  {"used", i->used},
                  {"expires", rfc3339_ms(i->expires_ms)}};
      if (i->is_class_link()) {
        auto& people = joined[id];
        std::sort(people.begin(), people.end());
        one["name"] = i->label;
        one["role"] = record::role_name(i->role);
        one["people"] = people;
        one["rooms"] = json::array();
        for (const RoomId& room : i->rooms)
          if (const Room* r = d_.room(room); r != nullptr) one["rooms"].push_back(r->name);
      } else {
        const User* const user = d_.user(i->user);
        one["name"] = user == nullptr ? "" : user->name;
        one["used"] = i->is_used_up() ? 1 : 0;
      }
      list.push_back(std::move(one));
    }
    std::sort(list.begin(), list.end(), [](const json& a, const json& b) {
      return std::tuple(a["class_link"], a["name"], a["expires"]) <
             std::tuple(b["class_link"], b["name"], b["expires"]);
    });
    answer_({{"ok", true}, {"invites", list}});
  }

  void invite_revoke() {
    RevokeInviteCommand command;
    const std::string which = needed(r_, "which", "Which invite? Give a user, a label or an id.");
    find(which, command);
    command.ran = {peer_.uid, peer_.user};
    if (flag(r_, "only_count").value_or(false)) {
      std::uint64_t open = 0, class_links = 0;
      for (const InviteId& id : command.invites) {
        const Invite& invite = *d_.invite(id);
        if (invite.revoked || invite.is_used_up()) continue;
        ++open;
        class_links += invite.is_class_link();
      }
      return answer_({{"ok", true}, {"open", open}, {"class_links", class_links}});
    }
    command.done = [answer = answer_](bool ok, const std::string& text) {
      answer(ok ? json{{"ok", true}, {"text", text}} : admin_error(text));
    };
    push(std::move(command));
  }

 private:
  // Names before ids: somebody may be called cafe01.
  void find(const std::string& which, RevokeInviteCommand& out) const {
    const auto user = d_.users_by_name.find(which);
    std::vector<InviteId> personal, labelled, numbered;
    for (const auto& [id, i] : d_.invites) {
      if (user != d_.users_by_name.end() && i->user == user->second) personal.push_back(id);
      if (i->is_class_link() && i->label == which) labelled.push_back(id);
      if (which.size() >= kIdDigitsMin && to_hex(id.view()).starts_with(which))
        numbered.push_back(id);
    }
    out.whose = which;
    if (!personal.empty() && !labelled.empty())
      throw Wrong{
          fmt::format("A user and a class link are both called {}; give the id that `invite "
                      "list` shows.",
                      which)};
    out.invites = !personal.empty() ? personal : labelled;
    if (!out.invites.empty()) return;
    if (user != d_.users_by_name.end()) throw Wrong{fmt::format("{} has no open invite.", which)};
    if (numbered.size() > 1) throw Wrong{fmt::format("Several invites begin with {}.", which)};
    if (numbered.empty())
      throw Wrong{
          fmt::format("There is no user {}, and no class link or invite of that name.", which)};
    out.invites = numbered;
  }

  std::function<void(InviteResult)> answered(std::vector<std::string> names) const {
    return [answer = answer_, facts = &ports_.facts, names = std::move(names)](InviteResult r) {
      if (!r.ok()) {
        json faults = json::array();
        for (const auto& f : r.faults)
          faults.push_back(
              {{"number", f.number ? json(*f.number) : json(-1)}, {"sentence", f.sentence}});
        json refused = admin_error(r.faults[0].sentence);
        refused["faults"] = faults;
        return answer(refused);
      }
      json invites = json::array();
      for (std::size_t i = 0; i < r.invited.size(); ++i)
        invites.push_back({{"name", names[i]},
                           {"user", to_hex(r.invited[i].user.view())},
                           {"role", record::role_name(r.invited[i].role)},
                           {"seed", to_hex(r.invited[i].seed.view())},
                           {"expires_ms", r.invited[i].expires_ms},
                           {"was_there", r.invited[i].was_there},
                           {"had_device", r.invited[i].had_device}});
      answer({{"ok", true},
              {"invites", invites},
              {"server", facts->server_name},
              {"identity", to_hex(facts->identity.view())},
              {"curve", to_hex(facts->transport.view())},
              {"commands", facts->commands},
              {"advertise", facts->advertise()}});
    };
  }
  void refuse(const json& faults) const {
    json refused = admin_error(faults[0]["sentence"].get<std::string>());
    refused["faults"] = faults;
    answer_(refused);
  }
  template <class Command>
  void push(Command command) const {
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

constexpr NamedCommand<InviteCommands> kCommands[] = {
    {"invite", &InviteCommands::invite},
    {"invite_class", &InviteCommands::invite_class},
    {"invite_list", &InviteCommands::invite_list},
    {"invite_revoke", &InviteCommands::invite_revoke},
};

}  // namespace

bool run_invite_command(const AdminPorts& ports, const AdminPeer& peer, const std::string& command,
                        const json& request, const AdminAnswer& answer) {
  return run_named(kCommands, ports, peer, command, request, answer);
}

}  // namespace tertulia::broker
