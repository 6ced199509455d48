// From TOML texts to a struct, by a table of keys: every mistake of every text comes back with its
// place and what was probably meant. Any thread; no state.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/config/client_presets.hpp"
#include "common/config/config.hpp"
#include "common/config/table.hpp"

namespace tertulia::config {

struct SourceText {
  std::string file;  // only what errors and origins name
  std::string text;
};

// A later text wins over an earlier one. Former names are accepted, with a warning. Errors are in
// the order of the texts and, within one, of its lines.
template <class Config>
Result<Loaded<Config>, std::vector<ConfigError>> parse(const Table<Config>& table,
                                                       std::span<const SourceText> texts);

extern template Result<LoadedConfig, std::vector<ConfigError>> parse(const Table<BrokerConfig>&,
                                                                     std::span<const SourceText>);

extern template Result<Loaded<ClientPresets>, std::vector<ConfigError>> parse(
    const Table<ClientPresets>&, std::span<const SourceText>);

}  // namespace tertulia::config
