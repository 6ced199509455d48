#include "client/engine/finder.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "common/base/log.hpp"
#include "common/wire/discovery.hpp"

extern char** environ;

namespace tertulia::client {

namespace {

constexpr std::uint64_t kSearchMsMax = 5'000;
constexpr std::size_t kPrintedBytesMax = 256 << 10;
constexpr std::size_t kFoundMax = 8;

// Of a line `=;interface;protocol;name;type;domain;host;address;port;"key=value" "key=value"`.
constexpr std::size_t kFields = 10;
enum Field : std::size_t {
  kind,
  interface,
  protocol,
  name,
  type,
  domain,
  host,
  address,
  port,
  txt
};

std::string endpoint_of(const std::array<std::string_view, kFields>& fields) {
  std::array<unsigned char, sizeof(in6_addr)> binary{};
  const std::string ip(fields[address]);
  std::uint16_t number = 0;
  const auto& p = fields[port];
  const auto [end, error] = std::from_chars(p.data(), p.data() + p.size(), number);
  if (error != std::errc{} || end != p.data() + p.size() || number == 0) return {};
  if (::inet_pton(AF_INET, ip.c_str(), binary.data()) == 1)
    return fmt::format("tcp://{}:{}", ip, number);
  if (::inet_pton(AF_INET6, ip.c_str(), binary.data()) != 1) return {};
  // An address that every link has is one only together with the link (RFC 4007).
  const bool of_link = binary[0] == 0xfe && (binary[1] & 0xc0) == 0x80;
  return of_link ? fmt::format("tcp://[{}%{}]:{}", ip, fields[interface], number)
                 : fmt::format("tcp://[{}]:{}", ip, number);
}

struct SpawnActions {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
  SpawnActions() {
    if (::posix_spawn_file_actions_init(&actions) != 0 || ::posix_spawnattr_init(&attributes) != 0)
      throw std::bad_alloc();
  }
  ~SpawnActions() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
};

}  // namespace

std::vector<std::string> addresses_in(std::string_view printed, const ServerId& server) {
  const std::string wanted = fmt::format("\"{}{}\"", wire::service_id_key, to_hex(server.view()));
  std::vector<std::string> out;
  while (!printed.empty() && out.size() < kFoundMax) {
    std::string_view line = printed.substr(0, printed.find('\n'));
    printed.remove_prefix(std::min(line.size() + 1, printed.size()));
    std::array<std::string_view, kFields> fields;
    for (std::size_t i = 0; i < kFields; ++i) {
      const auto end = i + 1 < kFields ? std::min(line.find(';'), line.size()) : line.size();
      fields[i] = line.substr(0, end);
      line.remove_prefix(std::min(end + 1, line.size()));
    }
    if (fields[kind] != "=" || fields[type] != wire::service_type ||
        fields[txt].find(wanted) == std::string_view::npos)
      continue;
    const std::string endpoint = endpoint_of(fields);
    if (!endpoint.empty() && std::find(out.begin(), out.end(), endpoint) == out.end())
      out.push_back(endpoint);
  }
  return out;
}

void Finder::start(std::uint64_t now_ms) {
  if (output_) return;
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return log::warning("no search for the server: pipe");
  UniqueFd reads(pipe[0]), writes(pipe[1]);
  ::fcntl(reads.get(), F_SETFL, O_NONBLOCK);
  SpawnActions spawn;
  sigset_t none;
  sigemptyset(&none);
  // The signals that this program takes for itself are not blocked in the other.
  ::posix_spawnattr_setsigmask(&spawn.attributes, &none);
  ::posix_spawnattr_setflags(&spawn.attributes, POSIX_SPAWN_SETSIGMASK);
  ::posix_spawn_file_actions_addopen(&spawn.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&spawn.actions, writes.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&spawn.actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::array<std::string, 6> words{"avahi-browse", "--parsable",     "--resolve",
                                   "--terminate",  "--no-db-lookup", wire::service_type};
  std::array<char*, 7> argv{};
  std::transform(words.begin(), words.end(), argv.begin(), [](auto& w) { return w.data(); });
  if (::posix_spawnp(&program_, argv[0], &spawn.actions, &spawn.attributes, argv.data(), environ) !=
      0) {
    program_ = -1;  // it is not installed, and that is no fault
    return;
  }
  output_ = std::move(reads);
  printed_.clear();
  end_ms_ = now_ms + kSearchMsMax;
}

void Finder::add_to(std::vector<zmq::pollitem_t>& items) const {
  if (output_) items.push_back({nullptr, output_.get(), ZMQ_POLLIN, 0});
}

std::optional<std::vector<std::string>> Finder::work(std::uint64_t now_ms) {
  if (!output_) return std::nullopt;
  std::array<char, 4096> block;
  bool over = now_ms >= end_ms_;
  while (!over) {
    const ssize_t n = ::read(output_.get(), block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return std::nullopt;
    if (n > 0) printed_.append(block.data(), static_cast<std::size_t>(n));
    over = n <= 0 || printed_.size() > kPrintedBytesMax;
  }
  end();
  return addresses_in(printed_, server_);
}

void Finder::end() {
  output_.reset();
  if (program_ <= 0) return;
  ::kill(program_, SIGKILL);  // it is dead already, or is to be
  while (::waitpid(program_, nullptr, 0) < 0 && errno == EINTR) {
  }
  program_ = -1;
}

}  // namespace tertulia::client
