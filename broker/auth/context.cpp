#include "broker/auth/context.hpp"

#include <zmq.hpp>

namespace tertulia::broker {

Context::Context(int io_threads)
    : context_(std::make_unique<zmq::context_t>(io_threads)),
      io_threads_(io_threads) {}
Context::~Context() = default;

}  // namespace tertulia::broker
