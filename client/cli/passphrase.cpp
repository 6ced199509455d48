#include "client/cli/passphrase.hpp"

#include <fmt/format.h>

#include "client/cli/commands.hpp"
#include "client/cli/secret_input.hpp"

namespace tertulia::cli {

namespace {

std::optional<client::Passphrase> current_passphrase(const Arguments& a) {
  if (!a.passphrase_file.empty()) return read_passphrase(a.passphrase_file);
  return ask_passphrase("Passphrase of this profile: ");
}

// Of a file, or typed twice; an exit code: everything has been said.
Result<client::Passphrase, int> new_passphrase(const Arguments& a) {
  std::optional<client::Passphrase> out;
  if (!a.new_passphrase_file.empty()) {
    out = read_passphrase(a.new_passphrase_file);
  } else {
    out = ask_passphrase("New passphrase: ");
    if (!out)
      return fail(
          say("Nobody can be asked for the new passphrase: give it with --new-passphrase-file.",
              exit_usage));
    const auto again = ask_passphrase("The same again: ");
    if (!again || again->text() != out->text())
      return fail(say("The two are not the same; nothing was changed.", exit_refused));
  }
  const std::size_t bytes = out->text().size();
  if (bytes >= client::passphrase_bytes_min && bytes <= client::passphrase_bytes_max)
    return std::move(*out);
  return fail(say(fmt::format("A passphrase has {} to {} bytes; nothing was changed.",
                              client::passphrase_bytes_min, client::passphrase_bytes_max),
                  exit_refused));
}

}  // namespace

Unlocked unlock(const Arguments& a) {
  if (!client::profile_is_locked(a.profile)) return {};
  const auto passphrase = current_passphrase(a);
  if (!passphrase)
    return {{},
            say("This profile is locked with a passphrase, and nobody can be asked for it: give it "
                "with --passphrase-file or TERTULIA_PASSPHRASE_FILE.",
                exit_usage)};
  auto key = client::unlock_profile(a.profile, *passphrase);
  if (!key) return {{}, say(client::unlock_error_text(key.error()), exit_refused)};
  return {*key, {}};
}

int change_passphrase(const Arguments& a) {
  const bool locked = client::profile_is_locked(a.profile);
  if (a.command == Command::passphrase_set && locked)
    return say("This profile has a passphrase; run: tertulia-cli passphrase change", exit_refused);
  if (a.command != Command::passphrase_set && !locked)
    return say("This profile has no passphrase.", exit_refused);
  std::optional<crypto::Seed> key;
  if (locked) {
    Unlocked unlocked = unlock(a);
    if (unlocked.exit_code) return *unlocked.exit_code;
    key = unlocked.key;
  } else {
    key = client::plain_profile_key(a.profile);
  }
  if (!key) return say("This profile is not enrolled; run: tertulia-cli enrol INVITE", exit_usage);
  if (a.command == Command::passphrase_remove) {
    client::write_profile_key(a.profile, *key, nullptr);
    return say("This profile has no passphrase any more.", exit_done);
  }
  const auto passphrase = new_passphrase(a);
  if (!passphrase) return passphrase.error();
  client::write_profile_key(a.profile, *key, &*passphrase);
  return say(
      "From now on this profile opens with its passphrase. Nobody can give it back: without "
      "it, this device is lost.",
      exit_done);
}

}  // namespace tertulia::cli
