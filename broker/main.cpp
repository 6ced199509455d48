// tertuliad: the broker. Everything is in broker/server.
#include "broker/journal/journal.hpp"
#include "broker/server/command_line.hpp"
#include "broker/server/limits.hpp"
#include "common/base/log.hpp"
#include "common/crypto/keys.hpp"

int main(int argc, char** argv) {
  using namespace tertulia;
  try {
    if (broker::stderr_is_journal()) broker::log_to_journal();
    const auto parsed = broker::parse_command_line(argc, argv);
    if (const int* code = std::get_if<int>(&parsed)) return *code;
    broker::trim_process();
    crypto::crypto_start();
    const auto& options = std::get<broker::ServerOptions>(parsed);
    if (options.only_initialise) return broker::initialise(options);
    return broker::serve(options);
  } catch (const std::exception& e) {
    log::error("{}", e.what());
    return 1;
  }
}
