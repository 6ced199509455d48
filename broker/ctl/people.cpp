#include "broker/ctl/people.hpp"

#include <fmt/format.h>

#include "broker/ctl/confirm.hpp"
#include "common/base/clock.hpp"

namespace tertulia::ctl {

namespace {
using nlohmann::json;

std::string text(const json& object, const char* key) { return object.value(key, std::string()); }

std::string last_seen(const json& device) {
  const auto at_ms = device.value("last_seen_ms", std::uint64_t{0});
  return at_ms == 0 ? "never seen" : rfc3339_ms(at_ms).substr(0, 19) + "Z";
}

void print_devices(const json& list) {
  for (const auto& d : list)
    fmt::print("{}  {:<16} {:<8} {:<20} {}{}{}\n", text(d, "device"), text(d, "user"),
               text(d, "state"), last_seen(d), text(d, "name"),
               d.value("by_administrator", false) ? "  (added by an administrator)" : "",
               d.value("held_by_server", false) ? "  (the server has its key)" : "");
}

void print_room(const json& r) {
  fmt::print("{:<24} {:<12} {:>5} member{} {:>9} messages{}{}{}\n", text(r, "name"),
             text(r, "kind"), r.value("members", 0), r.value("members", 0) == 1 ? " " : "s",
             r.value("messages", std::uint64_t{0}),
             r.value("for_newcomers", false) ? "  for newcomers" : "",
             r.value("past_readable", false) ? "" : "  past hidden",
             r.value("archived", false) ? "  archived" : "");
}

void print_user(const json& u) {
  fmt::print("{:<20} {:<8} {:<8} {} device{}, {} room{}  {}\n", text(u, "name"), text(u, "role"),
             text(u, "state"), u.value("devices", 0), u.value("devices", 0) == 1 ? "" : "s",
             u.value("rooms", 0), u.value("rooms", 0) == 1 ? "" : "s", text(u, "display_name"));
}

void print_list(const json& list, bool as_json, void (*print)(const json&)) {
  for (const auto& item : list) {
    if (as_json)
      fmt::print("{}\n", item.dump());
    else
      print(item);
  }
}

struct Fields {
  std::string name, other, room, role, kind = "public", topic, owner, reason, as;
  std::string for_newcomers, past;
  bool yes = false, back = false;
};

bool is_yes(const std::string& said) { return said == "yes"; }

// One struct for each command: what CLI11 writes into lives as long as the command does.
class Declare {
 public:
  Declare(CLI::App& app, const bool& as_json, const Choose& command)
      : app_(app),
        as_json_(as_json),
        command_(command) {}

  void users() {
    CLI::App* user = group("user", "The people and bots of this server");
    add(user, "list", "List all users", [](const Target& t, const Fields&, bool as_json) {
      print_list(ask(t, {{"command", "user_list"}})["users"], as_json, print_user);
    });
    auto [show, s] =
        add(user, "show", "Show a user with his rooms and devices",
            [](const Target& t, const Fields& f, bool as_json) {
              const json u = ask(t, {{"command", "user_show"}, {"name", f.name}})["user"];
              if (as_json) return fmt::print("{}\n", u.dump());
              print_user(u);
              print_devices(u["has"]);
              for (const auto& room : u["in"]) print_room(room);
            });
    show->add_option("name", s->name, "The user's name")->required();
    change_user(user, "disable", "Disable a user: out at once, on all devices", true);
    change_user(user, "enable", "Enable a user who was disabled", false);
    auto [role, r] =
        add(user, "role", "Give a user another role", [](const Target& t, const Fields& f, bool) {
          ask(t, {{"command", "user_change"},
                  {"name", f.name},
                  {"role", f.role},
                  {"reason", f.reason}});
          fmt::print("{} is {} now.\n", f.name, f.role);
        });
    role->add_option("name", r->name, "The user's name")->required();
    role->add_option("role", r->role, "admin, auditor, member, guest or bot")->required();
    role->add_option("--reason", r->reason, "Stands in the log");
    auto [rename, n] =
        add(user, "rename", "Give a user another name", [](const Target& t, const Fields& f, bool) {
          ask(t, {{"command", "user_change"}, {"name", f.name}, {"new_name", f.other}});
          fmt::print("{} is called {} now.\n", f.name, f.other);
        });
    rename->add_option("name", n->name, "The user's name")->required();
    rename->add_option("new-name", n->other, "The name from now on")->required();
  }

