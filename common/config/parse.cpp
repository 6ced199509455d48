#include <fmt/format.h>

#include <algorithm>

#include "common/base/bytes.hpp"
#include "common/base/file.hpp"
#include "common/config/config.hpp"
#include "common/config/keys.hpp"

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

namespace tertulia {

namespace {

using namespace config;

constexpr std::size_t kFileBytesMax = 1 << 20;
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

class Parse {
 public:
  explicit Parse(std::string filename) : filename_(std::move(filename)) {}

  ConfigResult run(std::string_view text) {
    try {
      const toml::table file = toml::parse(text);
      for (const auto& [key, node] : file) section(key, node);
      relations();
    } catch (const toml::parse_error& e) {
      error(e.source().begin, std::string(e.description()));
    } catch (const ParserGaveUp&) {
      error({}, "this is not TOML: some [section] or key is malformed");
    }
    if (errors_.empty()) return config_;
    std::stable_sort(errors_.begin(), errors_.end(), [](const auto& a, const auto& b) {
      return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    });
    return fail(std::move(errors_));
  }

 private:
  void error(const toml::source_position& at, std::string message) {
    errors_.push_back(
        {filename_, std::max(at.line, 1u), std::max(at.column, 1u), std::move(message)});
  }

  void section(const toml::key& key, const toml::node& node) {
    const std::string_view name = key.str();
    if (const toml::table* table = node.as_table()) {
      if (!is_section(name))
        return error(key.source().begin,
                     fmt::format("unknown section [{}]{}", name, suggest_section(name)));
      for (const auto& [inner, value] : *table) this->key(name, inner, value);
    } else if (is_section(name)) {
      error(key.source().begin,
            fmt::format("{} is a section, not {}: write [{}] on a line of its own", name,
                        kind_of(node), name));
    } else {
      error(key.source().begin,
            fmt::format("key {} is in no section{}", in_quotes(name), suggest_key("", name)));
    }
  }

  void key(std::string_view section, const toml::key& written, const toml::node& node) {
    const Key* key = find_key(section, written.str());
    if (key == nullptr)
      return error(written.source().begin,
                   fmt::format("unknown key {} in [{}]{}", in_quotes(written.str()), section,
                               suggest_key(section, written.str())));
    if (section == "listen" && written.str() == "broadcast") broadcast_at_ = node.source().begin;
    std::visit(Overloaded{[&](const TextKey& k) { text(*key, k, node); },
                          [&](const ListKey& k) { list(*key, k, node); },
                          [&](const NumberKey& k) { number(*key, k, node); },
                          [&](const BoolKey& k) { boolean(*key, k, node); }},
               key->value);
  }

  void wrong_kind(const Key& key, const toml::node& node, const char* wanted) {
    error(node.source().begin,
          fmt::format("{}.{} must be {}, not {}", key.section, key.name, wanted, kind_of(node)));
  }

  void text(const Key& key, const TextKey& kind, const toml::node& node) {
    const auto* value = node.as_string();
    if (value == nullptr) return wrong_kind(key, node, "a text in quotes");
    if (const auto wrong = kind.check(value->get()))
      return error(node.source().begin, fmt::format("{}.{} {}, not {}", key.section, key.name,
                                                    *wrong, in_quotes(value->get())));
    config_.*kind.member = value->get();
  }

  void list(const Key& key, const ListKey& kind, const toml::node& node) {
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
    config_.*kind.member = std::move(items);
  }

  void number(const Key& key, const NumberKey& kind, const toml::node& node) {
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
    config_.*kind.member = static_cast<std::uint64_t>(n);
  }

  void boolean(const Key& key, const BoolKey& kind, const toml::node& node) {
    const auto* value = node.as_boolean();
    if (value == nullptr) return wrong_kind(key, node, "true or false");
    config_.*kind.member = value->get();
  }

  void relations() {
    if (config_.listen_broadcast == config_.listen_commands)
      error(broadcast_at_,
            fmt::format("listen.broadcast and listen.commands must differ; both are {}",
                        in_quotes(config_.listen_commands)));
  }

  const std::string filename_;
  BrokerConfig config_;
  std::vector<ConfigError> errors_;
  toml::source_position broadcast_at_{};
};

}  // namespace

std::string to_string(const ConfigError& e) {
  return fmt::format("{}:{}:{}: {}", e.file, e.line, e.column, e.message);
}

ConfigResult parse_config(std::string_view text, const std::string& filename) {
  return Parse(filename).run(text);
}

ConfigResult load_config(const std::filesystem::path& path) {
  const Bytes content = read_file(path, kFileBytesMax);
  return parse_config(as_text(content), path.string());
}

}  // namespace tertulia
