// tertuliactl: the administrator's program. Talks to the broker's admin socket; reads the record itself
// for `log`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "broker/ctl/commands.hpp"
#include "broker/ctl/invite.hpp"
#include "broker/ctl/people.hpp"
#include "broker/ctl/webhooks.hpp"
#include "common/crypto/keys.hpp"

namespace {

using namespace tertulia;

struct Arguments {
  std::string config, data, socket;
  std::string services = "/etc/avahi/services";
  bool json = false, watch = false, withdraw = false, history = false;
};
using ctl::Command;

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
  app.set_help_all_flag("--help-all", "Print the help of all commands and exit");
  app.require_subcommand(1);
  const auto command = [&chosen](CLI::App* sub, Command run) {
    sub->fallthrough();
    sub->final_callback([&chosen, run] { chosen = run; });
    return sub;
  };
  ctl::declare_invites(app, a.json, command);
  auto* sub = command(app.add_subcommand("status", "How the broker is"), [&a](const Target& t) {
    if (a.watch && a.json)
      throw ctl::Failure{ctl::exit_usage, "--watch and --json do not go together."};
    return a.watch ? ctl::status_watch(t) : ctl::status(t, a.json);
  });
  sub->add_flag("--watch,-w", a.watch, "One screen, drawn anew each second, until q");
  command(app.add_subcommand("metrics", "Print the metrics, as Prometheus reads them"),
          [](const Target& t) { return ctl::metrics(t); });
  auto* announce = command(
      app.add_subcommand(
          "announce", "Announce the running broker on the local network, by Avahi if it is here"),
      [&a](const Target& t) { return ctl::announce(t, a.services, a.withdraw); });
  announce->add_flag("--withdraw", a.withdraw, "Announce it no more");
  announce->add_option("--directory", a.services, "Of Avahi's service files")->type_name("DIR");
  command(app.add_subcommand("doctor",
                             "Look for what keeps the broker from serving, and say what to do"),
          [&a](const Target& t) {
            const bool named = !a.config.empty() || (a.data.empty() && a.socket.empty());
            return ctl::doctor(t,
                               !named             ? ""
                               : a.config.empty() ? ctl::config_default
                                                  : a.config,
                               a.json);
          });
  ctl::declare_people(app, a.json, command);
  ctl::declare_webhooks(app, a.json, command);
  ctl::declare_keys(app, a.json, command);
  auto* log = app.add_subcommand("log", "The record");
  log->require_subcommand(1);
  log->fallthrough();
  command(log->add_subcommand("verify", "Check the whole record; the broker may run meanwhile"),
          [&a](const Target& t) { return ctl::log_verify(t, a.json); });
  sub = command(log->add_subcommand("key", "Print the key that checkpoints are verified with"),
                [&a](const Target& t) { return ctl::log_key(t, a.history, a.json); });
  sub->add_flag("--history", a.history, "All keys that this log has had, from the record itself");
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
    const bool examines = app.got_subcommand("doctor");
    return chosen(examines
                      ? ctl::find_target_anyway(arguments.config, arguments.data, arguments.socket)
                      : ctl::find_target(arguments.config, arguments.data, arguments.socket));
  } catch (const ctl::Failure& f) {
    fmt::print(stderr, "{}\n", f.sentence);
    return f.code;
  } catch (const std::exception& e) {
    fmt::print(stderr, "tertuliactl: {}\n", e.what());
    return ctl::exit_refused;
  }
}
