#include "common/merkle/checkpoint.hpp"

#include <fmt/format.h>

#include <charconv>

namespace tertulia::merkle {

std::string log_origin(std::string_view server_name, const ServerId& server, std::uint64_t generation) {
  return fmt::format("{}/{}/g{}", server_name, to_hex(server.view().first(8)), generation);
}

std::string checkpoint_text(const Checkpoint& c) {
  return fmt::format("{}\n{}\n{}\n", c.origin, c.size, to_base64(c.root.view()));
}

std::string sign_checkpoint(const Checkpoint& c, const crypto::SigningKey& log_key) {
  return sign_note(checkpoint_text(c), c.origin, log_key);
}

std::optional<Checkpoint> open_checkpoint(std::string_view note, const NoteKey& log) {
  const auto text = open_note(note, log);
  if (!text) return std::nullopt;
  const auto a = text->find('\n');
  const auto b = a == std::string::npos ? a : text->find('\n', a + 1);
  if (b == std::string::npos) return std::nullopt;
  Checkpoint c;
  c.origin = text->substr(0, a);
  const char* first = text->data() + a + 1;
  const char* last = text->data() + b;
  const auto parsed = std::from_chars(first, last, c.size);
  if (parsed.ec != std::errc{} || parsed.ptr != last) return std::nullopt;
  const auto root = from_base64(std::string_view(*text).substr(b + 1, text->size() - b - 2));
  if (!root || root->size() != 32) return std::nullopt;
  c.root = Hash::from(*root);
  // One spelling: what was signed is what we would have written (no leading zeros, no extensions).
  if (c.origin != log.name || checkpoint_text(c) != *text) return std::nullopt;
  return c;
}

}  // namespace tertulia::merkle
