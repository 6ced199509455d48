// The process's one ZeroMQ context. Made and destroyed on the main thread; any thread may open
// sockets in it. The destructor waits until all sockets are closed and their linger is over.
#pragma once

#include <memory>

namespace zmq {
class context_t;
}

namespace tertulia::broker {

class Context {
 public:
  explicit Context(int io_threads);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  zmq::context_t& handle() { return *context_; }
  int io_threads() const { return io_threads_; }

 private:
  std::unique_ptr<zmq::context_t> context_;
  int io_threads_;
};

}  // namespace tertulia::broker
