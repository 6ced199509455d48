// A disk with faults, for LD_PRELOAD. $TERTULIA_FAULTS names the control file, of at least 64
// bytes; its first bytes say what fails now: `enospc` (writing that takes space, and statvfs says
// 0 free), `eio_write`, `eio_fsync`, `hang_fsync` (until it is
// something else), `nfs` (every disk says it is one), or nothing (a zero byte). Only regular files below
// $TERTULIA_FAULTS_BELOW are concerned. The file is mapped: a change holds at once.
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

const volatile char* control = nullptr;
char below[PATH_MAX];

__attribute__((constructor)) void open_control() {
  const char* path = getenv("TERTULIA_FAULTS");
  const char* directory = getenv("TERTULIA_FAULTS_BELOW");
  if (path == nullptr || directory == nullptr || realpath(directory, below) == nullptr) return;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  void* map = mmap(nullptr, 64, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (map != MAP_FAILED) control = static_cast<const volatile char*>(map);
}

bool is_on(const char* fault) {
  if (control == nullptr) return false;
  for (std::size_t i = 0; i <= strlen(fault); ++i)
    if (control[i] != fault[i]) return false;
  return true;
}

bool concerns(int fd) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t n = readlink(link, path, sizeof path - 1);
  if (n <= 0) return false;
  path[n] = 0;
  return strncmp(path, below, strlen(below)) == 0;
}

// 0: go on; else the errno to fail with.
int write_fault(int fd) {
  const int error = is_on("enospc") ? ENOSPC : is_on("eio_write") ? EIO : 0;
  return error != 0 && concerns(fd) ? error : 0;
}
int sync_fault(int fd) { return is_on("eio_fsync") && concerns(fd) ? EIO : 0; }

void hang(int fd) {
  while (is_on("hang_fsync") && concerns(fd)) usleep(1000);
}

template <class F>
F* next(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

template <class T>
T failed(int error, T value) {
  errno = error;
  return value;
}

}  // namespace

#define REAL(name) static auto* const real = next<decltype(::name)>(#name)
#pragma GCC diagnostic ignored "-Wnonnull-compare"

extern "C" {

ssize_t write(int fd, const void* data, size_t n) {
  REAL(write);
  if (const int e = write_fault(fd)) return failed<ssize_t>(e, -1);
  return real(fd, data, n);
}
ssize_t pwrite(int fd, const void* data, size_t n, off_t at) {
  REAL(pwrite);
  if (const int e = write_fault(fd)) return failed<ssize_t>(e, -1);
  return real(fd, data, n, at);
}
ssize_t pwrite64(int fd, const void* data, size_t n, off64_t at) {
  REAL(pwrite64);
  if (const int e = write_fault(fd)) return failed<ssize_t>(e, -1);
  return real(fd, data, n, at);
}
ssize_t writev(int fd, const iovec* parts, int count) {
  REAL(writev);
  if (const int e = write_fault(fd)) return failed<ssize_t>(e, -1);
  return real(fd, parts, count);
}
int ftruncate(int fd, off_t size) {
  REAL(ftruncate);
  // Shorter takes no space
  struct stat now {};
  if (const int e = write_fault(fd); e != 0 && fstat(fd, &now) == 0 && size > now.st_size)
    return failed(e, -1);
  return real(fd, size);
}
int ftruncate64(int fd, off64_t size) {
  REAL(ftruncate64);
  struct stat now {};
  if (const int e = write_fault(fd); e != 0 && fstat(fd, &now) == 0 && size > now.st_size)
    return failed(e, -1);
  return real(fd, size);
}
int fallocate(int fd, int mode, off_t at, off_t n) {
  REAL(fallocate);
  if (const int e = write_fault(fd)) return failed(e, -1);
  return real(fd, mode, at, n);
}
int fallocate64(int fd, int mode, off64_t at, off64_t n) {
  REAL(fallocate64);
  if (const int e = write_fault(fd)) return failed(e, -1);
  return real(fd, mode, at, n);
}
int posix_fallocate(int fd, off_t at, off_t n) {
  REAL(posix_fallocate);
  if (const int e = write_fault(fd)) return e;
  return real(fd, at, n);
}
int posix_fallocate64(int fd, off64_t at, off64_t n) {
  REAL(posix_fallocate64);
  if (const int e = write_fault(fd)) return e;
  return real(fd, at, n);
}
int fsync(int fd) {
  REAL(fsync);
  hang(fd);
  if (const int e = sync_fault(fd)) return failed(e, -1);
  return real(fd);
}
int fdatasync(int fd) {
  REAL(fdatasync);
  hang(fd);
  if (const int e = sync_fault(fd)) return failed(e, -1);
  return real(fd);
}

int statvfs(const char* path, struct statvfs* out) noexcept {
  REAL(statvfs);
  const int result = real(path, out);
  if (result == 0 && is_on("enospc")) out->f_bfree = out->f_bavail = 0;
  return result;
}
int statvfs64(const char* path, struct statvfs64* out) noexcept {
  REAL(statvfs64);
  const int result = real(path, out);
  if (result == 0 && is_on("enospc")) out->f_bfree = out->f_bavail = 0;
  return result;
}
int fstatvfs(int fd, struct statvfs* out) noexcept {
  REAL(fstatvfs);
  const int result = real(fd, out);
  if (result == 0 && is_on("enospc")) out->f_bfree = out->f_bavail = 0;
  return result;
}
int fstatvfs64(int fd, struct statvfs64* out) noexcept {
  REAL(fstatvfs64);
  const int result = real(fd, out);
  if (result == 0 && is_on("enospc")) out->f_bfree = out->f_bavail = 0;
  return result;
}

int statfs(const char* path, struct statfs* out) noexcept {
  REAL(statfs);
  const int result = real(path, out);
  if (result == 0 && is_on("nfs")) out->f_type = NFS_SUPER_MAGIC;
  return result;
}
int statfs64(const char* path, struct statfs64* out) noexcept {
  REAL(statfs64);
  const int result = real(path, out);
  if (result == 0 && is_on("nfs")) out->f_type = NFS_SUPER_MAGIC;
  return result;
}

}  // extern "C"
