// Console: prints one line per message on standard output, on a thread of its own, so that a terminal
// that does not read holds up nobody: beyond a generous bound lines are dropped and counted.
// Made only when asked for (--console, [log] console_bodies): it shows what is said.
#pragma once

#include <memory>

#include "broker/flow/flow.hpp"
#include "broker/flow/named_thread.hpp"
#include "broker/flow/pulse.hpp"
#include "broker/metrics/metrics.hpp"

namespace tertulia::broker {

class Console {
 public:
  Console(Metrics& metrics, FatalReport fatal);
  ~Console();  // prints what is left, for at most half a second
  Pulse pulse() const;
  // t-publisher.
  void show(const Committed& committed);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// "HH:MM:SS room sender: text\n" in local time; control characters and line ends made visible.
std::string console_line(std::uint64_t unix_ms, std::string_view room, std::string_view sender,
                         std::string_view text);

}  // namespace tertulia::broker
