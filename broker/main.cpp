// tertuliad: the broker. Everything is in broker/server.
#include "broker/server/command_line.hpp"
#include "broker/server/limits.hpp"
#include "common/base/log.hpp"
#include "common/crypto/keys.hpp"

int main(int argc, char** argv) {
  using namespace tertulia;
  try {
    const auto parsed = broker::parse_command_line(argc, argv);
    if (const int* code = std::get_if<int>(&parsed)) return *code;
    broker::trim_process();
    crypto::crypto_start();
    return broker::Server(std::get<broker::ServerOptions>(parsed)).run();
  } catch (const std::exception& e) {
    log::error("{}", e.what());
    return 1;
  }
}
