// TestBroker: a tertuliad of a test's own, on loopback ports that it keeps over restarts, with its
// data in a TempDir. Cli: tertulia-cli with a profile. One thread.
#pragma once

#include <memory>

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace tertulia::test {

std::string tertuliad_path();
std::string tertuliactl_path();
std::string tertulia_cli_path();

// What the disk under a broker does now; see faults/faults.cpp.
class DiskFaults {
 public:
  DiskFaults(std::filesystem::path control, std::filesystem::path below);
  void set(const std::string&
               fault);  // "enospc", "eio_write", "eio_fsync", "hang_fsync", "nfs", "": none
  std::map<std::string, std::string> env() const;

 private:
  std::filesystem::path control_, below_;
};

class TestBroker {
 public:
  struct Options {
    bool start = true;
    bool console = false;             // --console
    bool faults = false;              // with the shim loaded; see disk()
    std::string host = "127.0.0.1";   // to listen on; "[::1]" for IPv6
    std::string broadcast_host = {};  // empty: host
    std::string listen_more = {};     // further lines of the [listen] table
    std::string config_more = {};     // further tables
    bool rates = false;               // with the rates of [limits] as shipped; else without
    std::string server_name = "prueba";
    std::map<std::string, std::string> env = {};  // of the broker, beside the test's own
  };
  TestBroker() : TestBroker(Options()) {}
  explicit TestBroker(Options options);
  ~TestBroker();

  // Starts and waits until it serves; throws with its stderr when it does not by the deadline.
  void start(std::uint64_t ms = 30'000);
  Process launch(const std::string& output);  // only starts a process, with the same arguments
  void write_config();
  void move_to_other_ports();  // from the next start
  void move_commands_to(std::uint16_t port);
  // SIGTERM; its exit code (nullopt: still there at the deadline).
  std::optional<int> stop(std::uint64_t ms = 20'000);
  void kill9() { process_.kill9(); }
  std::optional<int> wait_exit(std::uint64_t ms) { return process_.wait(ms); }

  // tertuliactl with --data of this broker.
  Ran ctl(const std::vector<std::string>& args, std::uint64_t ms = 60'000);
  // The invite's string; throws with tertuliactl's stderr.
  std::string invite(const std::string& name, const std::string& role = {});
  // `tertuliactl log verify`: empty when the log is whole, else what it said.
  std::string verify();

  Process& process() { return process_; }
  DiskFaults& disk() { return *faults_; }
  const std::filesystem::path& dir() const { return dir_.path(); }
  std::filesystem::path data() const { return dir_ / "data"; }
  std::filesystem::path config() const { return dir_ / "tertuliad.toml"; }
  std::filesystem::path database() const { return data() / "log.db"; }
  std::uint16_t command_port() const { return command_port_; }
  std::uint16_t broadcast_port() const { return broadcast_port_; }
  std::string command_address() const;
  std::vector<std::string> argv() const;
  std::string err() const { return process_.err(); }
  TempDir& temp() { return dir_; }
  Options options;  // changes hold from the next start

 private:
  bool serves() const;
  std::string broadcast_host() const;
  TempDir dir_;
  std::uint16_t command_port_, broadcast_port_;
  std::unique_ptr<DiskFaults> faults_;
  Process process_;
  int runs_ = 0;
};

// tertulia-cli with one profile. Processes of one profile may run beside each other.
class Cli {
 public:
  Cli(TempDir& dir, const std::string& profile_name);

  // Runs to the end; input: its stdin.
  Ran run(const std::vector<std::string>& args, const std::string& input = {},
          std::uint64_t ms = 60'000);
  Process start(const std::vector<std::string>& args, bool input = false);
  // Enrols; throws with the reason.
  void enrol(const std::string& invite);
  const std::filesystem::path& profile() const { return profile_; }
  // The administrator's client.toml of all clients in this directory; a test may write it.
  std::filesystem::path presets() const { return dir_ / "client.toml"; }
  std::string path_variable;  // PATH of its processes; empty: the test's own

 private:
  std::map<std::string, std::string> env() const;
  std::vector<std::string> argv(const std::vector<std::string>& args) const;
  std::filesystem::path output();
  std::filesystem::path dir_, profile_;
  int runs_ = 0;
};

}  // namespace tertulia::test
