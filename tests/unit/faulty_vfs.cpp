#include "tests/unit/faulty_vfs.hpp"

#include <sqlite3.h>

#include <atomic>
#include <new>

namespace tertulia::test {

namespace {

std::atomic<DiskFault> fault{DiskFault::none};
std::atomic<int> good_writes{0};

struct File {
  sqlite3_file base;
  sqlite3_file* real;  // in the memory behind this struct
  bool is_database;
};
sqlite3_file* real(sqlite3_file* f) { return reinterpret_cast<File*>(f)->real; }
sqlite3_vfs* real_vfs() { return sqlite3_vfs_find(nullptr); }

int fault_of_write(sqlite3_file* f) {
  const DiskFault now = fault.load();
  if (now == DiskFault::database_full)
    return reinterpret_cast<File*>(f)->is_database ? SQLITE_FULL : SQLITE_OK;
  if ((now != DiskFault::full && now != DiskFault::write_error) || good_writes.fetch_sub(1) > 0)
    return SQLITE_OK;
  return now == DiskFault::full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

int x_close(sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); }
int x_read(sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
  return real(f)->pMethods->xRead(real(f), to, n, at);
}
int x_write(sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
  const int bad = fault_of_write(f);
  return bad != SQLITE_OK ? bad : real(f)->pMethods->xWrite(real(f), from, n, at);
}
int x_truncate(sqlite3_file* f, sqlite3_int64 n) {
  return real(f)->pMethods->xTruncate(real(f), n);
}
int x_sync(sqlite3_file* f, int flags) {
  if (fault.load() == DiskFault::sync_error) return SQLITE_IOERR_FSYNC;
  if (fault.load() == DiskFault::sync_skipped) return SQLITE_OK;
  return real(f)->pMethods->xSync(real(f), flags);
}
int x_file_size(sqlite3_file* f, sqlite3_int64* n) {
  return real(f)->pMethods->xFileSize(real(f), n);
}
int x_lock(sqlite3_file* f, int l) { return real(f)->pMethods->xLock(real(f), l); }
int x_unlock(sqlite3_file* f, int l) { return real(f)->pMethods->xUnlock(real(f), l); }
int x_check_lock(sqlite3_file* f, int* out) {
  return real(f)->pMethods->xCheckReservedLock(real(f), out);
}
int x_control(sqlite3_file* f, int op, void* arg) {
  return real(f)->pMethods->xFileControl(real(f), op, arg);
}
int x_sector(sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); }
int x_traits(sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); }
int x_shm_map(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
  return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
}
int x_shm_lock(sqlite3_file* f, int offset, int n, int flags) {
  return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}
void x_shm_barrier(sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); }
int x_shm_unmap(sqlite3_file* f, int remove) {
  return real(f)->pMethods->xShmUnmap(real(f), remove);
}

const sqlite3_io_methods methods = {
    2,          x_close,       x_read,       x_write,   x_truncate, x_sync,   x_file_size,
    x_lock,     x_unlock,      x_check_lock, x_control, x_sector,   x_traits, x_shm_map,
    x_shm_lock, x_shm_barrier, x_shm_unmap,  nullptr,   nullptr};

int x_open(sqlite3_vfs*, const char* name, sqlite3_file* f, int flags, int* out_flags) {
  File* file = new (f) File{};
  file->real = reinterpret_cast<sqlite3_file*>(file + 1);
  file->is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
  const int code = real_vfs()->xOpen(real_vfs(), name, file->real, flags, out_flags);
  file->base.pMethods = file->real->pMethods != nullptr ? &methods : nullptr;
  return code;
}
int x_delete(sqlite3_vfs*, const char* name, int sync) {
  return real_vfs()->xDelete(real_vfs(), name, sync);
}
int x_access(sqlite3_vfs*, const char* name, int flags, int* out) {
  return real_vfs()->xAccess(real_vfs(), name, flags, out);
}
int x_full_path(sqlite3_vfs*, const char* name, int n, char* out) {
  return real_vfs()->xFullPathname(real_vfs(), name, n, out);
}

}  // namespace

const char* faulty_vfs() {
  static sqlite3_vfs vfs = [] {
    sqlite3_vfs v = *real_vfs();
    v.szOsFile += static_cast<int>(sizeof(File));
    v.zName = "tertulia-faulty";
    v.xOpen = x_open;
    v.xDelete = x_delete;
    v.xAccess = x_access;
    v.xFullPathname = x_full_path;
    return v;
  }();
  static const int registered = sqlite3_vfs_register(&vfs, 0);
  return registered == SQLITE_OK ? vfs.zName : nullptr;
}

void set_disk_fault(DiskFault next, int writes) {
  good_writes = writes;
  fault = next;
}

}  // namespace tertulia::test
