#include "client/engine/profile.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace tertulia::client {

namespace {
UniqueFd open_lock(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) throw_errno("cannot open " + path.string());
  return fd;
}

void wait_for_lock(int fd, const std::string& path) {
  while (::flock(fd, LOCK_EX) != 0)
    if (errno != EINTR) throw_errno("cannot lock " + path);
}
}  // namespace

Profile::Profile(std::filesystem::path directory, std::optional<crypto::Seed> unlocked)
    : directory_(std::move(directory)),
      unlocked_(std::move(unlocked)) {
  make_private_directory(directory_);
  if (std::filesystem::exists(directory_ / "device.key"))
    require_private(directory_);
  else if (::chmod(directory_.c_str(), 0700) != 0)
    throw_errno("cannot make " + directory_.string() + " private");
  make_private_directory(directory_ / "run");
  store_lock_ = open_lock(directory_ / "store.lock");
}

Profile::~Profile() {
  // Unlinked while the lock is held: whoever opened it meanwhile finds no rows to adopt.
  if (process_lock_) ::unlink(process_lock_path(process_).c_str());
}

std::optional<crypto::Seed> Profile::device_seed() const {
  if (unlocked_) return unlocked_;
  if (profile_is_locked(directory_)) throw std::runtime_error(profile_locked_text);
  return plain_profile_key(directory_);
}

crypto::Seed Profile::make_device_seed() const {
  if (auto seed = device_seed()) return *seed;
  const auto seed = crypto::Seed::random();
  write_profile_key(directory_, seed, nullptr);
  return seed;
}

void Profile::lock_store() { wait_for_lock(store_lock_.get(), "store.lock"); }

void Profile::unlock_store() {
  if (::flock(store_lock_.get(), LOCK_UN) != 0) throw_errno("cannot unlock store.lock");
}

std::filesystem::path Profile::process_lock_path(std::uint64_t process) const {
  return directory_ / "run" / fmt::format("{}.lock", process);
}

void Profile::hold_process_lock(std::uint64_t process) {
  process_lock_ = open_lock(process_lock_path(process));
  process_ = process;
  wait_for_lock(process_lock_.get(), process_lock_path(process).string());
}

UniqueFd Profile::take_dead(std::uint64_t process) const {
  UniqueFd fd = open_lock(process_lock_path(process));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) throw_errno("cannot lock " + process_lock_path(process).string());
  return {};
}

void Profile::forget_dead(std::uint64_t process) const {
  ::unlink(process_lock_path(process).c_str());
}

}  // namespace tertulia::client
