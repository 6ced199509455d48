// tertuliactl: the administrator's program. Talks to the broker's admin socket; reads the record itself
// for `log`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "broker/ctl/commands.hpp"
#include "common/crypto/keys.hpp"

namespace {

using namespace tertulia;

struct Arguments {
  std::string config, data, socket, role, expires;
  std::vector<std::string> invite;  // NAME, or revoke NAME
  bool json = false;
};
using Command = std::function<int(const ctl::Target&)>;

int invite(const Arguments& a, const ctl::Target& target) {
  if (a.invite.size() == 1) return ctl::invite(target, a.invite[0], a.role, a.expires);
  if (a.invite[0] != "revoke")
    throw ctl::Failure{ctl::exit_usage, "invite takes one NAME, or revoke NAME."};
  return ctl::invite_revoke(target, a.invite[1]);
}

// Declares the commands; parsing puts the one that was given into `chosen`.
void declare(CLI::App& app, Arguments& a, Command& chosen) {
  using ctl::Target;
  app.add_option("--config", a.config,
                 "The broker's configuration (default /etc/tertulia/tertuliad.toml)")
      ->type_name("FILE");
  app.add_option("--data", a.data, "The broker's data directory; its admin socket is in it")
      ->type_name("DIR");
  app.add_option("--socket", a.socket, "The broker's admin socket")->type_name("PATH");
  app.add_flag("--json", a.json, "Print JSON, one object a line");
  app.set_version_flag("--version", "tertuliactl " TERTULIA_VERSION);
  app.require_subcommand(1);
  const auto command = [&chosen](CLI::App* sub, Command run) {
    sub->fallthrough();
    sub->final_callback([&chosen, run] { chosen = run; });
    return sub;
  };
  auto* sub = command(
      app.add_subcommand("invite",
                         "Print an invite for a person, or end the open ones: invite revoke NAME"),
      [&a](const Target& t) { return invite(a, t); });
  sub->add_option("name", a.invite, "NAME, or revoke NAME")->required()->expected(1, 2);
  sub->add_option("--role", a.role,
                  "admin, auditor, member, guest or bot (the first user: admin; else member)");
  sub->add_option("--expires", a.expires, "How long it is good: 7d, 12h, 30m (default 7d)");
  command(app.add_subcommand("invite-list", "List all invites and what became of them"),
          [&a](const Target& t) { return ctl::invite_list(t, a.json); });
  command(app.add_subcommand("status", "How the broker is"),
          [&a](const Target& t) { return ctl::status(t, a.json); });
  auto* log = app.add_subcommand("log", "The record");
  log->require_subcommand(1);
  log->fallthrough();
  command(log->add_subcommand("verify", "Check the whole record; the broker may run meanwhile"),
          [&a](const Target& t) { return ctl::log_verify(t, a.json); });
  command(log->add_subcommand("key", "Print the key that checkpoints are verified with"),
          [&a](const Target& t) { return ctl::log_key(t, a.json); });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("tertuliactl: administers a Tertulia broker", "tertuliactl");
  Arguments arguments;
  Command chosen;
  declare(app, arguments, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? ctl::exit_good : ctl::exit_usage;
  }
  try {
    crypto::crypto_start();
    return chosen(ctl::find_target(arguments.config, arguments.data, arguments.socket));
  } catch (const ctl::Failure& f) {
    fmt::print(stderr, "{}\n", f.sentence);
    return f.code;
  } catch (const std::exception& e) {
    fmt::print(stderr, "tertuliactl: {}\n", e.what());
    return ctl::exit_refused;
  }
}
