// What the machine itself can do: the limits that our figures stand beside. One thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace tertulia::bench {

// q in 0..1 of the samples; sorts them.
double quantile(std::vector<double>& samples, double q);

// Median of appending 4 KiB to a file in `directory` and fdatasync, in ms.
double fdatasync_ms(const std::filesystem::path& directory, int rounds);

// Median round trip of 200 bytes over a loopback TCP connection between two threads, in ms.
double loopback_rtt_ms(int rounds);

std::string cpu_name();
int cpu_count();

}  // namespace tertulia::bench
