#include "broker/identity/identity.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>

namespace tertulia::broker {

namespace {

namespace fs = std::filesystem;

constexpr std::array kKeys{"identity", "transport", "log", "kek"};
using Stage = KeyStore::Stage;

[[noreturn]] void refuse(const std::string& sentence) { throw std::runtime_error(sentence); }

// The directory that will hold `path`, if it does not exist yet.
fs::path nearest_existing(fs::path path) {
  while (!fs::exists(path) && path.has_parent_path() && path != path.parent_path())
    path = path.parent_path();
  return path;
}

// "dir/" names dir.
fs::path without_last_slash(fs::path path) {
  return path.has_filename() ? path : path.parent_path();
}

void require_sound_place(const fs::path& path) {
  const fs::path real = fs::weakly_canonical(path);
  const auto second = real.begin() == real.end() ? real.end() : std::next(real.begin());
  if (second != real.end() && *second == "dev")
    refuse(fmt::format(
        "{} lies under /dev, which does not survive a restart; choose a directory on a disk.",
        path.string()));
  const fs::path existing = nearest_existing(real);
  if (is_network_file_system(existing))
    refuse(fmt::format(
        "{} lies on a network file system ({}), where a database's locks and syncs cannot be "
        "trusted; choose a directory on a local disk.",
        path.string(), file_system_name(existing)));
}

UniqueFd take_lock(const fs::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) throw_errno("cannot open " + path.string());
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      refuse(fmt::format("Another broker serves {}; stop it first.", path.parent_path().string()));
    throw_errno("cannot lock " + path.string());
  }
  return fd;
}

crypto::Seed read_key(const KeyStore& store, const std::string& name) {
  const auto seed = store.read(name, Stage::in_use);
  if (!seed)
    refuse(fmt::format("The key {} is missing.", store.place(name, Stage::in_use).string()));
  return *seed;
}

void make_missing_keys(const KeyStore& store, bool has_log) {
  for (const char* name : kKeys) {
    const fs::path file = store.place(name, Stage::in_use);
    if (fs::exists(file)) continue;
    if (has_log)
      refuse(fmt::format(
          "There is a log but the key {} is missing; put it back from your backup, or give it as a "
          "credential of the service. No new key is made for an existing log.",
          file.string()));
    write_file_durably(file, crypto::Seed::random().view());
  }
}

}  // namespace

DataDirectory::DataDirectory(fs::path path, Mode mode)
    : path_(without_last_slash(fs::absolute(path).lexically_normal())),
      store_(path_ / "keys") {
  require_sound_place(path_);
  const fs::path key_directory = path_ / "keys";
  if (mode == Mode::serve)
    make_private_directory(path_);
  else if (!fs::is_directory(path_))
    refuse(fmt::format("There is no data directory {}.", path_.string()));
  require_private(path_);
  if (mode == Mode::serve) {
    lock_ = take_lock(path_ / "lock");
    make_private_directory(key_directory);
    require_private(key_directory);
    make_missing_keys(store_, fs::exists(database()));
  } else {
    if (!fs::is_directory(key_directory))
      refuse(
          fmt::format("{} is not a data directory of tertuliad: it has no keys.", path_.string()));
    require_private(key_directory);
  }
  const crypto::SigningKey identity(read_key(store_, "identity"));
  keys_ = std::make_unique<ServerKeys>(
      ServerKeys{identity, crypto::CurveKey(read_key(store_, "transport")),
                 crypto::SigningKey(read_key(store_, "log")), read_key(store_, "kek"),
                 crypto::server_id(identity.public_key())});
  if (const auto seed = store_.read("transport", Stage::next)) keys_->transport_next.emplace(*seed);
  if (const auto seed = store_.read("log", Stage::next)) keys_->log_next.emplace(*seed);
  if (const auto seed = store_.read("log", Stage::before)) keys_->log_before.emplace(*seed);
  keys_->kek_next = store_.read("kek", Stage::next);
}

}  // namespace tertulia::broker
