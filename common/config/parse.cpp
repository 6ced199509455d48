#include "common/config/parse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <limits>
#include <tuple>

#include "common/config/keys.hpp"
#include "common/config/suggest.hpp"

// The only file that includes toml++: it costs seconds to compile.
namespace {
struct ParserGaveUp {};
[[noreturn]] void give_up() { throw ParserGaveUp{}; }
}  // namespace
// A malformed file such as "[[[" meets an assertion of the parser instead of its error
// (marzer/tomlplusplus#301, mended after 3.4.0): that is a mistake in the file, not a bug of ours.
#define TOML_ASSERT(condition) ((condition) ? void() : give_up())
#define TOML_EXCEPTIONS 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace tertulia::config {

namespace {

constexpr std::size_t kShownBytesMax = 60;

template <class... Kinds>
struct Overloaded : Kinds... {
  using Kinds::operator()...;
};
template <class... Kinds>
Overloaded(Kinds...) -> Overloaded<Kinds...>;

const char* kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a section";
    case toml::node_type::array: return "a list";
    case toml::node_type::string: return "a text";
    case toml::node_type::integer: return "a number";
    case toml::node_type::floating_point: return "a number with a fraction";
    case toml::node_type::boolean: return "true or false";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time: return "a date or time";
    default: return "something else";
  }
}

// Control characters would break the one line of an error message.
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (char c : text.substr(0, kShownBytesMax))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (text.size() > kShownBytesMax ? "…\"" : "\"");
}

template <class Config>
class Parse {
 public:
  using Key = KeyOf<Config>;
  using Errors = std::vector<ConfigError>;

  explicit Parse(const Table<Config>& table) : table_(table) {
    for (const Key& key : table.keys) names_.push_back({key.section, key.name});
  }

  Result<Loaded<Config>, Errors> run(std::span<const SourceText> texts) {
    for (const SourceText& text : texts) {
      loaded_.files.push_back(text.file);
      file(text);
    }
    contradictions();
    in_order(errors_);
    in_order(loaded_.warnings);
    if (errors_.empty()) return std::move(loaded_);
    return fail(std::move(errors_));
  }

 private:
  void file(const SourceText& text) {
    try {
      const toml::table parsed = toml::parse(text.text);
      file_ = &parsed;
      for (const auto& [key, node] : parsed) section(key, node);
    } catch (const toml::parse_error& e) {
      error(e.source().begin, std::string(e.description()));
    } catch (const ParserGaveUp&) {
      error({}, "this is not TOML: some [section] or key is malformed");
    }
  }

  const std::string& filename() const { return loaded_.files.back(); }

  void error(const toml::source_position& at, std::string message) {
    errors_.push_back(
        {filename(), std::max(at.line, 1u), std::max(at.column, 1u), std::move(message)});
  }

  // toml++ hands out keys by name, not by place.
  void in_order(Errors& errors) const {
    const auto place = [&](const ConfigError& e) {
      const auto file = std::find(loaded_.files.begin(), loaded_.files.end(), e.file);
      return std::tuple(file, e.line, e.column);
    };
    std::stable_sort(errors.begin(), errors.end(),
                     [&](const auto& a, const auto& b) { return place(a) < place(b); });
  }

  void section(const toml::key& key, const toml::node& node) {
    const std::string_view name = key.str();
    if (const toml::table* table = node.as_table()) {
      if (!table_.has_section(name))
        return error(key.source().begin,
                     fmt::format("unknown section [{}]{}", name, suggest_section(names_, name)));
      for (const auto& [inner, value] : *table) this->key(name, inner, value);
    } else if (table_.has_section(name)) {
      error(key.source().begin,
            fmt::format("{} is a section, not {}: write [{}] on a line of its own", name,
                        kind_of(node), name));
    } else {
      error(key.source().begin, fmt::format("key {} is in no section{}", in_quotes(name),
                                            suggest_key(names_, "", name)));
    }
  }

  void key(std::string_view section, const toml::key& written, const toml::node& node) {
    const Key* key = table_.find(section, written.str());
    if (key == nullptr) {
      const FormerName* former = table_.find_former(section, written.str());
      if (former == nullptr)
        return error(written.source().begin,
                     fmt::format("unknown key {} in [{}]{}", in_quotes(written.str()), section,
                                 suggest_key(names_, section, written.str())));
      key = table_.find(former->new_section, former->new_name);
      assert(key != nullptr && "a former name leads to a key of today");
      if (!accept_former(*former, written)) return;
    }
    loaded_.origins[fmt::format("{}.{}", key->section, key->name)] = {
        filename(), node.source().begin.line, node.source().begin.column};
    std::visit(Overloaded{[&](const TextKey<Config>& k) { text(*key, k, node); },
                          [&](const ListKey<Config>& k) { list(*key, k, node); },
                          [&](const NumberKey<Config>& k) { number(*key, k, node); },
                          [&](const BoolKey<Config>& k) { boolean(*key, k, node); }},
               key->value);
  }

