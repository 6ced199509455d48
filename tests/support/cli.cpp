#include <fmt/format.h>

#include <stdexcept>

#include "tests/support/broker.hpp"

namespace tertulia::test {

Cli::Cli(TempDir& dir, const std::string& profile_name)
    : dir_(dir.path()),
      profile_(dir / profile_name) {}

std::vector<std::string> Cli::argv(const std::vector<std::string>& args) const {
  std::vector<std::string> out{tertulia_cli_path(), "--profile", profile_.string()};
  out.insert(out.end(), args.begin(), args.end());
  return out;
}

// What the machine's administrator or the developer has preset is no part of a test.
std::map<std::string, std::string> Cli::env() const {
  std::map<std::string, std::string> out{{"TERTULIA_PRESETS", presets().string()},
                                         {"XDG_CONFIG_HOME", (dir_ / "config").string()}};
  if (!path_variable.empty()) out["PATH"] = path_variable;
  return out;
}

std::filesystem::path Cli::output() {
  return dir_ / fmt::format("{}-{}", profile_.filename().string(), ++runs_);
}

Ran Cli::run(const std::vector<std::string>& args, const std::string& input, std::uint64_t ms) {
  return test::run(argv(args), output(), ms, input, env());
}

Process Cli::start(const std::vector<std::string>& args, bool input) {
  return Process(
      {.argv = argv(args), .env = env(), .output = output(), .input = input, .directory = {}});
}

void Cli::enrol(const std::string& invite) {
  const Ran ran = run({"enrol", invite});
  if (ran.code != 0)
    throw std::runtime_error(fmt::format("tertulia-cli enrol: exit {}: {}", ran.code, ran.err));
}

}  // namespace tertulia::test
