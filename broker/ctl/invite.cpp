#include "common/wire/invite.hpp"

#include <fmt/format.h>

#include <charconv>

#include "broker/ctl/addresses.hpp"
#include "broker/ctl/commands.hpp"
#include "common/base/clock.hpp"

namespace tertulia::ctl {

namespace {
using nlohmann::json;

template <class Id>
Id id_of(const json& answer, const char* key) {
  const auto bytes = from_hex(answer.value(key, ""));
  const auto id = bytes ? Id::parse(*bytes) : std::nullopt;
  if (!id) throw Failure{exit_refused, fmt::format("The broker's answer has no {}.", key)};
  return *id;
}
}  // namespace

std::optional<std::uint64_t> parse_lifetime(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number == 0 || number > 1'000'000 ||
      end + 1 != text.data() + text.size())
    return std::nullopt;
  constexpr std::uint64_t kMinuteMs = 60'000;
  switch (*end) {
    case 's': return number * 1000;
    case 'm': return number * kMinuteMs;
    case 'h': return number * 60 * kMinuteMs;
    case 'd': return number * 24 * 60 * kMinuteMs;
    default: return std::nullopt;
  }
}

int invite(const Target& target, const std::string& name, const std::string& role,
           const std::string& expires) {
  json request = {{"command", "invite"}, {"name", name}};
  if (!role.empty()) request["role"] = role;
  if (!expires.empty()) {
    const auto lifetime = parse_lifetime(expires);
    if (!lifetime)
      throw Failure{exit_usage,
                    "--expires takes a number of days, hours, minutes or seconds: "
                    "7d, 12h, 30m, 90s."};
    request["expires_ms"] = *lifetime;
  }
  const json answer = ask(target, request);
  const auto addresses = choose_addresses(answer.value("advertise", std::vector<std::string>{}),
                                          answer.value("commands", ""), machine_addresses());
  wire::Invite i;
  i.identity = id_of<SignPublicKey>(answer, "identity");
  i.server_curve = id_of<CurvePublicKey>(answer, "curve");
  i.user = id_of<UserId>(answer, "user");
  const auto seed_bytes = from_hex(answer.value("seed", ""));
  const auto seed = seed_bytes ? crypto::Seed::parse(*seed_bytes) : std::nullopt;
  if (!seed) throw Failure{exit_refused, "The broker's answer has no seed."};
  i.seed = *seed;
  i.server_name = answer.value("server", "");
  i.user_name = name;
  i.addresses = addresses.list;
  fmt::print(stderr, "{}\n", addresses.why);
  if (addresses.only_loopback)
    fmt::print(stderr,
               "Warning: that is this machine itself; nobody can use this invite elsewhere. "
               "Set [listen] commands = \"tcp://*:5570\", or [listen] advertise.\n");
  fmt::print(stderr, "{} joins as {}; good once, until {}.\n", name, answer.value("role", ""),
             rfc3339_ms(answer.value("expires_ms", std::uint64_t{0})));
  fmt::print("{}\n", wire::encode_invite(i));
  return exit_good;
}

int invite_revoke(const Target& target, const std::string& name) {
  fmt::print("{}\n",
             ask(target, {{"command", "invite_revoke"}, {"name", name}}).value("text", "Revoked."));
  return exit_good;
}

int invite_list(const Target& target, bool as_json) {
  const json answer = ask(target, {{"command", "invite_list"}});
  for (const auto& i : answer.value("invites", json::array())) {
    if (as_json)
      fmt::print("{}\n", i.dump());
    else
      fmt::print("{:<20} {:<8} until {}\n", i.value("name", ""), i.value("state", ""),
                 i.value("expires", ""));
  }
  return exit_good;
}

}  // namespace tertulia::ctl
