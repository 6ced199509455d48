// Checkpoints: C2SP tlog-checkpoint, three lines, no extensions, as a signed note. Any thread.
#pragma once

#include <string>

#include "common/merkle/note.hpp"

namespace tertulia::merkle {

struct Checkpoint {
  std::string origin;  // "<server name>/<16 hex of server_id>/g<generation>", also the key's name
  std::uint64_t size = 0;
  Hash root;
  bool operator==(const Checkpoint&) const = default;
};

std::string log_origin(std::string_view server_name, const ServerId& server, std::uint64_t generation);
std::string checkpoint_text(const Checkpoint& checkpoint);
std::string sign_checkpoint(const Checkpoint& checkpoint, const crypto::SigningKey& log_key);
// Only if it is signed by `log` and its origin is that key's name.
std::optional<Checkpoint> open_checkpoint(std::string_view note, const NoteKey& log);

}  // namespace tertulia::merkle
