// The passphrase on a profile: what it opens, and what is refused. Argon2id costs little here.
#include <fcntl.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "client/engine/profile.hpp"
#include "tests/unit/scratch_directory.hpp"

using namespace tertulia;
using namespace tertulia::client;

namespace {

constexpr LockCost kCheap{crypto_pwhash_argon2id_OPSLIMIT_MIN, crypto_pwhash_argon2id_MEMLIMIT_MIN};

Passphrase words(const char* text) { return Passphrase(text); }

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  BOOST_REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

struct Fixture {
  Fixture() { crypto::crypto_start(); }
  UnlockError error_of(const std::string& content) const {
    const auto opened = unlock_key(content, words("correct horse"));
    BOOST_REQUIRE(!opened);
    return opened.error();
  }
  const crypto::Seed seed = crypto::Seed::random();
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(engine_profile_lock, Fixture)

BOOST_AUTO_TEST_CASE(a_locked_key_opens_with_its_passphrase_and_no_other) {
  const std::string locked = lock_key(seed, words("correct horse"), kCheap);
  BOOST_TEST(is_locked_key(locked));
  BOOST_TEST(locked.find(to_hex(seed.view())) == locked.npos);
  const auto opened = unlock_key(locked, words("correct horse"));
  BOOST_REQUIRE(opened);
  BOOST_TEST(to_hex(opened->view()) == to_hex(seed.view()));
  for (const char* wrong : {"correct horsf", "correct horse ", "", "Correct horse"})
    BOOST_TEST((unlock_key(locked, words(wrong)).error() == UnlockError::wrong_passphrase));
  // Another salt and another nonce each time
  BOOST_TEST(lock_key(seed, words("correct horse"), kCheap) != locked);
}

BOOST_AUTO_TEST_CASE(what_was_changed_or_is_no_locked_key_does_not_open) {
  const std::string locked = lock_key(seed, words("correct horse"), kCheap);
  for (std::size_t n = 0; n < locked.size(); ++n)
    BOOST_REQUIRE(!unlock_key(locked.substr(0, n), words("correct horse")));
  // The parameters are sealed with it
  BOOST_TEST((error_of(replaced(locked, "argon2id13 1 ", "argon2id13 2 ")) ==
              UnlockError::wrong_passphrase));
  BOOST_TEST((error_of(replaced(locked, " 8192 ", " 16384 ")) == UnlockError::wrong_passphrase));
  for (const auto& [from, to] : {std::pair("argon2id13 1 ", "argon2id13 0 "),
                                 {"argon2id13 1 ", "argon2id13 65 "},
                                 {"argon2id13 1 ", "argon2id13 -1 "},
                                 {" 8192 ", " 4096 "},
                                 {" 8192 ", " 1099511627776 "},
                                 {"argon2id13", "argon2i13"},
                                 {"v1", "v2"}})
    BOOST_TEST((error_of(replaced(locked, from, to)) == UnlockError::damaged), to);
  BOOST_TEST((error_of(locked + "\n") == UnlockError::damaged));
  BOOST_TEST((error_of(to_hex(seed.view())) == UnlockError::damaged));
}

BOOST_AUTO_TEST_CASE(a_profile_takes_a_passphrase_and_gives_it_up) {
  test::ScratchDirectory scratch;
  const auto path = scratch.path() / "profile";
  crypto::Seed made;
  {
    Profile profile(path);
    BOOST_TEST(!profile_is_locked(path));
    BOOST_TEST(!plain_profile_key(path).has_value());
    made = profile.make_device_seed();
  }
  const auto file = path / "device.key";
  {
    // A program that has the file open sees what became of it: the key is not in it any more
    const UniqueFd former(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    const Passphrase passphrase = words("correct horse");
    write_profile_key(path, made, &passphrase);
    char content[64] = {};
    BOOST_REQUIRE(::pread(former.get(), content, sizeof content, 0) == 64);
    BOOST_TEST(std::string(content, 64) == std::string(64, '0'));
  }
  BOOST_TEST(profile_is_locked(path));
  {
    const Profile locked(path);
    BOOST_CHECK_EXCEPTION(locked.device_seed(), std::runtime_error, [](const auto& e) {
      return std::string(e.what()) == profile_locked_text;
    });
  }
  const auto opened = unlock_profile(path, words("correct horse"));
  BOOST_REQUIRE(opened);
  BOOST_TEST(to_hex(Profile(path, *opened).device_seed()->view()) == to_hex(made.view()));
  write_profile_key(path, *opened, nullptr);
  BOOST_TEST(!profile_is_locked(path));
  BOOST_TEST(to_hex(plain_profile_key(path)->view()) == to_hex(made.view()));
}

BOOST_AUTO_TEST_SUITE_END()
