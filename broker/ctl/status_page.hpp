// The page of `tertuliactl status`: what an administrator looks at first. Pure: from the broker's
// answers to lines. One thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tertulia::ctl {

struct PageLine {
  enum class Tone { plain, title, good, warning } tone = Tone::plain;
  std::string text;  // UTF-8; at most `columns` characters
};

// now: the answer to `status`. before: an earlier one, `seconds` ago; null: rates are left out.
std::vector<PageLine> status_page(const nlohmann::json& now, const nlohmann::json& before,
                                  double seconds, std::size_t columns);

std::string grouped(std::uint64_t number);   // 1,204,331
std::string size_text(std::uint64_t bytes);  // 12.3 MiB
// The value below which that part of what came between two histograms lies, by linear interpolation
// within its bucket; negative: nothing came.
double quantile_s(const nlohmann::json& now, const nlohmann::json& before, double part);

}  // namespace tertulia::ctl
