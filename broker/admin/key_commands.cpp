#include "broker/admin/key_commands.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "broker/admin/request.hpp"
#include "common/base/clock.hpp"

namespace tertulia::broker {

namespace {
using nlohmann::json;

json entry_json(const KeyEntry& k) {
  json out = {{"key", k.name},
              {"state", k.state},
              {"public", k.public_part},
              {"kept", k.kept},
              {"place", k.place}};
  if (k.since_ms != 0) out["since"] = rfc3339_ms(k.since_ms);
  if (k.until_ms != 0) out[k.state == "next" ? "from" : "until"] = rfc3339_ms(k.until_ms);
  if (!k.remark.empty()) out["remark"] = k.remark;
  return out;
}

// The keys of rooms are many, live in memory, and have no public part.
json rooms_json(const Directory& d) {
  std::uint64_t count = 0, oldest = UINT64_MAX, newest = 0;
  for (const auto& [id, room] : d.rooms) {
    if (!room->keys) continue;
    ++count;
    oldest = std::min(oldest, room->keys->made_ms);
    newest = std::max(newest, room->keys->made_ms);
  }
  json out = {{"key", "room"},    {"state", "in use"}, {"public", ""},
              {"kept", "memory"}, {"place", ""},       {"count", count}};
  if (count > 0) {
    out["since"] = rfc3339_ms(oldest);
    out["newest"] = rfc3339_ms(newest);
  }
  return out;
}

void key_list(const AdminPorts& p, const AdminAnswer& answer) {
  json keys = json::array();
  const auto listed = p.facts.keys();
  for (const KeyEntry& k : *listed) keys.push_back(entry_json(k));
  KeyEntry frame;
  frame.name = "frame";
  frame.state = "in use";
  frame.public_part = to_hex(p.server.frame_key.view());
  frame.kept = "memory";
  frame.since_ms = p.facts.started_ms;
  keys.push_back(entry_json(frame));
  keys.push_back(rooms_json(*p.directory.load()));
  answer({{"ok", true}, {"keys", std::move(keys)}});
}

void server_key_rotate(const AdminPorts& p, const AdminPeer& peer, const json& request,
                       const AdminAnswer& answer) {
  RotateKeyCommand command;
  const std::string key = text(request, "key");
  if (key == "transport")
    command.which = RotateKeyCommand::Which::transport;
  else if (key == "log")
    command.which = RotateKeyCommand::Which::log;
  else if (key == "at-rest")
    command.which = RotateKeyCommand::Which::at_rest;
  else
    return answer(
        admin_error("The keys of the server that change are transport, log and at-rest."));
  command.only_wrap = flag(request, "only_wrap").value_or(false);
  if (const auto at = request.find("at_ms"); at != request.end() && at->is_number_unsigned())
    command.at_ms = *at;
  command.ran = {peer.uid, peer.user};
  command.done = [answer, planned = p.facts.key_planned](bool ok, const std::string& said) {
    answer(ok ? json{{"ok", true}, {"text", said}} : admin_error(said));
    planned();
  };
  Append append = std::move(command);
  if (!p.log.push(std::move(append))) answer(admin_error("The server is busy; try again."));
}
}  // namespace

bool run_key_command(const AdminPorts& p, const AdminPeer& peer, const std::string& command,
                     const json& request, const AdminAnswer& answer) {
  if (command == "key_list")
    key_list(p, answer);
  else if (command == "server_key_rotate")
    server_key_rotate(p, peer, request, answer);
  else if (command == "server_card")
    answer({{"ok", true}, {"card", p.server.card()}, {"serial", p.server.card_serial()}});
  else
    return false;
  return true;
}

}  // namespace tertulia::broker
