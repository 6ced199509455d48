#include <fmt/format.h>

#include <cstdio>
#include <ctime>
#include <memory>

#include "broker/ctl/commands.hpp"
#include "broker/ctl/confirm.hpp"
#include "broker/ctl/invite.hpp"
#include "broker/ctl/people.hpp"
#include "common/base/clock.hpp"

namespace tertulia::ctl {

namespace {
using nlohmann::json;

// For those who connect at least once a week.
constexpr const char* kDefaultTime = "7d";

std::string text(const json& object, const char* key) { return object.value(key, std::string()); }

// "2026-12-24T18:00:00Z" or, in this machine's time, "2026-12-24 18:00"; nullopt: neither.
std::optional<std::uint64_t> parse_time(const std::string& said) {
  struct Form {
    const char* form;
    bool is_utc;
  };
  for (const auto& [form, is_utc] :
       {Form{"%Y-%m-%dT%H:%M:%SZ", true}, Form{"%Y-%m-%dT%H:%MZ", true},
        Form{"%Y-%m-%d %H:%M:%S", false}, Form{"%Y-%m-%d %H:%M", false}}) {
    std::tm broken{};
    broken.tm_isdst = -1;
    const char* const end = ::strptime(said.c_str(), form, &broken);
    if (end == nullptr || *end != '\0') continue;
    const std::time_t seconds = is_utc ? ::timegm(&broken) : ::mktime(&broken);
    if (seconds > 0) return static_cast<std::uint64_t>(seconds) * 1000;
  }
  return std::nullopt;
}

struct Said {
  std::string room, at, in;
  bool now = false, yes = false, only_wrap = false;
};

int key_list(const Target& target, bool as_json) {
  const json keys = ask(target, {{"command", "key_list"}})["keys"];
  for (const auto& k : keys) {
    if (as_json) {
      fmt::print("{}\n", k.dump());
      continue;
    }
    std::string when, what = text(k, "public");
    if (!text(k, "since").empty()) when = "since " + text(k, "since").substr(0, 10);
    if (!text(k, "from").empty()) when = "from  " + text(k, "from").substr(0, 19) + "Z";
    if (!text(k, "until").empty()) when = "until " + text(k, "until").substr(0, 10);
    if (k.contains("count"))
      what = fmt::format("{} of them, this is the oldest", k.value("count", 0));
    if (!text(k, "remark").empty()) what += (what.empty() ? "" : "  ") + text(k, "remark");
    fmt::print("{:<10} {:<7} {:<11} {:<26} {}\n", text(k, "key"), text(k, "state"), text(k, "kept"),
               when, what);
  }
  return exit_good;
}

std::uint64_t transport_time(const Said& s) {
  if (static_cast<int>(s.now) + static_cast<int>(!s.at.empty()) + static_cast<int>(!s.in.empty()) >
      1)
    throw Failure{exit_usage, "--now, --at and --in do not go together."};
  if (s.now) return 0;
  if (!s.at.empty()) {
    const auto at = parse_time(s.at);
    if (!at)
      throw Failure{exit_usage,
                    "--at takes a time: 2026-12-24T18:00:00Z, or \"2026-12-24 18:00\" in this "
                    "machine's time."};
    return *at;
  }
  const auto after = parse_lifetime(s.in.empty() ? kDefaultTime : s.in);
  if (!after)
    throw Failure{exit_usage, "--in takes a number of days, hours, minutes or seconds: 7d, 12h."};
  return wall_ms() + *after;
}

int rotate(const Target& target, json request, bool as_json) {
  request["command"] = "server_key_rotate";
  const json answer = ask(target, request);
  fmt::print("{}\n", as_json ? answer.dump() : text(answer, "text"));
  return exit_good;
}

int rotate_transport(const Target& target, const Said& s, bool as_json) {
  json request = {{"key", "transport"}};
  if (const std::uint64_t at_ms = transport_time(s); at_ms != 0)
    request["at_ms"] = at_ms;
  else
    confirm(
        "The sockets are closed in two seconds and open again with a new key. Who is connected "
        "comes "
        "back by himself; who is not gets in again with the server's card, given to him by hand.",
        s.yes);
  return rotate(target, std::move(request), as_json);
}

int rotate_room(const Target& target, const Said& s) {
  ask(target, {{"command", "key_rotate"}, {"room", s.room}});
  fmt::print("{} has a new key.\n", s.room);
  return exit_good;
}

int server_card(const Target& target, bool as_json) {
  const json answer = ask(target, {{"command", "server_card"}});
  if (as_json)
    fmt::print("{}\n", json{{"card", answer["card"]}, {"serial", answer["serial"]}}.dump());
  else
    fmt::print("{}", text(answer, "card"));
  return exit_good;
}

CLI::App* group(CLI::App& app, const char* name, const char* what) {
  CLI::App* out = app.add_subcommand(name, what);
  out->require_subcommand(1);
  out->fallthrough();
  return out;
}
}  // namespace

void declare_keys(CLI::App& app, const bool& as_json, const Choose& command) {
  const auto said = std::make_shared<Said>();
  const auto add = [&](CLI::App* parent, const char* name, const char* what, auto run) {
    return command(parent->add_subcommand(name, what),
                   [said, run, &as_json](const Target& t) { return run(t, *said, as_json); });
  };
  CLI::App* key = group(app, "key", "The keys of this server");
  add(key, "list", "List the server's keys, with what is public of them and where they are kept",
      [](const Target& t, const Said&, bool j) { return key_list(t, j); });
  CLI::App* rotates = group(*key, "rotate", "Give the server, or a room, a new key");
  CLI::App* transport =
      add(rotates, "transport",
          "Plan another key for both sockets: clients are told of it and follow by themselves",
          [](const Target& t, const Said& s, bool j) { return rotate_transport(t, s, j); });
  transport->add_option("--at", said->at, "When it takes its place: 2026-12-24T18:00:00Z")
      ->type_name("TIME");
  transport->add_option("--in", said->in, "The same, from now: 7d (the default), 12h, 30m")
      ->type_name("TIME");
  transport->add_flag("--now", said->now, "In two seconds: for a key that has leaked");
  transport->add_flag("--yes,-y", said->yes, "Do not ask");
  add(rotates, "log", "Give the log another key; the one before signs beside it for 30 days",
      [](const Target& t, const Said&, bool j) {
        return rotate(t, {{"key", "log"}}, j);
      });
  CLI::App* at_rest =
      add(rotates, "at-rest",
          "Give the data on disk another key; all bodies are sealed again, in the background",
          [](const Target& t, const Said& s, bool j) {
            return rotate(t, {{"key", "at-rest"}, {"only_wrap", s.only_wrap}}, j);
          });
  at_rest->add_flag("--only-wrap", said->only_wrap,
                    "Only the key file (kek.key): the data key stays, wrapped under another one");
  CLI::App* room =
      add(rotates, "room", "Give a room a new key; what was sealed before stays as it is",
          [](const Target& t, const Said& s, bool) { return rotate_room(t, s); });
  room->add_option("room", said->room, "Its name, or the beginning of its id")->required();
  CLI::App* server = group(app, "server", "What this server says of itself");
  add(server, "card",
      "Print the server's card, for a client that has missed a change of keys: tertulia-cli "
      "server-card FILE",
      [](const Target& t, const Said&, bool j) { return server_card(t, j); });
}

}  // namespace tertulia::ctl
