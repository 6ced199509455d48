#include "tests/support/temp_dir.hpp"

#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "common/base/file.hpp"

namespace tertulia::test {

namespace {

bool in_memory(const std::filesystem::path& path) {
  const std::string name = file_system_name(path);
  return name == "tmpfs" || name == "ramfs";
}

std::filesystem::path parent() {
  std::vector<std::filesystem::path> choices;
  if (const char* dir = std::getenv("TERTULIA_TEST_DIR")) choices.emplace_back(dir);
  choices.emplace_back(TERTULIA_BUILD_DIR);
  if (const char* dir = std::getenv("TMPDIR")) choices.emplace_back(dir);
  choices.emplace_back("/tmp");
  std::filesystem::path memory;
  for (const auto& choice : choices) {
    if (::access(choice.c_str(), W_OK | X_OK) != 0) continue;
    if (!in_memory(choice)) return choice;
    if (memory.empty()) memory = choice;
  }
  if (memory.empty()) throw std::runtime_error("no directory to write in: set TERTULIA_TEST_DIR");
  return memory;
}

}  // namespace

TempDir::TempDir() {
  std::string name = (parent() / "tt-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw_errno(name);
  path_ = name;
}

TempDir::~TempDir() {
  if (keep_ || std::getenv("TERTULIA_KEEP") != nullptr) return;
  std::error_code ignored;  // a destructor has nobody to tell; the next build tree starts clean
  std::filesystem::remove_all(path_, ignored);
}

bool TempDir::on_tmpfs() const { return in_memory(path_); }

}  // namespace tertulia::test
