// `tertuliactl invite`: declares the command with `list` and `revoke` below it, and runs them.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>

#include "broker/ctl/people.hpp"

namespace tertulia::ctl {

// "7d", "12h", "30m" in milliseconds; nullopt: not such a time, or none at all.
std::optional<std::uint64_t> parse_lifetime(const std::string& text);

void declare_invites(CLI::App& app, const bool& as_json, const Choose& command);

}  // namespace tertulia::ctl
