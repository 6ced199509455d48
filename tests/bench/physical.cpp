#include "tests/bench/physical.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "common/base/clock.hpp"
#include "common/base/file.hpp"

namespace tertulia::bench {

namespace {

constexpr std::size_t kPing = 200;

bool whole(int fd, std::array<char, kPing>& buffer, bool sending) {
  std::size_t at = 0;
  while (at < kPing) {
    const ssize_t n = sending ? ::send(fd, buffer.data() + at, kPing - at, MSG_NOSIGNAL)
                              : ::recv(fd, buffer.data() + at, kPing - at, 0);
    if (n <= 0) return false;
    at += static_cast<std::size_t>(n);
  }
  return true;
}

void no_delay(int fd) {
  const int one = 1;
  if (::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) throw_errno("TCP_NODELAY");
}

}  // namespace

double quantile(std::vector<double>& samples, double q) {
  if (samples.empty()) throw std::runtime_error("no samples");
  std::sort(samples.begin(), samples.end());
  const auto at = static_cast<std::size_t>(q * static_cast<double>(samples.size() - 1) + 0.5);
  return samples[at];
}

double fdatasync_ms(const std::filesystem::path& directory, int rounds) {
  const auto path = directory / "fdatasync.probe";
  UniqueFd fd(::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600));
  if (!fd) throw_errno("cannot create " + path.string());
  std::array<char, 4096> block{};
  std::vector<double> samples;
  for (int i = 0; i < rounds; ++i) {
    const std::uint64_t started = monotonic_us();
    if (::write(fd.get(), block.data(), block.size()) != static_cast<ssize_t>(block.size()) ||
        ::fdatasync(fd.get()) != 0)
      throw_errno("cannot write " + path.string());
    samples.push_back(static_cast<double>(monotonic_us() - started) / 1000.0);
  }
  std::filesystem::remove(path);
  return quantile(samples, 0.5);
}

double loopback_rtt_ms(int rounds) {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (!listener || ::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::listen(listener.get(), 1) != 0 ||
      ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
    throw_errno("cannot listen on loopback");
  std::thread echo([&] {
    UniqueFd peer(::accept(listener.get(), nullptr, nullptr));
    no_delay(peer.get());
    std::array<char, kPing> buffer{};
    while (whole(peer.get(), buffer, false) && whole(peer.get(), buffer, true)) {
    }
  });
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0)
    throw_errno("cannot connect on loopback");
  no_delay(fd.get());
  std::array<char, kPing> buffer{};
  std::vector<double> samples;
  for (int i = 0; i < rounds; ++i) {
    const std::uint64_t started = monotonic_us();
    if (!whole(fd.get(), buffer, true) || !whole(fd.get(), buffer, false))
      throw_errno("loopback connection lost");
    samples.push_back(static_cast<double>(monotonic_us() - started) / 1000.0);
  }
  fd.reset();
  echo.join();
  return quantile(samples, 0.5);
}

std::string cpu_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name")) return line.substr(line.find(": ") + 2);
  return "unknown";
}

int cpu_count() { return static_cast<int>(std::thread::hardware_concurrency()); }

}  // namespace tertulia::bench