  void devices() {
    CLI::App* device = group("device", "The devices that people have enrolled");
    auto [list, l] =
        add(device, "list", "List devices, of all or of one user",
            [](const Target& t, const Fields& f, bool as_json) {
              const json all = ask(t, {{"command", "device_list"}, {"name", f.name}})["devices"];
              if (as_json)
                print_list(all, true, nullptr);
              else
                print_devices(all);
            });
    list->add_option("user", l->name, "Whose; all, if none is named");
    auto [revoke, r] =
        add(device, "revoke", "Revoke a device for ever: out at once",
            [](const Target& t, const Fields& f, bool) {
              confirm(fmt::format("The device {} will never connect again.", f.name), f.yes);
              ask(t, {{"command", "device_revoke"}, {"device", f.name}, {"reason", f.reason}});
              fmt::print("The device {} is revoked.\n", f.name);
            });
    revoke->add_option("device", r->name, "The beginning of its id, as `device list` shows it")
        ->required();
    revoke->add_option("--reason", r->reason, "Stands in the log");
    revoke->add_flag("--yes", r->yes, "Do not ask");
  }

  void rooms() {
    CLI::App* room = group("room", "The rooms of this server");
    add(room, "list", "List all rooms", [](const Target& t, const Fields&, bool as_json) {
      print_list(ask(t, {{"command", "room_list"}})["rooms"], as_json, print_room);
    });
    auto [show, s] =
        add(room, "show", "Show a room with its members",
            [](const Target& t, const Fields& f, bool as_json) {
              const json r = ask(t, {{"command", "room_show"}, {"room", f.room}})["room"];
              if (as_json) return fmt::print("{}\n", r.dump());
              print_room(r);
              if (!text(r, "topic").empty()) fmt::print("{}\n", text(r, "topic"));
              for (const auto& m : r["has"])
                fmt::print("  {:<20} {:<8} {:<8} {}\n", text(m, "name"), text(m, "role"),
                           text(m, "standing"), text(m, "display_name"));
            });
    show->add_option("room", s->room, "Its name, or the beginning of its id")->required();
    create_room(room);
    change_room(room);
    auto [put, a] = add(
        room, "add", "Add a user to a room, or give a member another standing",
        [](const Target& t, const Fields& f, bool) {
          ask(t, {{"command", "room_add"}, {"room", f.room}, {"name", f.name}, {"standing", f.as}});
          fmt::print("{} is in {}.\n", f.name, f.room);
        });
    put->add_option("room", a->room, "Its name, or the beginning of its id")->required();
    put->add_option("user", a->name, "The user's name")->required();
    put->add_option("--as", a->as, "member, writer (in announcement rooms) or owner");
    auto [take, r] = add(room, "remove", "Remove a user from a room, which gets a new key",
                         [](const Target& t, const Fields& f, bool) {
                           ask(t, {{"command", "room_remove"},
                                   {"room", f.room},
                                   {"name", f.name},
                                   {"reason", f.reason}});
                           fmt::print("{} is no longer in {}.\n", f.name, f.room);
                         });
    take->add_option("room", r->room, "Its name, or the beginning of its id")->required();
    take->add_option("user", r->name, "The user's name")->required();
    take->add_option("--reason", r->reason, "Stands in the log");
    auto [archive, v] =
        add(room, "archive", "Archive a room: it is read, and nobody writes or joins",
            [](const Target& t, const Fields& f, bool) {
              if (!f.back)
                confirm(fmt::format("Nobody will write in {} or join it any more.", f.room), f.yes);
              ask(t, {{"command", "room_change"}, {"room", f.room}, {"archived", !f.back}});
              fmt::print("{} is {}.\n", f.room, f.back ? "a room as others again" : "archived");
            });
    archive->add_option("room", v->room, "Its name, or the beginning of its id")->required();
    archive->add_flag("--back", v->back, "Out of the archive again");
    archive->add_flag("--yes", v->yes, "Do not ask");
  }

