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
constexpr std::size_t kKeyFileBytesMax = 256;

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

Profile::Profile(std::filesystem::path directory) : directory_(std::move(directory)) {
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
  const auto path = directory_ / "device.key";
  if (!std::filesystem::exists(path)) return std::nullopt;
  require_private(path);
  Bytes content = read_file(path, kKeyFileBytesMax);
  std::string_view text = as_text(content);
  while (text.ends_with('\n')) text.remove_suffix(1);
  auto raw = from_hex(text);
  auto seed = raw ? crypto::Seed::parse(*raw) : std::nullopt;
  sodium_memzero(content.data(), content.size());
  if (raw) sodium_memzero(raw->data(), raw->size());
  if (!seed)
    throw std::runtime_error(
        fmt::format("{} does not hold a device key (64 hex digits)", path.string()));
  return seed;
}

crypto::Seed Profile::make_device_seed() const {
  if (auto seed = device_seed()) return *seed;
  const auto seed = crypto::Seed::random();
  std::string text = to_hex(seed.view()) + "\n";
  write_file_durably(directory_ / "device.key", as_bytes(text));
  sodium_memzero(text.data(), text.size());
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
