#include "broker/names/names.hpp"

#include <fmt/format.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/uspoof.h>

#include <memory>
#include <stdexcept>

#include "common/base/bytes.hpp"

namespace tertulia::broker {

namespace {

constexpr UChar32 kJoiner = 0x200D;
constexpr UChar32 kEmojiStyle = 0xFE0F;

// The one rule, as people read it.
std::string rule(std::string_view what, std::size_t bytes_max) {
  return fmt::format(
      "{} has 1 to {} bytes of letters, digits, signs and emoji, with single spaces inside; no "
      "control, direction or invisible characters.",
      what, bytes_max);
}

bool is_drawn(UChar32 c) {
  switch (u_charType(c)) {
    case U_CONTROL_CHAR:
    case U_FORMAT_CHAR:  // among them those that change the direction of text
    case U_SURROGATE:
    case U_PRIVATE_USE_CHAR:
    case U_UNASSIGNED:
    case U_LINE_SEPARATOR:
    case U_PARAGRAPH_SEPARATOR: return false;
    case U_SPACE_SEPARATOR: return c == ' ';
    default: return !u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT);
  }
}

bool is_emoji(UChar32 c) {
  return u_hasBinaryProperty(c, UCHAR_EXTENDED_PICTOGRAPHIC) ||
         u_hasBinaryProperty(c, UCHAR_EMOJI_MODIFIER) || c == kEmojiStyle;
}

bool is_shown(std::string_view text) {
  if (!is_valid_utf8(as_bytes(text))) return false;
  const auto s =
      icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int>(text.size())));
  UChar32 last = ' ';  // so that a space in front counts as a double one
  for (int i = 0; i < s.length(); i = s.moveIndex32(i, 1)) {
    const UChar32 c = s.char32At(i);
    const int next = s.moveIndex32(i, 1);
    if (c == kJoiner) {
      // Emoji that are drawn as one: 👩‍🔬
      if (!is_emoji(last) || next >= s.length() || !is_emoji(s.char32At(next))) return false;
    } else if (c == kEmojiStyle) {
      if (i == 0 || last == ' ') return false;
    } else if (!is_drawn(c) || (c == ' ' && last == ' ')) {
      return false;
    }
    last = c;
  }
  return last != ' ';
}

icu::UnicodeString skeleton(const icu::UnicodeString& text) {
  struct Close {
    void operator()(USpoofChecker* c) const { uspoof_close(c); }
  };
  UErrorCode status = U_ZERO_ERROR;
  // Opened once: it reads ICU's table of confusable characters
  static const std::unique_ptr<USpoofChecker, Close> checker(uspoof_open(&status));
  if (U_FAILURE(status)) throw std::runtime_error("ICU cannot tell which names look alike");
  icu::UnicodeString out;
  uspoof_getSkeletonUnicodeString(checker.get(), 0, text, out, &status);
  if (U_FAILURE(status)) throw std::runtime_error("ICU cannot tell what a name looks like");
  return out;
}

std::string to_utf8(const icu::UnicodeString& text) {
  std::string bytes;
  return text.toUTF8String(bytes);
}

}  // namespace

std::optional<std::string> shown_name_fault(std::string_view name, std::string_view what) {
  if (!name.empty() && name.size() <= shown_name_bytes_max && is_shown(name)) return std::nullopt;
  return rule(what, shown_name_bytes_max);
}

std::optional<std::string> topic_fault(std::string_view topic) {
  if (topic.empty() || (topic.size() <= topic_bytes_max && is_shown(topic))) return std::nullopt;
  return rule("A topic", topic_bytes_max);
}

std::vector<std::string> skeletons(std::string_view name) {
  const auto written =
      icu::UnicodeString::fromUTF8(icu::StringPiece(name.data(), static_cast<int>(name.size())));
  auto small = written;
  small.foldCase();
  std::vector<std::string> out{to_utf8(skeleton(small))};
  // Folded behind, so that it can be met by the first of a name that is written in small letters
  auto other = skeleton(written);
  if (std::string bytes = to_utf8(other.foldCase()); bytes != out[0])
    out.push_back(std::move(bytes));
  return out;
}

}  // namespace tertulia::broker
