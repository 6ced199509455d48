// A configuration written back as TOML that the parser reads. Any thread; no state.
#pragma once

#include <string>
#include <string_view>

#include "common/config/client_presets.hpp"
#include "common/config/config.hpp"
#include "common/config/table.hpp"

namespace tertulia::config {

// The key's value in config as TOML: "text", ["a", "b"], 7, true.
template <class Config>
std::string toml_value(const KeyOf<Config>& key, const Config& config);

// Every key with its value and, as a comment, where the value comes from and, where that says
// something, when a change is taken up. title: the first line, a comment.
template <class Config>
std::string effective_config(const Table<Config>& table, const Loaded<Config>& loaded,
                             std::string_view title);

extern template std::string toml_value(const KeyOf<BrokerConfig>&, const BrokerConfig&);
extern template std::string effective_config(const Table<BrokerConfig>&, const LoadedConfig&,
                                             std::string_view);

extern template std::string toml_value(const KeyOf<ClientPresets>&, const ClientPresets&);
extern template std::string effective_config(const Table<ClientPresets>&,
                                             const Loaded<ClientPresets>&, std::string_view);

}  // namespace tertulia::config
