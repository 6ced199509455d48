// tertuliactl's commands. Each prints its result on stdout, remarks on stderr, and answers the exit
// code; failures are thrown (Failure).
#pragma once

#include <cstdint>
#include <optional>

#include "broker/ctl/target.hpp"

namespace tertulia::ctl {

// "7d", "12h", "30m" in milliseconds; nullopt: not such a time, or none at all.
std::optional<std::uint64_t> parse_lifetime(const std::string& text);

int invite(const Target& target, const std::string& name, const std::string& role,
           const std::string& expires);
int invite_revoke(const Target& target, const std::string& name);
int invite_list(const Target& target, bool as_json);
int status(const Target& target, bool as_json);
int log_verify(const Target& target, bool as_json);
int log_key(const Target& target, bool as_json);

}  // namespace tertulia::ctl
