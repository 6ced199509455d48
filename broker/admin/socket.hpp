// The admin socket: a unix stream socket that the file system's permissions guard (0660). Lines of
// JSON both ways, one answer per request, in order. Any thread; failures of the environment are
// exceptions with a sentence.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/file.hpp"

namespace tertulia::broker {

inline constexpr std::size_t admin_line_bytes_max = 1024 * 1024;

// Binds and listens, with that mode. key: what the configuration calls it.
UniqueFd listen_admin(const std::filesystem::path& path, const std::string& key);

struct AdminPeer {
  std::uint32_t uid = 0;
  std::string user;  // name of the uid, or the number
};
AdminPeer peer_of(int fd);  // SO_PEERCRED

// tertuliactl's side: connects, sends one request, waits for its answer.
// Throws std::system_error when nobody answers there (its code tells which).
std::string ask_admin(const std::filesystem::path& path, const std::string& request,
                      int timeout_ms);

}  // namespace tertulia::broker
