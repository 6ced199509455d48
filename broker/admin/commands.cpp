#include "broker/admin/commands.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "common/base/clock.hpp"

namespace tertulia::broker {

namespace {
using nlohmann::json;

constexpr std::uint64_t kInviteLifetimeMsMax = 365ull * 24 * 3600 * 1000;

std::optional<std::string> text_of(const json& request, const char* key) {
  const auto found = request.find(key);
  if (found == request.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::uint64_t rss_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

json invite_state(const Invite& i, std::uint64_t now_ms) {
  if (!i.used_by.is_zero()) return "used";
  if (i.revoked) return "revoked";
  return i.expires_ms <= now_ms ? "expired" : "open";
}

void status(const AdminPorts& p, const AdminAnswer& answer) {
  const auto directory = p.directory.load();
  json counters = json::object();
  for (std::size_t i = 0; i < count_names.size(); ++i)
    counters[std::string(count_names[i])] = p.metrics.get(static_cast<Count>(i));
  const std::string read_only = p.server.read_only();
  answer({{"ok", true},
          {"server", p.facts.server_name},
          {"server_id", to_hex(p.server.server.view())},
          {"version", p.facts.version},
          {"pid", ::getpid()},
          {"started", rfc3339_ms(p.facts.started_ms)},
          {"fingerprint", crypto::fingerprint(p.facts.identity)},
          {"log_key", p.facts.log_vkey},
          {"log_size", p.server.log_size()},
          {"checkpoint", *p.server.checkpoint()},
          {"commands", p.facts.commands},
          {"broadcast", p.facts.broadcast},
          {"advertise", p.facts.advertise},
          {"data_dir", p.facts.data_dir},
          {"read_only", !read_only.empty()},
          {"read_only_reason", read_only},
          {"users", directory->users.size()},
          {"devices", directory->devices.size()},
          {"rooms", directory->rooms.size()},
          {"connections_commands", p.metrics.connections_commands.load()},
          {"connections_broadcast", p.metrics.connections_broadcast.load()},
          {"queue_log", p.log.depth()},
          {"wal_bytes", p.wal_bytes()},
          {"rss_bytes", rss_bytes()},
          {"counters", counters}});
}

void invite(const AdminPorts& p, const AdminPeer& peer, const json& request, AdminAnswer answer) {
  InviteCommand command;
  const auto name = text_of(request, "name");
  if (!name) return answer(admin_error("An invite needs a name."));
  if (const auto fault = user_name_fault(*name)) return answer(admin_error(*fault));
  command.user_name = *name;
  if (const auto role = text_of(request, "role")) {
    command.role = record::parse_role(*role);
    if (!command.role)
      return answer(admin_error("A role is one of admin, auditor, member, guest, bot."));
  }
  if (const auto found = request.find("expires_ms"); found != request.end()) {
    if (!found->is_number_unsigned() || *found == 0 ||
        found->get<std::uint64_t>() > kInviteLifetimeMsMax)
      return answer(admin_error("An invite lives from 1 ms to 365 days."));
    command.lifetime_ms = *found;
  }
  command.unix_uid = peer.uid;
  command.unix_user = peer.user;
  command.done = [answer, name = *name, facts = &p.facts](InviteResult r) {
    if (!r.ok) return answer(admin_error(r.error));
    answer({{"ok", true},
            {"name", name},
            {"user", to_hex(r.user.view())},
            {"role", record::role_name(r.role)},
            {"seed", to_hex(r.seed.view())},
            {"expires_ms", r.expires_ms},
            {"server", facts->server_name},
            {"identity", to_hex(facts->identity.view())},
            {"curve", to_hex(facts->transport.view())},
            {"commands", facts->commands},
            {"advertise", facts->advertise}});
  };
  Append append = std::move(command);
  if (!p.log.push(std::move(append))) answer(admin_error("The server is busy; try again."));
}

void invite_revoke(const AdminPorts& p, const AdminPeer& peer, const json& request,
                   AdminAnswer answer) {
  const auto name = text_of(request, "name");
  if (!name) return answer(admin_error("Whose invites? Give a name."));
  RevokeInviteCommand command{*name, peer.uid, peer.user, [answer](bool ok, std::string text) {
                                answer(ok ? json{{"ok", true}, {"text", text}} : admin_error(text));
                              }};
  Append append = std::move(command);
  if (!p.log.push(std::move(append))) answer(admin_error("The server is busy; try again."));
}

void invite_list(const AdminPorts& p, const AdminAnswer& answer) {
  const auto directory = p.directory.load();
  const std::uint64_t now = wall_ms();
  json list = json::array();
  for (const auto& [id, i] : directory->invites) {
    const User* const user = directory->user(i->user);
    list.push_back({{"invite", to_hex(id.view())},
                    {"name", user == nullptr ? "" : user->name},
                    {"state", invite_state(*i, now)},
                    {"expires", rfc3339_ms(i->expires_ms)}});
  }
  answer({{"ok", true}, {"invites", list}});
}
}  // namespace

json admin_error(std::string_view sentence) { return {{"ok", false}, {"error", sentence}}; }

void run_command(const AdminPorts& p, const AdminPeer& peer, std::string_view line,
                 AdminAnswer answer) {
  const json request = json::parse(line, nullptr, false);
  const auto command = request.is_object() ? text_of(request, "command") : std::nullopt;
  if (!command) return answer(admin_error("A request is a JSON object with a command."));
  if (*command == "ping") return answer({{"ok", true}});
  if (*command == "status") return status(p, answer);
  if (*command == "invite") return invite(p, peer, request, std::move(answer));
  if (*command == "invite_revoke") return invite_revoke(p, peer, request, std::move(answer));
  if (*command == "invite_list") return invite_list(p, answer);
  answer(admin_error("Commands are ping, status, invite, invite_revoke and invite_list."));
}

}  // namespace tertulia::broker
