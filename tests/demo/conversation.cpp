#include "tests/demo/conversation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "common/base/clock.hpp"

namespace tertulia::demo {

namespace {

using nlohmann::json;

constexpr std::uint64_t kListenMs = 5000;
constexpr std::uint64_t kSendMs = 5000;
constexpr std::uint64_t kArriveMs = 5000;
constexpr std::uint64_t kVerifyMs = 5000;

struct Said {
  std::string user;
  std::string text;
};

const std::vector<Said>& script() {
  static const std::vector<Said> out{
      {"ana", "Buenos días, ¿vienes a la tertulia de mañana?"},
      {"beto", "Sí, claro. Llevo el café ☕ y las rosquillas 🍩"},
      {"ana", "El orden del día:\n  1. el año que viene\n  2. la sede\n  3. ruegos y preguntas"},
      {"beto", "Añade un punto:\n  4. la música 🎻"},
      {"ana", "Hecho. Nos vemos a las 19:00, en casa de Íñigo."},
      {"beto", "Perfecto, ¡hasta mañana! 👋🏽"}};
  return out;
}

// Connections that clients hold to a port of this machine, as the kernel lists them (proc(5)).
int connections_to(std::uint16_t port) {
  constexpr const char* kEstablished = "01";
  const std::string suffix = fmt::format(":{:04X}", port);
  int count = 0;
  for (const char* table : {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
    std::ifstream in(table);
    std::string line, number, local, remote, state;
    std::getline(in, line);
    while (std::getline(in, line)) {
      std::istringstream fields(line);
      fields >> number >> local >> remote >> state;
      if (state == kEstablished && local.ends_with(suffix)) ++count;
    }
  }
  return count;
}

// One message as a listener printed it.
struct Seen {
  std::uint64_t seq, room_seq;
  std::string id, device, sender, room, text;
  auto operator<=>(const Seen&) const = default;
};

Seen parse_seen(const std::string& who, const std::string& line) {
  try {
    const json j = json::parse(line);
    return {j.at("seq"),    j.at("room_seq"), j.at("id"),  j.at("device"),
            j.at("sender"), j.at("room"),     j.at("text")};
  } catch (const json::exception& e) {
    throw DemoFailed(
        fmt::format("{}'s listener printed what is not a message ({}): {}", who, e.what(), line));
  }
}

void compare(const std::string& who, const std::vector<Seen>& seen) {
  const auto& said = script();
  if (seen.size() != said.size())
    throw DemoFailed(fmt::format("{} saw {} messages of {}", who, seen.size(), said.size()));
  std::set<std::string> ids;
  for (std::size_t i = 0; i < said.size(); ++i) {
    const Seen& s = seen[i];
    if (s.sender != said[i].user || s.text != said[i].text || s.room != "general")
      throw DemoFailed(fmt::format("message {} differs for {}: {} in {}: {}", i + 1, who, s.sender,
                                   s.room, s.text));
    if (s.room_seq != seen[0].room_seq + i || (i > 0 && s.seq <= seen[i - 1].seq))
      throw DemoFailed(fmt::format("message {} has room_seq {} and seq {} for {}", i + 1,
                                   s.room_seq, s.seq, who));
    if (!ids.insert(s.device + s.id).second)
      throw DemoFailed(fmt::format("message {} has an id for {} that another one has", i + 1, who));
  }
}

// In the console each message is one line that ends in its text, its line breaks shown in some way.
bool tells(const std::string& line, const Said& said) {
  const std::string first_line = said.text.substr(0, said.text.find('\n'));
  return line.find(said.user) != line.npos && line.find("general") != line.npos &&
         line.find(first_line) != line.npos;
}

}  // namespace

void converse(Stage& stage) {
  const auto& said = script();

  std::vector<std::unique_ptr<Child>> listeners;
  for (const char* user : Stage::kNames)
    listeners.push_back(std::make_unique<Child>(
        std::string(user) + "'s listener",
        stage.cli(user, {"listen", "general", "--json", "--count", std::to_string(said.size())}),
        stage.file(std::string(user) + "-listen.err")));
  const auto lost_listener = [&] {
    return std::any_of(listeners.begin(), listeners.end(),
                       [](const auto& l) { return l->wait().has_value(); });
  };
  // A client connects to the broadcast port when it knows from the welcome what it has missed: from
  // then on nothing can escape it.
  const bool listening = wait_until(monotonic_ms() + kListenMs, [&] {
    return connections_to(stage.broadcast_port()) >= static_cast<int>(listeners.size()) ||
           lost_listener();
  });
  if (!listening || lost_listener())
    throw DemoFailed("the clients do not listen\n" + listeners[0]->errors() +
                     listeners[1]->errors());

  for (const Said& s : said) {
    const Ran sent = run(s.user + "'s send", stage.cli(s.user, {"send", "general", s.text}),
                         stage.file(s.user + "-send.err"), monotonic_ms() + kSendMs);
    if (sent.code != 0)
      throw DemoFailed(
          fmt::format("{} could not send: exit {}\n{}", s.user, sent.code, sent.errors));
  }

  std::vector<std::vector<Seen>> seen;
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    const std::string who = Stage::kNames[i];
    const auto code = listeners[i]->wait(monotonic_ms() + kArriveMs);
    say(fmt::format("\n{} saw:", who));
    auto& mine = seen.emplace_back();
    for (const auto& line : listeners[i]->take_lines()) {
      say("  " + line);
      mine.push_back(parse_seen(who, line));
    }
    if (!code || *code != 0)
      throw DemoFailed(
          fmt::format("{} {}\n{}", listeners[i]->name(),
                      code ? fmt::format("ended with {}", *code) : "still waits for messages",
                      listeners[i]->errors()));
    compare(who, mine);
  }
  if (seen[0] != seen[1]) throw DemoFailed("the two clients saw different messages");

  say("\nthe broker's console:");
  std::size_t told = 0;
  const auto all_told = [&] {
    for (const auto& line : stage.broker().take_lines()) {
      say("  " + line);
      if (told < said.size() && tells(line, said[told])) ++told;
    }
    return told == said.size();
  };
  if (!wait_until(monotonic_ms() + kArriveMs, all_told))
    throw DemoFailed(fmt::format("the broker's console told {} messages of {}", told, said.size()));

  say("\ntertuliactl log verify:");
  const Ran verified = run("tertuliactl", stage.ctl({"log", "verify"}), stage.file("verify.err"),
                           monotonic_ms() + kVerifyMs);
  for (const auto& line : verified.lines) say("  " + line);
  if (verified.code != 0)
    throw DemoFailed(
        fmt::format("the log does not verify: exit {}\n{}", verified.code, verified.errors));
  stage.end_broker();
  say(fmt::format("\n{} messages, each seen once by both, in order; the log is whole.",
                  said.size()));
}

}  // namespace tertulia::demo
