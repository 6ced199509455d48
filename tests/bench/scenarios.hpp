// What is measured, each against a broker of its own that it starts. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace tertulia::bench {

struct Settings {
  std::filesystem::path directory;  // on a real disk
  double seconds = 5;               // of each throughput run
  int latency_rounds = 500;
  int connections = 200;
};

// Messages acked per second and the broker's CPU for each, in µs.
struct Throughput {
  double per_s = 0;
  double broker_us = 0;
};

// One pipelined sender, 64 messages of 200 B a submission, nobody subscribed.
Throughput acked(const Settings& settings);
// 64 senders, one message of 200 B in flight each, nobody subscribed.
Throughput acked_64x1(const Settings& settings);

struct Delivery {
  double broker_us = 0;      // broker CPU per delivery, everything included
  double per_s = 0;          // deliveries
  std::uint64_t missed = 0;  // not delivered by broadcast (fetched by real clients)
  std::uint64_t engine_missed = 0;  // messages that the full engines did not show in the end
};
// 50 subscribers (48 raw, two full engines), one publisher; batched: 256 messages in flight, else
// one, so that each commit holds one message.
Delivery delivery(const Settings& settings, bool batched);

struct Latency {
  double p50_ms = 0, p99_ms = 0;
};
// Send to receive, one sender and one subscriber, at rest.
Latency latency(const Settings& settings);

struct Memory {
  double idle_mib = 0;   // RSS of a broker that has just started
  double conn_kib = 0;   // RSS a client adds, with both its sockets
};
Memory memory(const Settings& settings);

}  // namespace tertulia::bench
