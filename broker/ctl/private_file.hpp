// A file that holds secrets and appears whole or not at all: made beside its place with mode 0600 before
// anything is done that it is to tell of, so that a place where none can be is known in time.
#pragma once

#include <filesystem>
#include <string_view>

#include "common/base/file.hpp"

namespace tertulia::ctl {

class PrivateFile {
 public:
  // Throws Failure with a sentence: it is there and `replace` is false, or it cannot be made.
  PrivateFile(std::filesystem::path path, bool replace);
  ~PrivateFile();  // what was not put in its place is removed
  PrivateFile(const PrivateFile&) = delete;
  PrivateFile& operator=(const PrivateFile&) = delete;

  // Writes, syncs and puts it in its place; without `replace` never over a file that has come
  // meanwhile. Throws std::system_error.
  void finish(std::string_view content);

 private:
  const std::filesystem::path path_, partial_;
  const bool replace_;
  UniqueFd fd_;
};

}  // namespace tertulia::ctl
