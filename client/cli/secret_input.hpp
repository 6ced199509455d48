// Passphrases from a terminal, without showing them, or from a file. Main thread only.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "client/engine/profile_lock.hpp"

namespace tertulia::cli {

// From the terminal that the program is controlled from, if somebody sits there; nullopt: nobody
// does, or he pressed Ctrl+C. The prompt goes there too, never to standard output.
std::optional<client::Passphrase> ask_passphrase(const std::string& prompt);

// The first line of the file, "-": the next line of standard input, of which no byte more is taken.
// Throws what the file's failure is.
client::Passphrase read_passphrase(const std::filesystem::path& file);

}  // namespace tertulia::cli
