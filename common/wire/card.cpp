#include "common/wire/card.hpp"

#include <fmt/format.h>

#include <charconv>

namespace tertulia::wire {

namespace {
constexpr std::string_view kFirstLine = "tertulia/card/v1";
constexpr std::size_t kAddressesMax = 16;

std::string card_text(const Card& c) {
  std::string out = fmt::format("{}\nserver {}\nserial {}\nidentity {}\ncurve {}\n", kFirstLine,
                                to_hex(c.server.view()), c.serial, to_hex(c.identity.view()),
                                to_hex(c.curve.view()));
  if (c.next)
    out += fmt::format("curve_next {}\nnot_before {}\n", to_hex(c.next->curve.view()),
                       c.next->not_before_ms);
  out += fmt::format("log {}\n", merkle::to_vkey(c.log));
  if (c.log_before)
    out += fmt::format("log_before {}\nuntil {}\n", merkle::to_vkey(c.log_before->key),
                       c.log_before->until_ms);
  for (const auto& a : c.addresses) out += fmt::format("address {}\n", a);
  return out;
}

// Takes one line "<key> <value>" off the text; empty: it is not there.
std::string_view take_value(std::string_view& text, std::string_view key) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos || end <= key.size() + 1 || !text.starts_with(key) ||
      text[key.size()] != ' ')
    return {};
  const std::string_view value = text.substr(key.size() + 1, end - key.size() - 1);
  text.remove_prefix(end + 1);
  return value;
}

bool take_number(std::string_view& text, std::string_view key, std::uint64_t& out) {
  const std::string_view value = take_value(text, key);
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), out);
  return !value.empty() && parsed.ec == std::errc{} && parsed.ptr == value.data() + value.size();
}

bool take_vkey(std::string_view& text, std::string_view key, merkle::NoteKey& out) {
  const auto parsed = merkle::parse_vkey(take_value(text, key));
  if (parsed) out = *parsed;
  return parsed.has_value();
}

template <class Id>
bool take_id(std::string_view& text, std::string_view key, Id& out) {
  const auto raw = from_hex(take_value(text, key));
  if (!raw || raw->size() != Id::size_bytes) return false;
  out = Id::from(*raw);
  return true;
}
}  // namespace

std::string card_key_name(const ServerId& server) {
  return "tertulia-card/" + to_hex(server.view().first(8));
}

std::string sign_card(const Card& card, const crypto::SigningKey& identity) {
  return merkle::sign_note(card_text(card), card_key_name(card.server), identity);
}

std::optional<Card> open_card(std::string_view note, const SignPublicKey& identity,
                              const ServerId& server) {
  const auto signed_text = merkle::open_note(note, {card_key_name(server), identity});
  if (!signed_text) return std::nullopt;
  std::string_view text = *signed_text;
  const std::string first = std::string(kFirstLine) + "\n";
  if (!text.starts_with(first)) return std::nullopt;
  text.remove_prefix(first.size());
  Card c;
  if (!take_id(text, "server", c.server)) return std::nullopt;
  if (!take_number(text, "serial", c.serial)) return std::nullopt;
  if (!take_id(text, "identity", c.identity) || !take_id(text, "curve", c.curve))
    return std::nullopt;
  if (text.starts_with("curve_next ")) {
    c.next.emplace();
    if (!take_id(text, "curve_next", c.next->curve) ||
        !take_number(text, "not_before", c.next->not_before_ms))
      return std::nullopt;
  }
  if (!take_vkey(text, "log", c.log)) return std::nullopt;
  if (text.starts_with("log_before ")) {
    c.log_before.emplace();
    if (!take_vkey(text, "log_before", c.log_before->key) ||
        !take_number(text, "until", c.log_before->until_ms))
      return std::nullopt;
  }
  while (!text.empty()) {
    const std::string_view address = take_value(text, "address");
    if (address.empty() || c.addresses.size() == kAddressesMax) return std::nullopt;
    c.addresses.emplace_back(address);
  }
  if (c.server != server || c.identity != identity || card_text(c) != *signed_text)
    return std::nullopt;
  return c;
}

}  // namespace tertulia::wire
