// Which broker, or which data directory, tertuliactl is to work on; and talking to it.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace tertulia::ctl {

// Exit codes of tertuliactl.
inline constexpr int exit_good = 0;
inline constexpr int exit_refused = 1;  // also: a fault was found in the log
inline constexpr int exit_usage = 2;
inline constexpr int exit_unreachable = 3;

// A failure that has its sentence and its exit code.
struct Failure {
  int code = exit_refused;
  std::string sentence;
};

struct Target {
  std::filesystem::path socket;    // of the running broker
  std::filesystem::path data_dir;  // empty: unknown (only --socket was given)
  bool announces = true;           // [discovery] avahi
};

inline constexpr const char* config_default = "/etc/tertulia/tertuliad.toml";

// From --config, --data and --socket; none of them: /etc/tertulia/tertuliad.toml. Throws Failure.
Target find_target(const std::string& config, const std::string& data, const std::string& socket);

// With a configuration that cannot be read: the defaults, since `doctor` says what is wrong with it.
Target find_target_anyway(const std::string& config, const std::string& data,
                          const std::string& socket);

// The broker's answer when it says ok; throws Failure with its sentence otherwise, or when nobody answers.
nlohmann::json ask(const Target& target, const nlohmann::json& request);
// Its answer, whatever it says; throws Failure when nobody answers.
nlohmann::json ask_anyway(const Target& target, const nlohmann::json& request);
bool is_running(const Target& target);

}  // namespace tertulia::ctl
