// Signed notes: C2SP signed-note, Ed25519 keys (type 0x01). Any thread.
//   text (ends in "\n") ‖ "\n" ‖ "— <name> <base64(key id[4] ‖ signature[64])>\n"…
#pragma once

#include <string>

#include "common/crypto/keys.hpp"

namespace tertulia::merkle {

// A verifier's key: "<name>+<8 hex of key id>+<base64(0x01 ‖ public key)>".
struct NoteKey {
  std::string name;
  SignPublicKey key;
};
std::uint32_t note_key_id(const NoteKey& key);  // first 4 bytes of SHA-256(name ‖ "\n" ‖ 0x01 ‖ key)
std::string to_vkey(const NoteKey& key);
std::optional<NoteKey> parse_vkey(std::string_view vkey);

// text ends in a newline and holds no control characters but newlines.
std::string sign_note(std::string_view text, const std::string& name, const crypto::SigningKey& key);
// The same note with one more signer; the signed text stays as it is.
void add_signature(std::string& note, const std::string& name, const crypto::SigningKey& key);

// The signed text, if `key` is among the note's signers and its signature is right; other signers'
// lines are ignored, as signed-note says.
std::optional<std::string> open_note(std::string_view note, const NoteKey& key);

}  // namespace tertulia::merkle
