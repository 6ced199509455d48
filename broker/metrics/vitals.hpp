// Vitals: how the broker is at one moment, for status, metrics and health. Any thread may take them.
#pragma once

#include <cstdint>
#include <filesystem>

namespace tertulia::broker {

struct Vitals {
  std::uint64_t started_ms = 0;  // wall clock
  std::uint64_t connections_commands = 0;
  std::uint64_t connections_broadcast = 0;
  std::uint64_t connections_max = 0;
  std::uint64_t users = 0, devices = 0, rooms = 0;

  std::uint64_t log_entries = 0;  // also the size of the newest checkpoint
  std::uint64_t database_bytes = 0;
  std::uint64_t wal_bytes = 0;
  bool read_only = false;
  std::uint64_t last_commit_ms = 0;  // wall clock; 0: none since the start

  // Waiting in front of each kind of thread.
  std::uint64_t queue_gateway = 0, queue_workers = 0, queue_log = 0, queue_readers = 0,
                queue_publisher = 0;
  std::uint64_t queue_frames_max = 0;

  std::uint64_t disk_free_bytes = 0, disk_bytes = 0;  // of the file system of the record
  std::uint64_t resident_bytes = 0;
  double cpu_s = 0;
  std::uint64_t open_files = 0, open_files_max = 0;
};

// Fills in what the operating system knows: memory, CPU, descriptors, and the disk that holds
// `directory`. What it does not tell (a /proc that is not there) stays 0.
void look_at_process(Vitals& v);
void look_at_disk(Vitals& v, const std::filesystem::path& directory,
                  const std::filesystem::path& database);

}  // namespace tertulia::broker
