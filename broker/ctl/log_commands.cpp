#include <fmt/format.h>
#include <unistd.h>

#include "broker/ctl/commands.hpp"
#include "broker/identity/identity.hpp"
#include "broker/log/verify_log.hpp"
#include "common/wire/card.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::ctl {

namespace {
using nlohmann::json;

// The record, opened for reading only: with the broker running, or stopped.
struct Record {
  explicit Record(const Target& target)
      : data(open(target)),
        reader(data.database(), data.keys().kek) {}
  broker::DataDirectory data;
  broker::LogReader reader;

  static broker::DataDirectory open(const Target& target) {
    if (target.data_dir.empty())
      throw Failure{exit_usage,
                    "log reads the record itself: name its directory with --data or --config."};
    if (::access(target.data_dir.c_str(), F_OK) != 0)
      throw Failure{exit_refused,
                    fmt::format("There is no data directory {}.", target.data_dir.string())};
    if (::access(target.data_dir.c_str(), R_OK | X_OK) != 0)
      throw Failure{exit_refused,
                    fmt::format("You may not read {}: run this as the broker's user or with sudo.",
                                target.data_dir.string())};
    if (::access((target.data_dir / "log.db").c_str(), F_OK) != 0)
      throw Failure{exit_refused, fmt::format("There is no log in {}: no broker has run there yet.",
                                              target.data_dir.string())};
    return {target.data_dir, broker::DataDirectory::Mode::read};
  }

  // The first entry is the card, which names the log for ever; nullopt: it is not one of this server.
  std::optional<merkle::NoteKey> log_key() {
    std::optional<merkle::NoteKey> key;
    reader.for_each(0, [&](broker::LogReader::StoredEntry&& e) {
      pb::Body body;
      if (e.bodies.size() == 1 && body.ParseFromArray(e.bodies[0].bytes.data(),
                                                      static_cast<int>(e.bodies[0].bytes.size()))) {
        const auto card =
            wire::open_card(body.names().card(), data.keys().identity.public_key(), data.keys().id);
        if (card) key = card->log;
      }
      return false;
    });
    return key;
  }
};

void print_fault(const record::Fault& fault, bool as_json) {
  if (as_json)
    fmt::print(
        "{}\n",
        json{{"ok", false}, {"seq", fault.seq}, {"kind", fault.kind}, {"text", fault.text}}.dump());
  else
    fmt::print("fault at seq {}: {}: {}\n", fault.seq, fault.kind, fault.text);
}
}  // namespace

int log_verify(const Target& target, bool as_json) {
  Record record(target);
  const auto key = record.log_key();
  if (!key) {
    print_fault(
        {0, "card", "The first entry is not a card of this server, or its body cannot be read."},
        as_json);
    return exit_refused;
  }
  const bool on_terminal = ::isatty(STDERR_FILENO) != 0;
  const auto verdict = broker::verify_log(record.reader, *key, record.data.keys().id,
                                          [&](std::uint64_t done, std::uint64_t of) {
                                            if (on_terminal)
                                              fmt::print(stderr, "\r{} of {} entries", done, of);
                                          });
  if (on_terminal) fmt::print(stderr, "\r\033[K");
  if (verdict.fault) {
    print_fault(*verdict.fault, as_json);
    return exit_refused;
  }
  if (as_json)
    fmt::print("{}\n", json{{"ok", true},
                            {"entries", verdict.entries},
                            {"messages", verdict.messages},
                            {"root", to_hex(verdict.root.view())},
                            {"log_key", merkle::to_vkey(*key)}}
                           .dump());
  else
    fmt::print("good: {} entries, {} messages, root {}\n", verdict.entries, verdict.messages,
               to_base64(verdict.root.view()));
  return exit_good;
}

int log_key(const Target& target, bool as_json) {
  const std::string vkey = [&]() -> std::string {
    // A running broker tells it to everybody who may use its socket; else the record itself says it.
    if (target.data_dir.empty() || is_running(target))
      return ask(target, {{"command", "status"}}).value("log_key", "");
    const auto key = Record(target).log_key();
    if (!key)
      throw Failure{exit_refused, "The first entry of the log is not a card of this server."};
    return merkle::to_vkey(*key);
  }();
  if (as_json)
    fmt::print("{}\n", json{{"log_key", vkey}}.dump());
  else
    fmt::print("{}\n", vkey);
  return exit_good;
}

int status(const Target& target, bool as_json) {
  const json s = ask(target, {{"command", "status"}});
  if (as_json) {
    fmt::print("{}\n", s.dump());
    return exit_good;
  }
  const auto number = [&](const char* key) { return s.value(key, std::uint64_t{0}); };
  fmt::print("{} (tertuliad {}, process {}, since {})\n", s.value("server", ""),
             s.value("version", ""), number("pid"), s.value("started", ""));
  fmt::print("  fingerprint  {}\n", s.value("fingerprint", ""));
  fmt::print("  commands     {}, {} connections\n", s.value("commands", ""),
             number("connections_commands"));
  fmt::print("  broadcast    {}, {} connections\n", s.value("broadcast", ""),
             number("connections_broadcast"));
  fmt::print("  log          {} entries in {}\n", number("log_size"), s.value("data_dir", ""));
  fmt::print("  people       {} users, {} devices, {} rooms\n", number("users"), number("devices"),
             number("rooms"));
  fmt::print("  memory       {:.1f} MiB\n", static_cast<double>(number("rss_bytes")) / (1 << 20));
  if (s.value("read_only", false))
    fmt::print("  READ-ONLY    {}\n", s.value("read_only_reason", ""));
  const json counters = s.value("counters", json::object());
  for (const auto& [name, count] : counters.items())
    if (name.find("refused") != std::string::npos || name.find("dropped") != std::string::npos)
      if (count.is_number_unsigned() && count != 0)
        fmt::print("  {:<28} {}\n", name, count.get<std::uint64_t>());
  return exit_good;
}

}  // namespace tertulia::ctl
