// Which addresses an invite names. Pure but for machine_addresses().
#pragma once

#include <string>
#include <vector>

namespace tertulia::ctl {

struct Addresses {
  std::vector<std::string> list;  // "tcp://host:port", best first
  std::string why;                // one sentence, for the administrator
  bool only_loopback = false;     // other machines cannot use it
};

// The machine's addresses that others could reach: IPv4 first, then global IPv6 in [ ].
std::vector<std::string> machine_addresses();

// advertise: of the configuration; bound: the command endpoint as the broker has it.
Addresses choose_addresses(const std::vector<std::string>& advertise, const std::string& bound,
                           const std::vector<std::string>& machine);

}  // namespace tertulia::ctl
