// A SQLite VFS that does what the disk does on bad days, on command: a full disk, a failed write, a
// failed fsync, an fsync that is skipped (for a test that commits thousands of times). Everything
// else is the default VFS. Register once; the fault is for the whole process.
#pragma once

namespace tertulia::test {

enum class DiskFault {
  none,
  full,
  database_full,  // the WAL still has room
  write_error,
  sync_error,
  sync_skipped,
};

// Registers the VFS (once) and answers its name, for LogOptions::vfs.
const char* faulty_vfs();

// From now on, after `writes` more good writes, files opened through the VFS fail so.
void set_disk_fault(DiskFault fault, int writes = 0);

}  // namespace tertulia::test
