#include "tests/support/broker.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

#ifndef PROGRAM_TERTULIAD
#define PROGRAM_TERTULIAD TERTULIA_BUILD_DIR "/broker/tertuliad"
#endif
#ifndef PROGRAM_TERTULIACTL
#define PROGRAM_TERTULIACTL TERTULIA_BUILD_DIR "/broker/ctl/tertuliactl"
#endif
#ifndef PROGRAM_TERTULIA_CLI
#define PROGRAM_TERTULIA_CLI TERTULIA_BUILD_DIR "/client/cli/tertulia-cli"
#endif

namespace tertulia::test {

namespace {

// A listening unix socket in the directory: the broker's admin socket, whatever its name.
bool admin_socket_answers(const std::filesystem::path& directory) {
  std::error_code gone;  // the directory may not be there yet
  for (const auto& entry : std::filesystem::directory_iterator(directory, gone)) {
    if (!entry.is_socket()) continue;
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const std::string path = entry.path().string();
    if (path.size() >= sizeof name.sun_path) return false;
    path.copy(name.sun_path, path.size());
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) == 0) return true;
  }
  return false;
}

}  // namespace

std::string tertuliad_path() { return PROGRAM_TERTULIAD; }
std::string tertuliactl_path() { return PROGRAM_TERTULIACTL; }
std::string tertulia_cli_path() { return PROGRAM_TERTULIA_CLI; }

DiskFaults::DiskFaults(std::filesystem::path control, std::filesystem::path below)
    : control_(std::move(control)),
      below_(std::move(below)) {
  set("");
}

void DiskFaults::set(const std::string& fault) {
  // In place: the shim has mapped this inode
  UniqueFd fd(::open(control_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  std::string page = fault;
  page.resize(64, '\0');
  if (::pwrite(fd.get(), page.data(), page.size(), 0) != 64) throw_errno(control_.string());
}

std::map<std::string, std::string> DiskFaults::env() const {
  // AddressSanitizer wants to be the first library; the shim is not in its way
  const char* asan = std::getenv("ASAN_OPTIONS");
  return {{"LD_PRELOAD", FAULTS_LIBRARY},
          {"TERTULIA_FAULTS", control_.string()},
          {"TERTULIA_FAULTS_BELOW", below_.string()},
          {"ASAN_OPTIONS", std::string(asan == nullptr ? "" : asan) + ":verify_asan_link_order=0"}};
}

TestBroker::TestBroker(Options o)
    : options(std::move(o)),
      command_port_(free_port()),
      broadcast_port_(free_port()) {
  make_private_directory(data());
  if (options.faults) faults_ = std::make_unique<DiskFaults>(dir_ / "faults", data());
  write_config();
  if (options.start) start();
}

TestBroker::~TestBroker() = default;

std::string TestBroker::command_address() const {
  return fmt::format("tcp://{}:{}", options.host, command_port_);
}

void TestBroker::write_config() {
  std::ofstream out(config());
  out << fmt::format(
      "[server]\nname = \"{}\"\n\n[listen]\ncommands = \"tcp://{}:{}\"\nbroadcast = "
      "\"tcp://{}:{}\"\n{}\n{}",
      options.server_name, options.host, command_port_, broadcast_host(), broadcast_port_,
      options.listen_more, options.config_more);
  if (options.rates) return;
  std::filesystem::create_directories(dir_ / "conf.d");
  std::ofstream lifted(dir_ / "conf.d" / "50-rates.toml");
  lifted << "[limits]\n";
  for (const char* rate : {"device_messages_per_s", "user_messages_per_s", "bot_messages_per_s",
                           "device_bytes_per_s", "device_requests_per_s", "enrolments_per_minute"})
    lifted << rate << " = 0\n";
}

std::vector<std::string> TestBroker::argv() const {
  std::vector<std::string> out{tertuliad_path(), "--config", config().string(), "--data",
                               data().string()};
  if (options.console) out.emplace_back("--console");
  return out;
}

Process TestBroker::launch(const std::string& output) {
  auto env = faults_ ? faults_->env() : std::map<std::string, std::string>();
  env.insert(options.env.begin(), options.env.end());
  return Process({.argv = argv(),
                  .env = std::move(env),
                  .output = dir_ / output,
                  .input = false,
                  .directory = {}});
}

std::string TestBroker::broadcast_host() const {
  return options.broadcast_host.empty() ? options.host : options.broadcast_host;
}

bool TestBroker::serves() const {
  const auto bare = [](const std::string& host) { return host == "[::1]" ? "::1" : host; };
  return admin_socket_answers(data()) && accepts_connections(bare(options.host), command_port_) &&
         accepts_connections(bare(broadcast_host()), broadcast_port_);
}

void TestBroker::move_to_other_ports() {
  command_port_ = free_port();
  broadcast_port_ = free_port();
  write_config();
}

void TestBroker::move_commands_to(std::uint16_t port) {
  command_port_ = port;
  write_config();
}

void TestBroker::start(std::uint64_t ms) {
  process_ = launch("broker");
  const bool up =
      wait_until([&] { return serves() || !process_.running(); }, ms) && process_.running();
  if (!up) throw std::runtime_error("tertuliad does not serve:\n" + process_.err());
}

std::optional<int> TestBroker::stop(std::uint64_t ms) { return process_.terminate(ms); }

Ran TestBroker::ctl(const std::vector<std::string>& args, std::uint64_t ms) {
  std::vector<std::string> argv{tertuliactl_path(), "--data", data().string()};
  argv.insert(argv.end(), args.begin(), args.end());
  return run(argv, dir_ / fmt::format("ctl-{}", ++runs_), ms);
}

std::string TestBroker::invite(const std::string& name, const std::string& role) {
  std::vector<std::string> args{"invite", name};
  if (!role.empty()) args.insert(args.end(), {"--role", role});
  const Ran ran = ctl(args);
  if (ran.code != 0) throw std::runtime_error("tertuliactl invite: " + ran.err);
  const auto lines = lines_of(ran.out);
  if (lines.size() != 1) throw std::runtime_error("tertuliactl invite printed: " + ran.out);
  return lines.front();
}

std::string TestBroker::verify() {
  const Ran ran = ctl({"log", "verify"}, 120'000);
  return ran.code == 0 ? std::string() : fmt::format("exit {}: {}{}", ran.code, ran.out, ran.err);
}

}  // namespace tertulia::test
