#include <fstream>
#include <iostream>
#include <sstream>

#include "client/cli/commands.hpp"
#include "client/cli/output.hpp"
#include "common/base/clock.hpp"

namespace tertulia::cli {

namespace {
constexpr std::size_t kCardBytesMax = 65'536;  // as of every signed note
constexpr std::uint64_t kAnswerMs = 10'000;    // the engine asks nobody

std::optional<std::string> read_card(const std::string& path) {
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& in = path == "-" ? std::cin : file;
  std::string text(kCardBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.empty() || text.size() > kCardBytesMax) return std::nullopt;
  return text;
}
}  // namespace

int server_card(const Arguments& a) {
  std::string note;
  if (!a.show) {
    auto read = read_card(a.file);
    if (!read) return say("There is no card in " + a.file + ".", exit_refused);
    note = std::move(*read);
  }
  Client client(a, quiet_options());
  if (const auto code = require_account(client)) return *code;
  client.engine().server_card(note);
  const std::uint64_t deadline = monotonic_ms() + kAnswerMs;
  while (monotonic_ms() < deadline && !client.interrupted()) {
    for (const auto& event : client.wait(deadline)) {
      const auto* answer = std::get_if<client::CardAnswer>(&event);
      if (answer == nullptr) continue;
      if (!answer->ok) return say(answer->reason, exit_refused);
      if (!a.show) return say("This profile knows this card now.", exit_done);
      if (answer->card.empty()) return say("This profile knows no card yet.", exit_refused);
      std::string text = answer->card;
      return print_lines(text) ? exit_done : exit_refused;
    }
  }
  return say("The store of this profile does not answer.", exit_unreachable);
}

}  // namespace tertulia::cli
