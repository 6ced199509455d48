#include "broker/identity/key_store.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <stdexcept>

#include "common/base/file.hpp"

namespace tertulia::broker {

namespace fs = std::filesystem;

std::string KeyStore::file_name(const std::string& name, Stage stage) {
  switch (stage) {
    case Stage::in_use: return name + ".key";
    case Stage::next: return name + ".next.key";
    case Stage::before: return name + ".before.key";
  }
  return {};
}

fs::path KeyStore::file(const std::string& name, Stage stage) const {
  return directory_ / file_name(name, stage);
}

// What the service manager gives in place of a key's file. The identity key is no credential: it is
// what may be taken offline.
fs::path KeyStore::credential(const std::string& name, Stage stage) const {
  const char* const directory = std::getenv("CREDENTIALS_DIRECTORY");
  if (directory == nullptr || name == "identity") return {};
  const fs::path path = fs::path(directory) / file_name(name, stage);
  return fs::exists(path) ? path : fs::path();
}

bool KeyStore::is_credential(const std::string& name, Stage stage) const {
  return !credential(name, stage).empty();
}

fs::path KeyStore::place(const std::string& name, Stage stage) const {
  const fs::path given = credential(name, stage);
  return given.empty() ? file(name, stage) : given;
}

std::optional<crypto::Seed> KeyStore::read(const std::string& name, Stage stage) const {
  const fs::path path = place(name, stage);
  if (!is_credential(name, stage)) {
    if (!fs::exists(path)) return std::nullopt;
    require_private(path);
  }
  Bytes raw = read_file(path, 64);
  const auto seed = crypto::Seed::parse(raw);
  const std::size_t length = raw.size();
  sodium_memzero(raw.data(), raw.size());
  if (!seed)
    throw std::runtime_error(
        fmt::format("{} is not a key: it holds {} bytes instead of 32.", path.string(), length));
  return seed;
}

Result<crypto::Seed, std::string> KeyStore::make_next(const std::string& name) const {
  if (is_credential(name, Stage::next)) return *read(name, Stage::next);
  if (is_credential(name, Stage::in_use))
    return tl::unexpected<std::string>(fmt::format(
        "{0}.key is a credential of the service, and the broker cannot write those. Make the next "
        "one, 32 random bytes: head -c 32 /dev/urandom | systemd-creds encrypt "
        "--name={0}.next.key - /etc/tertulia/credentials/{0}.next.key.cred; add "
        "LoadCredentialEncrypted={0}.next.key:/etc/tertulia/credentials/{0}.next.key.cred to the "
        "service, restart it, and say this again.",
        name));
  const crypto::Seed seed = crypto::Seed::random();
  write_file_durably(file(name, Stage::next), seed.view());
  return seed;
}

void KeyStore::take_next(const std::string& name, bool keep) const {
  // A file would stand behind a credential of the same name.
  if (is_credential(name, Stage::next) || is_credential(name, Stage::in_use)) return;
  const fs::path next = file(name, Stage::next), in_use = file(name, Stage::in_use);
  if (!fs::exists(next)) return;
  // A copy first and then one rename: at no moment is there no NAME.key.
  if (keep)
    write_file_durably(file(name, Stage::before), read(name, Stage::in_use)->view());
  fs::rename(next, in_use);
  sync_directory(directory_);
}

void KeyStore::drop(const std::string& name, Stage stage) const {
  if (is_credential(name, stage)) return;
  if (fs::remove(file(name, stage))) sync_directory(directory_);
}

}  // namespace tertulia::broker
