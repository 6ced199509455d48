// A table of configuration keys: what a program's file may say, as one table that alone drives
// parsing, ranges, suggestions, --print-config, the shipped file's comments and the man page.
//
// Plain constant values; any thread. Config is the struct that takes the values; its initial values
// are the defaults.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tertulia::config {

// Says what is wrong with a value, as the end of a sentence ("must …"); nothing: it is right.
using TextCheck = std::optional<std::string> (*)(std::string_view);

// Each kind of value knows the member that takes it.
template <class Config>
struct TextKey {
  std::string Config::*member;
  TextCheck check;
};
template <class Config>
struct ListKey {
  std::vector<std::string> Config::*member;
  std::size_t items_max;
  TextCheck check;  // for each item
};
template <class Config>
struct NumberKey {
  std::uint64_t Config::*member;
  std::uint64_t min;
  std::uint64_t max;
};
template <class Config>
struct BoolKey {
  bool Config::*member;
};
// clang 16 does not deduce them by itself.
template <class Config>
TextKey(std::string Config::*, TextCheck) -> TextKey<Config>;
template <class Config>
ListKey(std::vector<std::string> Config::*, std::size_t, TextCheck) -> ListKey<Config>;
template <class Config>
NumberKey(std::uint64_t Config::*, std::uint64_t, std::uint64_t) -> NumberKey<Config>;
template <class Config>
BoolKey(bool Config::*) -> BoolKey<Config>;

// When a changed value is taken up by a program that runs.
enum class Applies { at_reload, at_restart };

template <class Config>
struct KeyOf {
  std::string_view section;
  std::string_view name;
  std::variant<TextKey<Config>, ListKey<Config>, NumberKey<Config>, BoolKey<Config>> value;
  std::string_view doc;  // one line: the first sentence of its documentation, without its full stop
  Applies applies = Applies::at_restart;
  std::string_view more = {};  // the sentences after it, for the shipped file and the man page
};

// A name that files of an earlier version may still use, with the same kind of value.
struct FormerName {
  std::string_view section;
  std::string_view name;
  std::string_view new_section;
  std::string_view new_name;
};

// Values that do not go together: a sentence, and the keys that it is about, as "section.name", the
// one to point at first.
struct Contradiction {
  std::vector<std::string> keys;
  std::string message;
};

template <class Config>
struct Table {
  std::span<const KeyOf<Config>> keys;
  std::span<const FormerName> former = {};
  std::vector<Contradiction> (*contradictions)(const Config&) = nullptr;

  // nullptr: there is no such key in that section.
  const KeyOf<Config>* find(std::string_view section, std::string_view name) const {
    const auto at = std::find_if(keys.begin(), keys.end(), [&](const auto& k) {
      return k.section == section && k.name == name;
    });
    return at == keys.end() ? nullptr : &*at;
  }
  const FormerName* find_former(std::string_view section, std::string_view name) const {
    const auto at = std::find_if(former.begin(), former.end(), [&](const FormerName& f) {
      return f.section == section && f.name == name;
    });
    return at == former.end() ? nullptr : &*at;
  }
  // The program takes up some changes without a restart.
  bool reloads() const {
    return std::any_of(keys.begin(), keys.end(),
                       [](const auto& k) { return k.applies == Applies::at_reload; });
  }
  bool has_section(std::string_view name) const {
    const auto in = [&](const auto& k) { return k.section == name; };
    return std::any_of(keys.begin(), keys.end(), in) ||
           std::any_of(former.begin(), former.end(), in);
  }
};

template <class Config>
bool same_value(const KeyOf<Config>& key, const Config& a, const Config& b) {
  return std::visit([&](const auto& k) { return a.*k.member == b.*k.member; }, key.value);
}

}  // namespace tertulia::config
