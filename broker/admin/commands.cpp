#include "broker/admin/commands.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "broker/admin/invite_commands.hpp"
#include "broker/admin/key_commands.hpp"
#include "broker/admin/people_commands.hpp"
#include "common/base/clock.hpp"

namespace tertulia::broker {

namespace {
using nlohmann::json;

std::optional<std::string> text_of(const json& request, const char* key) {
  const auto found = request.find(key);
  if (found == request.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

void status(const AdminPorts& p, const AdminAnswer& answer) {
  const auto directory = p.directory.load();
  json counters = json::object();
  for (std::size_t i = 0; i < count_names.size(); ++i)
    counters[std::string(count_names[i])] = p.metrics.get(static_cast<Count>(i));
  const std::string read_only = p.server.read_only();
  const Vitals v = p.vitals();
  json health = json::array();
  for (const auto& w : p.health.warnings())
    health.push_back({{"condition", condition_name(w.condition)},
                      {"since", rfc3339_ms(w.since_ms)},
                      {"text", w.sentence}});
  answer({{"ok", true},
          {"server", p.facts.server_name},
          {"server_id", to_hex(p.server.server.view())},
          {"version", p.facts.version},
          {"pid", ::getpid()},
          {"started", rfc3339_ms(p.facts.started_ms)},
          {"fingerprint", crypto::fingerprint(p.facts.identity)},
          {"log_key", p.facts.log_vkey()},
          {"log_size", p.server.log_size()},
          {"checkpoint", *p.server.checkpoint()},
          {"commands", p.facts.commands},
          {"broadcast", p.facts.broadcast},
          {"advertise", p.facts.advertise()},
          {"data_dir", p.facts.data_dir},
          {"read_only", !read_only.empty()},
          {"read_only_reason", read_only},
          {"users", directory->users.size()},
          {"devices", directory->devices.size()},
          {"rooms", directory->rooms.size()},
          {"connections_commands", v.connections_commands},
          {"connections_broadcast", v.connections_broadcast},
          {"connections_max", v.connections_max},
          {"queues",
           {{"gateway", v.queue_gateway},
            {"worker", v.queue_workers},
            {"log", v.queue_log},
            {"reader", v.queue_readers},
            {"publisher", v.queue_publisher}}},
          {"database_bytes", v.database_bytes},
          {"wal_bytes", v.wal_bytes},
          {"last_commit", v.last_commit_ms == 0 ? std::string() : rfc3339_ms(v.last_commit_ms)},
          {"commit_time",
           {{"bounds_s", Histogram::bounds_s},
            {"counts", p.metrics.commit_time.counts()},
            {"sum_us", p.metrics.commit_time.sum_us()}}},
          {"disk_free_bytes", v.disk_free_bytes},
          {"disk_bytes", v.disk_bytes},
          {"open_files", v.open_files},
          {"open_files_max", v.open_files_max},
          {"cpu_s", v.cpu_s},
          {"rss_bytes", v.resident_bytes},
          {"health", health},
          {"counters", counters}});
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
  if (*command == "metrics")
    return answer(
        {{"ok", true},
         {"text", prometheus_text(p.metrics, p.vitals(), p.health.gauges(), p.facts.version)}});
  try {
    if (run_invite_command(p, peer, *command, request, answer)) return;
    if (run_people_command(p, peer, *command, request, answer)) return;
    if (run_key_command(p, peer, *command, request, answer)) return;
  } catch (const json::exception& e) {  // a script's slip ends no broker
    return answer(admin_error(fmt::format("A field of {} is not of its type: {}.", *command, e.what())));
  }
  answer(admin_error(fmt::format("This broker has no command {}.", *command)));
}

}  // namespace tertulia::broker
