// `tertuliactl user`, `device` and `room`; `key` and `server` (keys.cpp): declares the commands; each prints a list for people
// or one JSON object a line.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "broker/ctl/target.hpp"

namespace tertulia::ctl {

using Command = std::function<int(const Target&)>;
// Puts a subcommand's code where main() finds it when it was given.
using Choose = std::function<CLI::App*(CLI::App*, Command)>;

void declare_people(CLI::App& app, const bool& as_json, const Choose& command);
void declare_keys(CLI::App& app, const bool& as_json, const Choose& command);

}  // namespace tertulia::ctl
