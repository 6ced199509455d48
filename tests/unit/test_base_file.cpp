#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <stdexcept>
#include <system_error>

#include "common/base/file.hpp"
#include "tests/unit/scratch_directory.hpp"

using namespace tertulia;
using tertulia::test::ScratchDirectory;

namespace {
unsigned mode_of(const std::filesystem::path& path) {
  struct stat st {};
  BOOST_REQUIRE(::stat(path.c_str(), &st) == 0);
  return st.st_mode & 07777;
}
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }
}  // namespace

BOOST_AUTO_TEST_SUITE(base_file)

BOOST_AUTO_TEST_CASE(a_durable_write_replaces_the_whole_file) {
  ScratchDirectory dir;
  const auto path = dir / "key";
  write_file_durably(path, as_bytes("the first, longer content"));
  write_file_durably(path, as_bytes("second"));
  BOOST_TEST(as_text(read_file(path, 100)) == "second");
  BOOST_TEST(mode_of(path) == 0600u);
  BOOST_TEST(!std::filesystem::exists(path.string() + ".tmp"));
}

BOOST_AUTO_TEST_CASE(a_left_over_of_a_crash_does_not_leak_its_mode) {
  ScratchDirectory dir;
  const auto path = dir / "key";
  UniqueFd left(::open((path.string() + ".tmp").c_str(), O_CREAT | O_WRONLY, 0600));
  BOOST_REQUIRE(::fchmod(left.get(), 0666) == 0);
  write_file_durably(path, as_bytes("secret"));
  BOOST_TEST(mode_of(path) == 0600u);
}

BOOST_AUTO_TEST_CASE(reading_is_bounded) {
  ScratchDirectory dir;
  const auto path = dir / "file";
  write_file_durably(path, Bytes(40000, 1));
  BOOST_TEST(read_file(path, 40000).size() == 40000u);
  BOOST_CHECK_THROW(read_file(path, 39999), std::system_error);
}

BOOST_AUTO_TEST_CASE(a_failure_names_the_path) {
  ScratchDirectory dir;
  const auto path = dir / "not-there";
  const auto names_it = [&](const std::system_error& e) {
    return std::string(e.what()).find(path.string()) != std::string::npos;
  };
  BOOST_CHECK_EXCEPTION(read_file(path, 10), std::system_error, names_it);
  BOOST_CHECK_EXCEPTION(write_file_durably(path / "below", {}), std::system_error, names_it);
}

BOOST_AUTO_TEST_CASE(private_directories_are_made_and_open_ones_refused) {
  ScratchDirectory dir;
  const auto inner = dir / "a/b";
  make_private_directory(inner);
  make_private_directory(inner);
  BOOST_TEST(mode_of(inner) == 0700u);
  BOOST_CHECK_NO_THROW(require_private(inner));
  BOOST_REQUIRE(::chmod(inner.c_str(), 0750) == 0);
  BOOST_CHECK_EXCEPTION(require_private(inner), std::runtime_error, [&](const std::exception& e) {
    return std::string(e.what()).find("chmod 0700 " + inner.string()) != std::string::npos;
  });

  const auto key = dir / "key";
  write_file_durably(key, as_bytes("k"));
  BOOST_REQUIRE(::chmod(key.c_str(), 0644) == 0);
  BOOST_CHECK_EXCEPTION(require_private(key), std::runtime_error, [&](const std::exception& e) {
    return std::string(e.what()).find("chmod 0600 " + key.string()) != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(a_descriptor_has_one_owner) {
  ScratchDirectory dir;
  write_file_durably(dir / "file", as_bytes("x"));
  UniqueFd a(::open((dir / "file").c_str(), O_RDONLY));
  const int raw = a.get();
  UniqueFd b(std::move(a));
  BOOST_TEST(b.get() == raw);
  BOOST_TEST(is_open(raw));
  b = UniqueFd();
  BOOST_TEST(!is_open(raw));
  BOOST_TEST(!b);
}

BOOST_AUTO_TEST_CASE(file_systems_have_names) {
  BOOST_TEST(!file_system_name("/").empty());
  BOOST_CHECK_THROW(file_system_name("/no/such/path"), std::system_error);
}

BOOST_AUTO_TEST_SUITE_END()
