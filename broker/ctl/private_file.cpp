#include "broker/ctl/private_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "broker/ctl/target.hpp"

namespace tertulia::ctl {

namespace {
Failure there_already(const std::filesystem::path& path) {
  return {exit_refused,
          fmt::format("{} is there already; name another file, or say --force.", path.string())};
}
}  // namespace

PrivateFile::PrivateFile(std::filesystem::path path, bool replace)
    : path_(std::move(path)),
      partial_(path_.string() + fmt::format(".{}.partial", ::getpid())),
      replace_(replace) {
  struct stat st {};
  if (::lstat(path_.c_str(), &st) == 0) {
    if (!S_ISREG(st.st_mode))
      throw Failure{exit_refused, fmt::format("{} is there and is no file.", path_.string())};
    if (!replace_) throw there_already(path_);
  }
  fd_ = UniqueFd(
      ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd_)
    throw Failure{exit_refused, fmt::format("{} cannot be made: {}.", path_.string(),
                                            std::generic_category().message(errno))};
}

PrivateFile::~PrivateFile() {
  if (fd_) ::unlink(partial_.c_str());
}

void PrivateFile::finish(std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd_.get(), content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw_errno("cannot write " + partial_.string());
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(fd_.get()) != 0) throw_errno("cannot sync " + partial_.string());
  if (replace_) {
    if (::rename(partial_.c_str(), path_.c_str()) != 0) throw_errno(path_.string());
    fd_.reset();
    return;
  }
  if (::link(partial_.c_str(), path_.c_str()) != 0) throw_errno(path_.string());
}

}  // namespace tertulia::ctl
