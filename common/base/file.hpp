// Files and directories: owned descriptors, whole-file reads, atomic durable writes.
// Any thread. Failures are std::system_error with the path in what().
#pragma once

#include <filesystem>
#include <string>

#include "common/base/bytes.hpp"

namespace tertulia {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() {
    int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

[[noreturn]] void throw_errno(const std::string& what);

// Reads a whole file of at most max_bytes.
Bytes read_file(const std::filesystem::path& path, std::size_t max_bytes);

// Writes path.tmp with mode 0600, fsyncs it, renames it over path, fsyncs the directory: after a
// crash the old or the new content is there, whole.
void write_file_durably(const std::filesystem::path& path, ByteView content);

// Makes what was renamed, made or removed in it last over a crash.
// What is written in it is on the disk. Throws where the disk says that it is not.
void sync_file(const std::filesystem::path& path);
void sync_directory(const std::filesystem::path& directory);

// Makes the directory with mode 0700 if it is missing.
void make_private_directory(const std::filesystem::path& path);

// Refuses (std::runtime_error, with the chmod that mends it) a file that others may read.
void require_private(const std::filesystem::path& path);

// "ext4", "nfs", "tmpfs" … of the file system that holds path; "0x…" for one without a name here.
std::string file_system_name(const std::filesystem::path& path);
bool is_network_file_system(const std::filesystem::path& path);

}  // namespace tertulia
