#include "broker/metrics/vitals.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fstream>
#include <system_error>

namespace tertulia::broker {

namespace {
double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}
}  // namespace

void look_at_process(Vitals& v) {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0, resident = 0;
  if (statm >> total >> resident)
    v.resident_bytes = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0)
    v.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) v.open_files_max = limit.rlim_cur;
  if (DIR* const open = ::opendir("/proc/self/fd"); open != nullptr) {
    std::uint64_t entries = 0;
    while (::readdir(open) != nullptr) ++entries;
    ::closedir(open);
    v.open_files = entries > 3 ? entries - 3 : 0;  // ".", "..", and this listing itself
  }
}

void look_at_disk(Vitals& v, const std::filesystem::path& directory,
                  const std::filesystem::path& database) {
  struct statvfs fs {};
  if (::statvfs(directory.c_str(), &fs) == 0) {
    v.disk_free_bytes = fs.f_bavail * fs.f_frsize;
    v.disk_bytes = fs.f_blocks * fs.f_frsize;
  }
  std::error_code none;
  const auto bytes = std::filesystem::file_size(database, none);
  if (!none) v.database_bytes = bytes;
}

}  // namespace tertulia::broker
