#include "common/config/suggest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace tertulia::config {

namespace {

// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

// How far `written` may be from `name` and still be meant as it; the smaller, the nearer.
std::optional<std::size_t> nearness(std::string_view written, std::string_view name) {
  constexpr std::size_t kWrittenMax = 64;
  if (written.size() > kWrittenMax) return std::nullopt;
  const std::size_t distance = edit_distance(written, name);
  if (distance <= std::max<std::size_t>(1, name.size() / 3)) return distance;
  // "workers_max" for "workers", "connections" for "max_connections"
  if (written.size() >= 4 &&
      (written.starts_with(name) || name.starts_with(written) || name.ends_with(written)))
    return kWrittenMax;
  return std::nullopt;
}

}  // namespace

std::string suggest_section(std::span<const KeyName> keys, std::string_view written) {
  std::optional<std::size_t> best;
  std::string_view meant;
  for (const KeyName& key : keys)
    if (const auto near = nearness(written, key.section); near && (!best || *near < *best))
      best = near, meant = key.section;
  return best ? fmt::format("; did you mean [{}]?", meant) : "";
}

std::string suggest_key(std::span<const KeyName> keys, std::string_view section,
                        std::string_view written) {
  std::optional<std::size_t> best;
  const KeyName* meant = nullptr;
  for (const KeyName& key : keys) {
    auto near = nearness(written, key.name);
    if (!near) continue;
    // A key of the same section is meant rather than an equally near one of another.
    *near = *near * 2 + (key.section != section ? 1 : 0);
    if (!best || *near < *best) best = near, meant = &key;
  }
  if (meant == nullptr) return "";
  if (meant->section == section) return fmt::format("; did you mean {}?", meant->name);
  return fmt::format("; did you mean {} in [{}]?", meant->name, meant->section);
}

}  // namespace tertulia::config
