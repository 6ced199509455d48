// Prints the journal's catalog; run by the build.
#include <cstdio>

#include "broker/journal/journal.hpp"

int main() {
  const auto text = tertulia::broker::catalog();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0
             ? 0
             : 1;
}