 private:
  using Run = void (*)(const Target&, const Fields&, bool as_json);

  CLI::App* group(const char* name, const char* what) {
    CLI::App* out = app_.add_subcommand(name, what);
    out->require_subcommand(1);
    out->fallthrough();
    return out;
  }
  std::pair<CLI::App*, std::shared_ptr<Fields>> add(CLI::App* parent, const char* name,
                                                    const char* what, Run run) {
    auto fields = std::make_shared<Fields>();
    CLI::App* sub = command_(parent->add_subcommand(name, what),
                             [fields, run, &as_json = as_json_](const Target& t) {
                               run(t, *fields, as_json);
                               return exit_good;
                             });
    return {sub, fields};
  }

  void change_user(CLI::App* user, const char* name, const char* what, bool disable) {
    auto [sub, said] = add(user, name, what,
                           disable ? Run([](const Target& t, const Fields& f, bool) {
                             confirm(fmt::format("{} will be out at once, on all devices, and the "
                                                 "rooms he is in get new keys.",
                                                 f.name),
                                     f.yes);
                             ask(t, {{"command", "user_change"},
                                     {"name", f.name},
                                     {"disabled", true},
                                     {"reason", f.reason}});
                             fmt::print("{} is disabled.\n", f.name);
                           })
                                   : Run([](const Target& t, const Fields& f, bool) {
                                       ask(t, {{"command", "user_change"},
                                               {"name", f.name},
                                               {"disabled", false},
                                               {"reason", f.reason}});
                                       fmt::print("{} is enabled.\n", f.name);
                                     }));
    sub->add_option("name", said->name, "The user's name")->required();
    sub->add_option("--reason", said->reason, "Stands in the log");
    if (disable) sub->add_flag("--yes", said->yes, "Do not ask");
  }

  void create_room(CLI::App* room) {
    auto [sub, said] =
        add(room, "create", "Make a room", [](const Target& t, const Fields& f, bool) {
          ask(t, {{"command", "room_create"},
                  {"name", f.name},
                  {"kind", f.kind},
                  {"topic", f.topic},
                  {"owner", f.owner},
                  {"for_newcomers", is_yes(f.for_newcomers)},
                  {"past_readable", f.past != "no"}});
          fmt::print("The room {} is there.\n", f.name);
        });
    sub->add_option("name", said->name, "How it is called")->required();
    sub->add_option("--kind", said->kind, "public (the default), private or announcement");
    sub->add_option("--topic", said->topic, "What it is for");
    sub->add_option("--owner", said->owner, "A user who may change it and add and remove members");
    flags(sub, *said);
  }
  void change_room(CLI::App* room) {
    auto [sub, said] =
        add(room, "change", "Give a room another name or topic, or change who reads and joins",
            [](const Target& t, const Fields& f, bool) {
              json request = {{"command", "room_change"},
                              {"room", f.room},
                              {"new_name", f.name},
                              {"topic", f.topic}};
              if (!f.for_newcomers.empty()) request["for_newcomers"] = is_yes(f.for_newcomers);
              if (!f.past.empty()) request["past_readable"] = is_yes(f.past);
              ask(t, request);
              fmt::print("{} is changed.\n", f.room);
            });
    sub->add_option("room", said->room, "Its name, or the beginning of its id")->required();
    sub->add_option("--name", said->name, "How it is called from now on");
    sub->add_option("--topic", said->topic, "What it is for");
    flags(sub, *said);
  }
  static void flags(CLI::App* sub, Fields& f) {
    sub->add_option("--for-newcomers", f.for_newcomers, "yes: every newcomer joins it")
        ->check(CLI::IsMember({"yes", "no"}));
    sub->add_option("--past-readable", f.past, "no: who joins does not read what was said before")
        ->check(CLI::IsMember({"yes", "no"}));
  }

  CLI::App& app_;
  const bool& as_json_;
  const Choose& command_;
};

}  // namespace

void declare_people(CLI::App& app, const bool& as_json, const Choose& command) {
  Declare declare(app, as_json, command);
  declare.users();
  declare.devices();
  declare.rooms();
}

}  // namespace tertulia::ctl
