// A thread of the broker: has a name, and ends the process when an exception reaches its main loop.
#pragma once

#include <pthread.h>

#include <exception>
#include <functional>
#include <string>
#include <thread>

#include "common/base/log.hpp"

namespace tertulia::broker {

// Called on the thread that failed, with one sentence; must only pass it on.
using FatalReport = std::function<void(const std::string&)>;

// name: at most 15 characters. Signals are blocked before the first thread starts (Server).
template <class F>
std::thread start_thread(std::string name, FatalReport fatal, F&& body) {
  return std::thread(
      [name = std::move(name), fatal = std::move(fatal), body = std::forward<F>(body)]() {
        ::pthread_setname_np(::pthread_self(), name.c_str());
        try {
          body();
        } catch (const std::exception& e) {
          fatal(name + ": " + e.what());
        }
      });
}

}  // namespace tertulia::broker
