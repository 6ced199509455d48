#include "client/engine/mentions.hpp"

#include <algorithm>
#include <unordered_map>

namespace tertulia::client {

namespace {
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_word(char c) {
  const char l = lower(c);
  return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '_';
}
bool is_name(char c) { return is_word(c) || c == '.' || c == '-'; }

// A letter beyond ASCII starts here (UTF-8 of two or three bytes), as far as Latin, Greek, Cyrillic
// and their like go: it makes a word longer. Punctuation, dashes and emoji do not.
bool is_letter(std::string_view at) {
  if (at.size() < 2) return false;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(at[i] & 0xFF); };
  if (byte(0) >= 0xC3 && byte(0) <= 0xDF) {
    const std::uint32_t point = (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
    return point != 0xD7 && point != 0xF7;  // multiplication and division
  }
  return (byte(0) == 0xE0 || byte(0) == 0xE1) && at.size() >= 3;  // U+0800 to U+1FFF
}

// The word goes on at `at`: a letter, or a dot or hyphen with one behind it.
bool goes_on(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == '.' || text[at] == '-')) ++at;
  return at < text.size() && (is_word(text[at]) || is_letter(text.substr(at)));
}

// The byte before '@' belongs to a word: then it is an address or the like.
bool in_word(std::string_view text, std::size_t at) {
  if (at == 0) return false;
  if (is_word(text[at - 1]) || text[at - 1] == '@') return true;
  std::size_t start = at - 1;
  while (start > 0 && (text[start] & 0xC0) == 0x80) --start;
  return is_letter(text.substr(start, at - start));
}
}  // namespace

std::vector<UserId> mentions_of(std::string_view text, std::span<const Mentionable> people) {
  std::vector<UserId> out;
  if (text.find('@') == std::string_view::npos) return out;
  std::unordered_map<std::string_view, UserId> names;
  std::size_t longest = 4;
  for (const auto& person : people) {
    names.emplace(person.name, person.user);
    longest = std::max(longest, person.name.size());
  }
  names["room"] = UserId{};
  std::string word;
  for (std::size_t at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    if (in_word(text, at)) continue;
    word.clear();
    for (std::size_t i = at + 1; i < text.size() && is_name(text[i]) && word.size() < longest; ++i)
      word += lower(text[i]);
    for (; !word.empty(); word.pop_back()) {
      const auto known = names.find(word);
      if (known == names.end() || goes_on(text, at + 1 + word.size())) continue;
      if (std::find(out.begin(), out.end(), known->second) == out.end())
        out.push_back(known->second);
      break;
    }
    if (out.size() == mentions_max) break;
  }
  return out;
}

}  // namespace tertulia::client
