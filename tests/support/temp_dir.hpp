// TempDir: a directory of a test's own, on a disk, gone with the object. One thread.
#pragma once

#include <filesystem>
#include <string>

namespace tertulia::test {

class TempDir {
 public:
  // Under $TERTULIA_TEST_DIR, else the build tree, else $TMPDIR or /tmp: the first that is not
  // memory; memory if there is nothing else.
  TempDir();
  ~TempDir();  // kept when $TERTULIA_KEEP is set, or after keep()
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  bool on_tmpfs() const;
  void keep() { keep_ = true; }

 private:
  std::filesystem::path path_;
  bool keep_ = false;
};

}  // namespace tertulia::test
