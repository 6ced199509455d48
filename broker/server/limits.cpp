#include "broker/server/limits.hpp"

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>
#include <malloc.h>
#include <sys/resource.h>

#include <stdexcept>

#include "broker/auth/flood_guard.hpp"
#include "common/base/file.hpp"

namespace tertulia::broker {

namespace {
constexpr std::uint64_t kSocketsPerClient = 2;  // commands and broadcast
// Database, WAL, eventfds, epoll, admin; and those who have connected and said nothing yet.
constexpr std::uint64_t kOwnFiles = 64 + kSocketsPerClient * FloodGuard::silent_max;
constexpr int kArenasMax = 2;
}  // namespace

void require_open_files(std::uint64_t max_connections) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) throw_errno("getrlimit");
  const std::uint64_t needed = kSocketsPerClient * max_connections + kOwnFiles;
  if (limit.rlim_max < needed)
    throw std::runtime_error(fmt::format(
        "{} connections need {} open files, this process may have {}: raise LimitNOFILE "
        "(ulimit -Hn), or lower [limits] max_connections to {}.",
        max_connections, needed, limit.rlim_max,
        limit.rlim_max <= kOwnFiles ? 0 : (limit.rlim_max - kOwnFiles) / kSocketsPerClient));
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) throw_errno("setrlimit");
}

void trim_process() {
  // protobuf writes a line on stderr for text that is not UTF-8: a peer could fill the disk with it.
  google::protobuf::SetLogHandler(nullptr);
  ::mallopt(M_ARENA_MAX, kArenasMax);
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) throw_errno("setrlimit");
}

}  // namespace tertulia::broker
