#include "tests/demo/stage.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "common/base/clock.hpp"
#include "common/base/file.hpp"
#include "tests/demo/ending.hpp"

namespace tertulia::demo {

namespace {

constexpr std::uint64_t kStartMs = 5000;
constexpr std::uint64_t kStepMs = 5000;
constexpr std::uint64_t kEndMs = 5000;
constexpr int kStartsMax = 3;
constexpr int kLookMs = 10;

// A socket on 127.0.0.1; port 0: the kernel chooses.
UniqueFd bind_loopback(std::uint16_t& port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) throw_errno("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof address;
  if (::bind(fd.get(), plain, length) != 0) return UniqueFd();
  if (::getsockname(fd.get(), plain, &length) != 0) throw_errno("getsockname");
  port = ntohs(address.sin_port);
  return fd;
}

bool is_free(std::uint16_t port) { return static_cast<bool>(bind_loopback(port)); }

bool answers(const std::filesystem::path& unix_socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = unix_socket.string();
  if (path.size() >= sizeof address.sun_path)
    throw std::runtime_error("the temporary directory's path is too long for a unix socket: " +
                             path);
  path.copy(address.sun_path, path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) throw_errno("socket");
  return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

bool wait_until(std::uint64_t deadline_ms, const std::function<bool()>& holds) {
  while (!holds()) {
    if (monotonic_ms() >= deadline_ms) return false;
    if (asked_to_end()) throw Interrupted();
    poll_for(nullptr, 0, kLookMs);
  }
  return true;
}

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "tertulia-demo-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw_errno("mkdtemp " + name);
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
  if (error) fmt::print(stderr, "tertulia-demo: {} stays: {}\n", path_.string(), error.message());
}

// The demo itself is tests/demo/tertulia-demo of the build tree.
Stage::Stage()
    : programs_(std::filesystem::read_symlink("/proc/self/exe")
                    .parent_path()
                    .parent_path()
                    .parent_path()) {
  start_broker();
  for (const char* user : kNames) enrol(user);
}

void Stage::start_broker() {
  for (int start = 1;; ++start) {
    command_port_ = broadcast_port_ = 0;
    {
      // Both held at once: otherwise the kernel may give the same port twice.
      const UniqueFd a = bind_loopback(command_port_), b = bind_loopback(broadcast_port_);
      if (!a || !b) throw_errno("no free port on 127.0.0.1");
    }
    const std::string config = fmt::format(
        "[server]\nname = \"demo\"\n\n[listen]\ncommands = \"tcp://127.0.0.1:{0}\"\n"
        "broadcast = \"tcp://127.0.0.1:{1}\"\nadvertise = [\"tcp://127.0.0.1:{0}\"]\n",
        command_port_, broadcast_port_);
    write_file_durably(file("tertuliad.toml"), as_bytes(config));
    broker_ = std::make_unique<Child>(
        "tertuliad",
        std::vector<std::string>{(programs_ / "broker/tertuliad").string(), "--data",
                                 file("data").string(), "--console", "--config",
                                 file("tertuliad.toml").string()},
        file("tertuliad.err"));
    const auto up = [&] { return answers(file("data") / "admin.sock") || broker_->wait(); };
    if (!wait_until(monotonic_ms() + kStartMs, up))
      throw DemoFailed("the broker's admin socket does not answer\n" + broker_->errors());
    if (!broker_->wait()) break;
    // Somebody else may have taken a port in between.
    const bool clash = !is_free(command_port_) || !is_free(broadcast_port_);
    if (!clash || start == kStartsMax) require_broker();
  }
  say(fmt::format("broker: tcp://127.0.0.1:{} and {}, data in {}", command_port_, broadcast_port_,
                  file("data").string()));
}

void Stage::require_broker() {
  if (const auto code = broker_->wait())
    throw DemoFailed(fmt::format("the broker has ended with {}\n{}", *code, broker_->errors()));
}

void Stage::enrol(const std::string& user) {
  const Ran invite =
      run("tertuliactl", ctl({"invite", user}), file("tertuliactl.err"), monotonic_ms() + kStepMs);
  if (invite.code != 0 || invite.lines.size() != 1)
    throw DemoFailed(fmt::format("tertuliactl invite {}: exit {}, {} lines\n{}", user, invite.code,
                                 invite.lines.size(), invite.errors));
  const Ran enrolled = run("tertulia-cli", cli(user, {"enrol", invite.lines[0]}),
                           file(user + ".err"), monotonic_ms() + kStepMs);
  if (enrolled.code != 0)
    throw DemoFailed(
        fmt::format("{} could not be enrolled: exit {}\n{}", user, enrolled.code, enrolled.errors));
  say(fmt::format("{} is enrolled", user));
}

std::vector<std::string> Stage::cli(const std::string& user,
                                    std::vector<std::string> arguments) const {
  std::vector<std::string> out{(programs_ / "client/cli/tertulia-cli").string(), "--profile",
                               file(user).string()};
  out.insert(out.end(), arguments.begin(), arguments.end());
  return out;
}

std::vector<std::string> Stage::ctl(std::vector<std::string> arguments) const {
  std::vector<std::string> out{(programs_ / "broker/ctl/tertuliactl").string(), "--data",
                               file("data").string()};
  out.insert(out.end(), arguments.begin(), arguments.end());
  return out;
}

std::vector<std::string> Stage::window(const std::string& user) const {
  return {(programs_ / "client_gtk/tertulia").string(), "--profile", file(user).string()};
}

void Stage::end_broker() {
  require_broker();
  const int code = broker_->end(monotonic_ms() + kEndMs);
  if (code != 0)
    throw DemoFailed(
        fmt::format("the broker ended with {} after SIGTERM\n{}", code, broker_->errors()));
}

}  // namespace tertulia::demo
