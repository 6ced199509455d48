// What is written about a table of keys, made from it: the shipped file with its comments, and the
// man page. Used at build time and by tests; no program that is installed has it. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/config/client_presets.hpp"
#include "common/config/config.hpp"
#include "common/config/table.hpp"

namespace tertulia::config {

// What the table itself does not know. Texts are plain, in ASCII, a paragraph each.
struct Document {
  std::string_view name;     // of the man page: "tertuliad.toml"
  std::string_view summary;  // what follows "name - " in it
  std::string_view path;     // where the file is, for its FILES
  std::string_view comment;  // the first lines of the shipped file
  std::vector<std::string_view> description;
  std::vector<std::string_view> more_files = {};  // "path: what it is"
  std::string_view see_also;                      // "tertuliad(8), tertuliactl(8)"
};

// Every key with its default and what it is for.
template <class Config>
std::string commented_file(const Table<Config>& table, const Document& document);

// roff for man(7).
template <class Config>
std::string man_page(const Table<Config>& table, const Document& document,
                     std::string_view version);

extern template std::string commented_file(const Table<BrokerConfig>&, const Document&);
extern template std::string man_page(const Table<BrokerConfig>&, const Document&, std::string_view);
extern template std::string commented_file(const Table<ClientPresets>&, const Document&);
extern template std::string man_page(const Table<ClientPresets>&, const Document&,
                                     std::string_view);

const Document& broker_document();
const Document& client_document();

}  // namespace tertulia::config
