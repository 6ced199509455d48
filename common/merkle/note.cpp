#include "common/merkle/note.hpp"

#include <fmt/format.h>

#include <cassert>

namespace tertulia::merkle {

namespace {
constexpr std::uint8_t kEd25519 = 0x01;
constexpr std::string_view kDash = "\xE2\x80\x94 ";  // em dash, space
constexpr std::size_t kNoteBytesMax = 65536;

bool is_key_name(std::string_view name) {
  if (name.empty() || !is_valid_utf8(as_bytes(name))) return false;
  for (unsigned char c : name)
    if (c <= 0x20 || c == '+' || c == 0x7f) return false;
  return true;
}

std::string signature_line(std::string_view text, const std::string& name,
                           const crypto::SigningKey& key) {
  Bytes raw;
  Writer w(raw);
  w.u32(note_key_id({name, key.public_key()}));
  w.raw(key.sign(as_bytes(text)));
  return fmt::format("{}{} {}\n", kDash, name, to_base64(raw));
}
}  // namespace

std::uint32_t note_key_id(const NoteKey& key) {
  const std::uint8_t type = kEd25519;
  const Hash h = crypto::Sha256{}
                     .update(as_bytes(key.name))
                     .update(as_bytes("\n"))
                     .update({&type, 1})
                     .update(key.key.view())
                     .finish();
  return Reader(h.view()).u32();
}

std::string to_vkey(const NoteKey& key) {
  Bytes raw;
  Writer w(raw);
  w.u8(kEd25519);
  w.raw(key.key);
  return fmt::format("{}+{:08x}+{}", key.name, note_key_id(key), to_base64(raw));
}

std::optional<NoteKey> parse_vkey(std::string_view vkey) {
  const auto first = vkey.find('+');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = vkey.find('+', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto raw = from_base64(vkey.substr(second + 1));
  if (!raw || raw->size() != 33 || (*raw)[0] != kEd25519) return std::nullopt;
  NoteKey key{std::string(vkey.substr(0, first)), SignPublicKey::from(ByteView(*raw).subspan(1))};
  if (!is_key_name(key.name)) return std::nullopt;
  if (vkey.substr(first + 1, second - first - 1) != fmt::format("{:08x}", note_key_id(key)))
    return std::nullopt;
  return key;
}

std::string sign_note(std::string_view text, const std::string& name,
                      const crypto::SigningKey& key) {
  return fmt::format("{}\n{}", text, signature_line(text, name, key));
}

void add_signature(std::string& note, const std::string& name, const crypto::SigningKey& key) {
  const auto cut = note.rfind("\n\n");
  assert(cut != std::string::npos);
  note += signature_line(std::string_view(note).substr(0, cut + 1), name, key);
}

std::optional<std::string> open_note(std::string_view note, const NoteKey& key) {
  if (note.size() > kNoteBytesMax || !is_valid_utf8(as_bytes(note))) return std::nullopt;
  for (unsigned char c : note)
    if (c < 0x20 && c != '\n') return std::nullopt;
  const auto cut = note.rfind("\n\n");
  if (cut == std::string_view::npos || note.back() != '\n') return std::nullopt;
  const std::string_view text = note.substr(0, cut + 1);
  std::string_view lines = note.substr(cut + 2);
  const std::uint32_t id = note_key_id(key);
  bool good = false;
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 1);
    if (!line.starts_with(kDash)) return std::nullopt;
    line.remove_prefix(kDash.size());
    const auto space = line.find(' ');
    if (space == std::string_view::npos || !is_key_name(line.substr(0, space))) return std::nullopt;
    const auto raw = from_base64(line.substr(space + 1));
    if (!raw || raw->size() < 5) return std::nullopt;
    if (line.substr(0, space) != key.name || Reader(*raw).u32() != id) continue;
    const auto signature = Signature::parse(ByteView(*raw).subspan(4));
    if (!signature || !crypto::verify(key.key, as_bytes(text), *signature)) return std::nullopt;
    good = true;
  }
  if (!good) return std::nullopt;
  return std::string(text);
}

}  // namespace tertulia::merkle
