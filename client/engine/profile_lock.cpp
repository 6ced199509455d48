#include "client/engine/profile_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <new>
#include <stdexcept>
#include <vector>

#include "common/base/file.hpp"
#include "common/crypto/seal.hpp"

namespace tertulia::client {

namespace {

constexpr std::string_view kFirstLine = "tertulia locked key v1";
constexpr std::string_view kAlgorithm = "argon2id13";
constexpr std::size_t kFileBytesMax = 1024;
// Whoever can write the file could ask for all of the machine's memory, and for hours.
constexpr std::uint64_t kOperationsMax = 64;
constexpr std::uint64_t kMemoryBytesMax = std::uint64_t{1} << 30;

using LockSalt = FixedBytes<crypto_pwhash_SALTBYTES, struct LockSaltTag>;

std::filesystem::path key_file(const std::filesystem::path& profile) {
  return profile / "device.key";
}

std::optional<crypto::Seed> hashed(const Passphrase& passphrase, const LockCost& cost,
                                   const LockSalt& salt) {
  crypto::Seed key;
  errno = 0;
  if (crypto_pwhash(key.data(), 32, passphrase.text().data(), passphrase.text().size(), salt.data(),
                    cost.operations, cost.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) == 0)
    return key;
  if (errno == ENOMEM) throw std::bad_alloc();
  return std::nullopt;
}

Bytes associated_data(const LockCost& cost, const LockSalt& salt) {
  Bytes out;
  Writer w(out);
  w.raw("tertulia/locked-key/v1\n");
  w.u64(cost.operations);
  w.u64(cost.memory_bytes);
  w.raw(salt);
  return out;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t end = text.find(at);
    out.push_back(text.substr(0, end));
    if (end == text.npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

struct Locked {
  LockCost cost;
  LockSalt salt;
  Bytes box;
};

std::optional<Locked> parse(std::string_view content) {
  const auto lines = split(content, '\n');
  if (lines.size() != 4 || lines[0] != kFirstLine || !lines[3].empty()) return std::nullopt;
  const auto words = split(lines[1], ' ');
  if (words.size() != 4 || words[0] != kAlgorithm) return std::nullopt;
  const auto operations = number_of(words[1]), memory = number_of(words[2]);
  const auto salt = from_hex(words[3]);
  auto box = from_hex(lines[2]);
  if (!operations || *operations < crypto_pwhash_argon2id_OPSLIMIT_MIN ||
      *operations > kOperationsMax || !memory || *memory < crypto_pwhash_argon2id_MEMLIMIT_MIN ||
      *memory > kMemoryBytesMax || !salt || salt->size() != LockSalt::size_bytes || !box)
    return std::nullopt;
  return Locked{{*operations, *memory}, LockSalt::from(*salt), std::move(*box)};
}

// Read with the rights that the file must have; nullopt: there is none.
std::optional<std::string> key_text(const std::filesystem::path& profile) {
  const auto path = key_file(profile);
  if (!std::filesystem::exists(path)) return std::nullopt;
  require_private(path);
  Bytes content = read_file(path, kFileBytesMax);
  std::string out(as_text(content));
  sodium_memzero(content.data(), content.size());
  return out;
}

// The blocks of a file that has been replaced.
void write_over(int fd) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) throw_errno("cannot stat the former key");
  const std::string zeros(static_cast<std::size_t>(st.st_size), '0');
  if (::pwrite(fd, zeros.data(), zeros.size(), 0) != static_cast<ssize_t>(zeros.size()) ||
      ::fsync(fd) != 0)
    throw_errno("cannot write over the former key");
}

}  // namespace

const char* unlock_error_text(UnlockError error) {
  switch (error) {
    case UnlockError::wrong_passphrase: return "The passphrase is not right.";
    case UnlockError::damaged: return "The profile's key is damaged, or of a newer Tertulia.";
  }
  return "The profile cannot be unlocked.";
}

std::string lock_key(const crypto::Seed& seed, const Passphrase& passphrase, const LockCost& cost) {
  LockSalt salt;
  randombytes_buf(salt.data(), salt.size());
  const auto key = hashed(passphrase, cost, salt);
  if (!key) throw std::runtime_error("Argon2id does not take these parameters");
  Bytes box;
  crypto::seal(*key, associated_data(cost, salt), seed.view(), box);
  return fmt::format("{}\n{} {} {} {}\n{}\n", kFirstLine, kAlgorithm, cost.operations,
                     cost.memory_bytes, to_hex(salt.view()), to_hex(box));
}

bool is_locked_key(std::string_view content) { return content.starts_with(kFirstLine); }

Result<crypto::Seed, UnlockError> unlock_key(std::string_view content,
                                             const Passphrase& passphrase) {
  const auto locked = parse(content);
  if (!locked) return fail(UnlockError::damaged);
  const auto key = hashed(passphrase, locked->cost, locked->salt);
  if (!key) return fail(UnlockError::damaged);
  Bytes plain;
  if (!crypto::open(*key, associated_data(locked->cost, locked->salt), locked->box, plain))
    return fail(UnlockError::wrong_passphrase);
  const auto seed = crypto::Seed::parse(plain);
  sodium_memzero(plain.data(), plain.size());
  if (!seed) return fail(UnlockError::damaged);
  return *seed;
}

bool profile_is_locked(const std::filesystem::path& profile) {
  auto text = key_text(profile);
  if (!text) return false;
  const bool locked = is_locked_key(*text);
  sodium_memzero(text->data(), text->size());
  return locked;
}

Result<crypto::Seed, UnlockError> unlock_profile(const std::filesystem::path& profile,
                                                 const Passphrase& passphrase) {
  const auto text = key_text(profile);
  if (!text) return fail(UnlockError::damaged);
  return unlock_key(*text, passphrase);
}

std::optional<crypto::Seed> plain_profile_key(const std::filesystem::path& profile) {
  auto text = key_text(profile);
  if (!text) return std::nullopt;
  std::string_view digits = *text;
  while (digits.ends_with('\n')) digits.remove_suffix(1);
  auto raw = from_hex(digits);
  auto seed = raw ? crypto::Seed::parse(*raw) : std::nullopt;
  sodium_memzero(text->data(), text->size());
  if (raw) sodium_memzero(raw->data(), raw->size());
  if (!seed)
    throw std::runtime_error(
        fmt::format("{} does not hold a device key (64 hex digits)", key_file(profile).string()));
  return seed;
}

void write_profile_key(const std::filesystem::path& profile, const crypto::Seed& seed,
                       const Passphrase* passphrase) {
  const auto path = key_file(profile);
  std::string text =
      passphrase != nullptr ? lock_key(seed, *passphrase) : to_hex(seed.view()) + "\n";
  const UniqueFd former(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  write_file_durably(path, as_bytes(text));
  sodium_memzero(text.data(), text.size());
  if (former) write_over(former.get());
}

}  // namespace tertulia::client
