#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <set>

#include "broker/identity/identity.hpp"
#include "tests/unit/scratch_directory.hpp"

using namespace tertulia;
using namespace tertulia::broker;
using tertulia::test::ScratchDirectory;
namespace fs = std::filesystem;

namespace {

struct Scratch {
  Scratch() { crypto::crypto_start(); }
  DataDirectory serve() const { return DataDirectory(dir / "data", DataDirectory::Mode::serve); }
  // What the refusal says; empty: it was not refused.
  std::string refusal(const fs::path& path,
                      DataDirectory::Mode mode = DataDirectory::Mode::serve) const {
    try {
      const DataDirectory opened(path, mode);
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return {};
  }
  ScratchDirectory dir;
};

unsigned mode_of(const fs::path& path) {
  struct stat st {};
  BOOST_REQUIRE(::stat(path.c_str(), &st) == 0);
  return st.st_mode & 07777;
}
bool says(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_identity, Scratch)

BOOST_AUTO_TEST_CASE(keys_are_made_once_private_and_all_different) {
  ServerId first;
  {
    const DataDirectory data = serve();
    first = data.keys().id;
    BOOST_TEST(mode_of(dir / "data") == 0700u);
    std::set<Bytes> different;
    for (const char* name : {"identity.key", "transport.key", "log.key", "kek.key"}) {
      BOOST_TEST(mode_of(dir / "data" / "keys" / name) == 0600u);
      different.insert(read_file(dir / "data" / "keys" / name, 64));
    }
    BOOST_TEST(different.size() == 4u);
    BOOST_CHECK(data.keys().id == crypto::server_id(data.keys().identity.public_key()));
  }
  BOOST_CHECK(serve().keys().id == first);
  BOOST_CHECK(DataDirectory(dir / "data/", DataDirectory::Mode::read).keys().id == first);
}

BOOST_AUTO_TEST_CASE(a_second_broker_is_refused_and_a_reader_is_not) {
  const DataDirectory data = serve();
  BOOST_TEST(says(refusal(dir / "data"), "Another broker serves"));
  BOOST_TEST(refusal(dir / "data", DataDirectory::Mode::read) == "");
}

BOOST_AUTO_TEST_CASE(a_log_without_one_of_its_keys_gets_no_new_one) {
  serve();
  write_file_durably(dir / "data" / "log.db", as_bytes("a log"));
  fs::remove(dir / "data" / "keys" / "log.key");
  BOOST_TEST(says(refusal(dir / "data"), "log.key is missing"));
  BOOST_TEST(!fs::exists(dir / "data" / "keys" / "log.key"));
}

BOOST_AUTO_TEST_CASE(what_others_may_read_is_refused_with_the_remedy) {
  serve();
  const fs::path key = dir / "data" / "keys" / "kek.key";
  BOOST_REQUIRE(::chmod(key.c_str(), 0640) == 0);
  BOOST_TEST(says(refusal(dir / "data"), "chmod 0600 " + key.string()));
  BOOST_REQUIRE(::chmod(key.c_str(), 0600) == 0);
  BOOST_REQUIRE(::chmod((dir / "data").c_str(), 0755) == 0);
  BOOST_TEST(says(refusal(dir / "data"), "chmod 0700"));
}

BOOST_AUTO_TEST_CASE(a_damaged_key_is_named) {
  serve();
  write_file_durably(dir / "data" / "keys" / "transport.key", as_bytes("short"));
  BOOST_TEST(says(refusal(dir / "data"), "transport.key is not a key"));
}

BOOST_AUTO_TEST_CASE(places_that_keep_nothing_are_refused) {
  BOOST_TEST(says(refusal("/dev/shm/tertulia-test"), "/dev"));
  BOOST_TEST(says(refusal("/dev/../dev/x"), "/dev"));
  fs::create_directory_symlink("/dev/shm", dir / "link");
  BOOST_TEST(says(refusal(dir / "link" / "data"), "/dev"));
  BOOST_TEST(
      says(refusal(dir / "nothing-here", DataDirectory::Mode::read), "There is no data directory"));
}

BOOST_AUTO_TEST_SUITE_END()
