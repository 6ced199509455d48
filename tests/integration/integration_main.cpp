// main() of every integration program: a build without the programs skips, it does not fail.
#define BOOST_TEST_NO_MAIN
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdio>

#include "common/crypto/keys.hpp"
#include "tests/support/broker.hpp"

namespace {
bool init() { return true; }
constexpr int kSkipped = 77;
}  // namespace

int main(int argc, char* argv[]) {
  using namespace tertulia::test;
  for (const auto& path : {tertuliad_path(), tertuliactl_path(), tertulia_cli_path()}) {
    if (::access(path.c_str(), X_OK) == 0) continue;
    std::printf("SKIP: this build has no %s\n", path.c_str());
    return kSkipped;
  }
  tertulia::crypto::crypto_start();
  return boost::unit_test::unit_test_main(&init, argc, argv);
}
