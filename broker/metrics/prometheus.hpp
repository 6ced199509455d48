// The broker's metrics in Prometheus' text format (exposition format 0.0.4, by prometheus-cpp), named
// after https://prometheus.io/docs/practices/naming. docs/metrics.md lists them; a test compares.
// Any thread.
#pragma once

#include <string>
#include <vector>

#include "broker/metrics/metrics.hpp"
#include "broker/metrics/vitals.hpp"

namespace tertulia::broker {

// A condition of broker/health, and whether it holds.
struct HealthGauge {
  std::string condition;
  bool warns = false;
};

std::string prometheus_text(const Metrics& metrics, const Vitals& vitals,
                            const std::vector<HealthGauge>& health, const std::string& version);

}  // namespace tertulia::broker
