// `tertuliactl webhook`: bots whose messages programs of this machine post over HTTP.
#pragma once

#include "broker/ctl/people.hpp"

namespace tertulia::ctl {

void declare_webhooks(CLI::App& app, const bool& as_json, const Choose& command);

}  // namespace tertulia::ctl
