#include "common/base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace tertulia {

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

Bytes read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw_errno("cannot open " + path.string());
  Bytes out;
  std::array<std::uint8_t, 16384> chunk;
  for (;;) {
    const ssize_t n = ::read(fd.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("cannot read " + path.string());
    if (n == 0) return out;
    if (out.size() + static_cast<std::size_t>(n) > max_bytes) {
      errno = EFBIG;
      throw_errno(path.string() + " is larger than it can be");
    }
    out.insert(out.end(), chunk.begin(), chunk.begin() + n);
  }
}

void sync_file(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) throw_errno("cannot sync " + path.string());
}

void sync_directory(const std::filesystem::path& directory) {
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) throw_errno("cannot sync " + directory.string());
}

void write_file_durably(const std::filesystem::path& path, ByteView content) {
  const std::filesystem::path tmp = path.string() + ".tmp";
  UniqueFd fd(::open(tmp.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) throw_errno("cannot create " + tmp.string());
  if (::fchmod(fd.get(), 0600) != 0) throw_errno("cannot chmod " + tmp.string());
  while (!content.empty()) {
    const ssize_t n = ::write(fd.get(), content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw_errno("cannot write " + tmp.string());
    content = content.subspan(static_cast<std::size_t>(n));
  }
  if (::fsync(fd.get()) != 0) throw_errno("cannot sync " + tmp.string());
  fd.reset();
  if (::rename(tmp.c_str(), path.c_str()) != 0) throw_errno("cannot rename to " + path.string());
  sync_directory(path.has_parent_path() ? path.parent_path() : ".");
}

void make_private_directory(const std::filesystem::path& path) {
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    throw_errno("cannot create directory " + path.string());
}

void require_private(const std::filesystem::path& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) throw_errno("cannot stat " + path.string());
  if ((st.st_mode & 077) != 0)
    throw std::runtime_error(fmt::format("{} may be read by others (mode {:04o}); run: chmod {} {}",
                                         path.string(), st.st_mode & 07777,
                                         S_ISDIR(st.st_mode) ? "0700" : "0600", path.string()));
}

namespace {
struct FileSystemKind {
  unsigned long magic;
  const char* name;
  bool network;
};
// Magic numbers from statfs(2) and linux/magic.h.
constexpr std::array kFileSystems{
    FileSystemKind{0xEF53, "ext4", false},        FileSystemKind{0x58465342, "xfs", false},
    FileSystemKind{0x9123683E, "btrfs", false},   FileSystemKind{0x01021994, "tmpfs", false},
    FileSystemKind{0x794c7630, "overlay", false}, FileSystemKind{0x2fc12fc1, "zfs", false},
    FileSystemKind{0xF2F52010, "f2fs", false},    FileSystemKind{0x858458f6, "ramfs", false},
    FileSystemKind{0x6969, "nfs", true},          FileSystemKind{0xFF534D42, "cifs", true},
    FileSystemKind{0xFE534D42, "smb2", true},     FileSystemKind{0x517B, "smb", true},
    FileSystemKind{0x65735546, "fuse", true},     FileSystemKind{0x00C36400, "ceph", true},
    FileSystemKind{0x01021997, "9p", true},       FileSystemKind{0x5346414F, "afs", true},
    FileSystemKind{0x73757245, "coda", true},     FileSystemKind{0x0BD00BD0, "lustre", true},
};

unsigned long file_system_magic(const std::filesystem::path& path) {
  struct statfs st {};
  if (::statfs(path.c_str(), &st) != 0)
    throw_errno("cannot stat the file system of " + path.string());
  return static_cast<unsigned long>(st.f_type) & 0xFFFFFFFFUL;
}
}  // namespace

std::string file_system_name(const std::filesystem::path& path) {
  const unsigned long magic = file_system_magic(path);
  for (const auto& kind : kFileSystems)
    if (kind.magic == magic) return kind.name;
  return fmt::format("0x{:x}", magic);
}

bool is_network_file_system(const std::filesystem::path& path) {
  const unsigned long magic = file_system_magic(path);
  for (const auto& kind : kFileSystems)
    if (kind.magic == magic) return kind.network;
  return false;
}

}  // namespace tertulia
