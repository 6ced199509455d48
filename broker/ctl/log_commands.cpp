#include <fmt/format.h>
#include <unistd.h>

#include "broker/ctl/commands.hpp"
#include "broker/identity/identity.hpp"
#include "broker/log/verify_log.hpp"
#include "common/record/act.hpp"
#include "common/wire/card.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::ctl {

namespace {
using nlohmann::json;

// The record, opened for reading only: with the broker running, or stopped.
struct Record {
  explicit Record(const Target& target)
      : data(open(target)),
        reader(data.database(), data.keys().kek, data.keys().kek_next) {}
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

  // In the order of the record; stops when f answers false. The first entry is one, or the record is
  // not this server's.
  void for_each_card(const std::function<bool(std::uint64_t seq, const wire::Card&)>& f) {
    reader.for_each(0, [&](broker::LogReader::StoredEntry&& e) {
      const auto leaf = record::decode_leaf(e.leaf);
      const bool is_card = leaf && leaf->submission.is_act() &&
                           leaf->submission.messages[0].kind == record::Kind::card;
      pb::Body body;
      if (!is_card || e.bodies.size() != 1 ||
          !body.ParseFromArray(e.bodies[0].bytes.data(),
                               static_cast<int>(e.bodies[0].bytes.size())))
        return e.seq != 0;
      const auto card =
          wire::open_card(body.names().card(), data.keys().identity.public_key(), data.keys().id);
      return card ? f(e.seq, *card) : e.seq != 0;
    });
  }

  // nullopt: the first entry is no card of this server.
  std::optional<merkle::NoteKey> first_log_key() {
    std::optional<merkle::NoteKey> key;
    for_each_card([&](std::uint64_t, const wire::Card& card) {
      key = card.log;
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
  const auto key = record.first_log_key();
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
                            {"log_key", merkle::to_vkey(verdict.log_keys.back().key)},
                            {"log_keys", verdict.log_keys.size()}}
                           .dump());
  else
    fmt::print("good: {} entries, {} messages, root {}\n", verdict.entries, verdict.messages,
               to_base64(verdict.root.view()));
  return exit_good;
}

int log_key(const Target& target, bool history, bool as_json) {
  struct Line {
    std::string vkey;
    std::uint64_t seq;
  };
  std::vector<Line> lines;
  if (!history && (target.data_dir.empty() || is_running(target))) {
    // A running broker tells it to everybody who may use its socket; else the record itself says it.
    lines.push_back({ask(target, {{"command", "status"}}).value("log_key", ""), 0});
  } else {
    Record(target).for_each_card([&](std::uint64_t seq, const wire::Card& card) {
      const std::string vkey = merkle::to_vkey(card.log);
      if (lines.empty() || lines.back().vkey != vkey) lines.push_back({vkey, seq});
      return true;
    });
    if (lines.empty())
      throw Failure{exit_refused, "The first entry of the log is not a card of this server."};
    if (!history) lines.erase(lines.begin(), lines.end() - 1);
  }
  for (const auto& [vkey, seq] : lines) {
    json out = {{"log_key", vkey}};
    if (history) out["since_seq"] = seq;
    if (as_json)
      fmt::print("{}\n", out.dump());
    else if (history)
      fmt::print("since entry {:<8} {}\n", seq, vkey);
    else
      fmt::print("{}\n", vkey);
  }
  return exit_good;
}

}  // namespace tertulia::ctl
