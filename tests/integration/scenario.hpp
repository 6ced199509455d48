// What several integration suites say: good neighbours, texts of an order, JSON lines.
#pragma once

#include <fmt/format.h>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/support/broker.hpp"
#include "tests/support/raw_client.hpp"

namespace tertulia::test {

// Ten times the two seconds in which a neighbour must be heard: machines of CI are slow.
inline constexpr std::uint64_t neighbour_ms_max = 20'000;

inline std::vector<std::string> texts_of(const std::vector<Heard>& messages) {
  std::vector<std::string> out;
  for (const auto& message : messages) out.push_back(message.text);
  return out;
}

inline std::vector<std::string> numbered(const std::string& word, std::size_t count) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(fmt::format("{} {}", word, i));
  return out;
}

inline std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines) out += line + "\n";
  return out;
}

// Those of `all` that begin with `word`, in their order.
inline std::vector<std::string> beginning_with(const std::vector<std::string>& all,
                                               const std::string& word) {
  std::vector<std::string> out;
  for (const auto& text : all)
    if (text.starts_with(word)) out.push_back(text);
  return out;
}

// Every line of standard output as JSON; a line that is not makes the test fail.
inline std::vector<nlohmann::json> json_lines(const std::string& out) {
  std::vector<nlohmann::json> lines;
  for (const auto& line : lines_of(out)) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

// Dense room_seq from 1: the room as the broker gives it has no gap and nothing twice.
inline void check_dense(const std::vector<Heard>& messages) {
  for (std::size_t i = 0; i < messages.size(); ++i)
    BOOST_REQUIRE_EQUAL(messages[i].room_seq, i + 1);
}

// What is said before a subscription has arrived is not broadcast to it: for who has just joined, and
// is to hear the very next message.
inline void wait_subscribed(RawClient& client) {
  int number = 0;
  BOOST_REQUIRE(wait_until(
      [&] {
        const std::string text = fmt::format("do I hear {}", ++number);
        const auto answer = client.submit(client.device.room("general").id, {text});
        return answer && answer->has_ack() && client.wait_heard(text, 200);
      },
      neighbour_ms_max));
}

// One says something new, the other hears it.
inline void check_neighbours(RawClient& speaker, RawClient& listener) {
  static int number = 0;
  const std::string text = fmt::format("good neighbour {}", ++number);
  const auto answer = speaker.submit(speaker.device.room("general").id, {text}, neighbour_ms_max);
  BOOST_REQUIRE_MESSAGE(answer && answer->has_ack(), describe(answer));
  BOOST_REQUIRE(listener.wait_heard(text, neighbour_ms_max));
}

}  // namespace tertulia::test
