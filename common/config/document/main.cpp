// Prints a document that is made from a table of keys; the build makes the man pages with it, and
// who changes a table makes the shipped files with it.
#include <cstdio>
#include <string_view>

#include "common/config/client_keys.hpp"
#include "common/config/document/document.hpp"
#include "common/config/keys.hpp"

int main(int argc, char** argv) {
  using namespace tertulia::config;
  const std::string_view which = argc == 2 ? argv[1] : "";
  std::string text;
  if (which == "tertuliad.toml") text = commented_file(table(), broker_document());
  if (which == "tertuliad.toml.5") text = man_page(table(), broker_document(), TERTULIA_VERSION);
  if (which == "client.toml") text = commented_file(client_table(), client_document());
  if (which == "tertulia-client.toml.5")
    text = man_page(client_table(), client_document(), TERTULIA_VERSION);
  if (text.empty()) {
    std::fprintf(stderr,
                 "usage: %s tertuliad.toml | tertuliad.toml.5 | client.toml | "
                 "tertulia-client.toml.5\n",
                 argv[0]);
    return 2;
  }
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0
             ? 0
             : 1;
}
