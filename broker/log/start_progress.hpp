// StartProgress: what a start that takes long tells the service manager, so that it gives it time for
// as long as it goes on and no longer. On the thread that opens the log.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/base/clock.hpp"

namespace tertulia::broker {

// doing: a sentence; more_ms: how long it may take until the next word, at most.
using TellStart = std::function<void(const std::string& doing, std::uint64_t more_ms)>;

class StartProgress {
 public:
  explicit StartProgress(TellStart tell) : tell_(std::move(tell)) {}

  // Work on that many bytes without a word between begins.
  void begins(const std::string& doing, std::uint64_t bytes) {
    if (tell_) tell_(doing, kWordMs + bytes / kBytesAMs);
    told_ms_ = monotonic_ms();
  }
  // The work is so far; may be called often.
  template <class Sentence>
  void goes_on(Sentence sentence, std::uint64_t bytes) {
    if (monotonic_ms() - told_ms_ >= kEveryMs) begins(sentence(), bytes);
  }

 private:
  static constexpr std::uint64_t kEveryMs = 1000;
  static constexpr std::uint64_t kWordMs = 60'000;
  static constexpr std::uint64_t kBytesAMs = 5000;  // 5 MB/s: a slow disk that others use too

  const TellStart tell_;
  std::uint64_t told_ms_ = 0;
};

}  // namespace tertulia::broker