  // Warns; false: the same file has the key under its new name too, and that one counts.
  bool accept_former(const FormerName& former, const toml::key& written) {
    const bool both = bool((*file_)[former.new_section][former.new_name]);
    const auto at = written.source().begin;
    loaded_.warnings.push_back(
        {filename(), at.line, at.column,
         fmt::format("{}.{} is now called {}.{}; {}", former.section, former.name,
                     former.new_section, former.new_name,
                     both ? "both are set here, and the old name is ignored: remove it"
                          : "the old name still works, but write the new one")});
    return !both;
  }

  void wrong_kind(const Key& key, const toml::node& node, const char* wanted) {
    error(node.source().begin,
          fmt::format("{}.{} must be {}, not {}", key.section, key.name, wanted, kind_of(node)));
  }

  void text(const Key& key, const TextKey<Config>& kind, const toml::node& node) {
    const auto* value = node.as_string();
    if (value == nullptr) return wrong_kind(key, node, "a text in quotes");
    if (const auto wrong = kind.check(value->get()))
      return error(node.source().begin, fmt::format("{}.{} {}, not {}", key.section, key.name,
                                                    *wrong, in_quotes(value->get())));
    loaded_.config.*kind.member = value->get();
  }

  void list(const Key& key, const ListKey<Config>& kind, const toml::node& node) {
    const auto* array = node.as_array();
    if (array == nullptr) return wrong_kind(key, node, "a list of texts, such as [\"…\", \"…\"]");
    if (array->size() > kind.items_max)
      return error(node.source().begin,
                   fmt::format("{}.{} must have at most {} items, not {}", key.section, key.name,
                               kind.items_max, array->size()));
    std::vector<std::string> items;
    for (const toml::node& item : *array) {
      const auto* value = item.as_string();
      if (value == nullptr) {
        error(item.source().begin, fmt::format("{}.{}: each item must be a text in quotes, not {}",
                                               key.section, key.name, kind_of(item)));
      } else if (const auto wrong = kind.check(value->get())) {
        error(item.source().begin, fmt::format("{}.{}: each item {}, not {}", key.section, key.name,
                                               *wrong, in_quotes(value->get())));
      } else {
        items.push_back(value->get());
      }
    }
    loaded_.config.*kind.member = std::move(items);
  }

  void number(const Key& key, const NumberKey<Config>& kind, const toml::node& node) {
    const auto* value = node.as_integer();
    if (value == nullptr) return wrong_kind(key, node, "a whole number");
    const std::int64_t n = value->get();
    if (n < 0 || static_cast<std::uint64_t>(n) < kind.min ||
        static_cast<std::uint64_t>(n) > kind.max) {
      const bool open = kind.max == std::numeric_limits<std::int64_t>::max();
      const std::string range = open ? fmt::format("at least {}", kind.min)
                                     : fmt::format("from {} to {}", kind.min, kind.max);
      return error(node.source().begin,
                   fmt::format("{}.{} must be {}, not {}", key.section, key.name, range, n));
    }
    loaded_.config.*kind.member = static_cast<std::uint64_t>(n);
  }

  void boolean(const Key& key, const BoolKey<Config>& kind, const toml::node& node) {
    const auto* value = node.as_boolean();
    if (value == nullptr) return wrong_kind(key, node, "true or false");
    loaded_.config.*kind.member = value->get();
  }

  void contradictions() {
    if (table_.contradictions == nullptr) return;
    for (Contradiction& c : table_.contradictions(loaded_.config)) {
      ConfigOrigin at{loaded_.files.empty() ? "" : loaded_.files.front(), 1, 1};
      for (const std::string& key : c.keys)
        if (const auto origin = loaded_.origins.find(key); origin != loaded_.origins.end()) {
          at = origin->second;
          break;
        }
      errors_.push_back({at.file, at.line, at.column, std::move(c.message)});
    }
  }

  const Table<Config>& table_;
  std::vector<KeyName> names_;
  const toml::table* file_ = nullptr;  // the one that is being read
  Loaded<Config> loaded_;
  Errors errors_;
};

}  // namespace

template <class Config>
Result<Loaded<Config>, std::vector<ConfigError>> parse(const Table<Config>& table,
                                                       std::span<const SourceText> texts) {
  return Parse<Config>(table).run(texts);
}

template Result<LoadedConfig, std::vector<ConfigError>> parse(const Table<BrokerConfig>&,
                                                              std::span<const SourceText>);

template Result<Loaded<ClientPresets>, std::vector<ConfigError>> parse(const Table<ClientPresets>&,
                                                                       std::span<const SourceText>);

}  // namespace tertulia::config
