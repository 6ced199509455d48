// The passphrase on a profile: device.key sealed under a key that Argon2id makes of it (docs/protocol.md,
// "The profile's key"). Without a passphrase the file holds 64 hex digits; with one, three lines:
//   tertulia locked key v1
//   argon2id13 <opslimit> <memlimit, bytes> <salt, 32 hex digits>
//   <hex of nonce(24) ‖ XChaCha20-Poly1305 of the seed>
// Argon2id takes a second and 256 MiB on purpose: not on a thread that somebody watches. Any thread.
// What the environment does (files, memory) are exceptions.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/result.hpp"
#include "common/crypto/keys.hpp"

namespace tertulia::client {

// Words that are wiped when they die. Moving leaves nothing behind.
class Passphrase {
 public:
  Passphrase() = default;
  explicit Passphrase(std::string text) : text_(std::move(text)) {}
  Passphrase(Passphrase&& other) noexcept : text_(other.text_) { other.wipe(); }
  Passphrase& operator=(Passphrase&& other) noexcept {
    wipe();
    text_ = other.text_;
    other.wipe();
    return *this;
  }
  Passphrase(const Passphrase&) = delete;
  Passphrase& operator=(const Passphrase&) = delete;
  ~Passphrase() { wipe(); }
  const std::string& text() const { return text_; }

 private:
  void wipe() {
    text_.resize(text_.capacity());  // what was typed and taken back as well
    sodium_memzero(text_.data(), text_.size());
    text_.clear();
  }
  std::string text_;
};

inline constexpr std::size_t passphrase_bytes_min = 8;
inline constexpr std::size_t passphrase_bytes_max = 1024;

enum class UnlockError {
  wrong_passphrase,  // or the file was changed: the seal cannot tell
  damaged            // not a locked key, or one that this program would not open
};
const char* unlock_error_text(UnlockError error);  // one English sentence

// What Argon2id is to cost; stored beside what it sealed.
struct LockCost {
  std::uint64_t operations = crypto_pwhash_argon2id_OPSLIMIT_MODERATE;
  std::uint64_t memory_bytes = crypto_pwhash_argon2id_MEMLIMIT_MODERATE;
};

// The content of the file.
std::string lock_key(const crypto::Seed& seed, const Passphrase& passphrase,
                     const LockCost& cost = LockCost());
bool is_locked_key(std::string_view content);
Result<crypto::Seed, UnlockError> unlock_key(std::string_view content,
                                             const Passphrase& passphrase);

// ---- of a profile's directory ----
bool profile_is_locked(const std::filesystem::path& profile);
Result<crypto::Seed, UnlockError> unlock_profile(const std::filesystem::path& profile,
                                                 const Passphrase& passphrase);
// The key without a passphrase; nullopt: there is none yet. Precondition: it is not locked.
std::optional<crypto::Seed> plain_profile_key(const std::filesystem::path& profile);
// From now on this passphrase; nullptr: none. Durable when it returns; what stood in the file before
// is written over, as far as file systems and disks do that.
void write_profile_key(const std::filesystem::path& profile, const crypto::Seed& seed,
                       const Passphrase* passphrase);

}  // namespace tertulia::client
