// Sockets that only this machine reaches: unix sockets, and ports of its own address. Any thread;
// failures of the environment are exceptions with a sentence that names the configuration's key.
#pragma once

#include <sys/types.h>
#include <sys/un.h>

#include <filesystem>
#include <string>

#include "common/base/file.hpp"

namespace tertulia::broker {

// Throws std::runtime_error when the path is longer than unix(7) has it.
sockaddr_un unix_address(const std::filesystem::path& path);

// Binds and listens, with this mode. A stale file that nobody answers on is replaced; a live one is
// refused. key: "[admin] socket". The caller removes the file when he closes.
UniqueFd listen_unix(const std::filesystem::path& path, mode_t mode, const std::string& key);

// address: "127.0.0.1:9570" or "[::1]:9570"; the configuration has checked its form.
UniqueFd listen_loopback(const std::string& address, const std::string& key);

}  // namespace tertulia::broker
