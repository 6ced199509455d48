#include "tests/support/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <stdexcept>

#include "tests/support/process.hpp"

namespace tertulia::test {

ServiceManager::ServiceManager(const std::filesystem::path& path)
    : path_(path),
      fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof address.sun_path)
    throw std::runtime_error(path.string() + " is too long for a socket");
  path.native().copy(address.sun_path, path.native().size());
  if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw_errno(path.string());
}

std::map<std::string, std::string> ServiceManager::env(const std::string& watchdog_usec) const {
  std::map<std::string, std::string> out{{"NOTIFY_SOCKET", path_.string()}};
  if (!watchdog_usec.empty()) out["WATCHDOG_USEC"] = watchdog_usec;
  return out;
}

std::size_t ServiceManager::count(const std::string& beginning) {
  receive();
  return static_cast<std::size_t>(std::count_if(
      lines_.begin(), lines_.end(), [&](const auto& line) { return line.starts_with(beginning); }));
}

bool ServiceManager::hears(const std::string& beginning, std::uint64_t ms) {
  return wait_until([&] { return count(beginning) > 0; }, ms);
}

void ServiceManager::receive() {
  char block[4096];
  for (ssize_t n; (n = ::recv(fd_.get(), block, sizeof block, 0)) > 0;) {
    const auto more = lines_of(std::string(block, static_cast<std::size_t>(n)));
    lines_.insert(lines_.end(), more.begin(), more.end());
  }
}

}  // namespace tertulia::test
