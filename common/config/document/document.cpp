#include "common/config/document/document.hpp"

#include <fmt/format.h>

#include <cctype>
#include <limits>

#include "common/config/write.hpp"

namespace tertulia::config {

namespace {

constexpr std::size_t kLineColumnsMax = 100;

std::string lines_of_comment(std::string_view text) {
  std::string out, line = "#";
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    if (line.size() + 1 + word.size() > kLineColumnsMax) {
      out += line + "\n";
      line = "#";
    }
    line += fmt::format(" {}", word);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out + line + "\n";
}

template <class Config>
std::string range_of(const KeyOf<Config>& key) {
  if (const auto* number = std::get_if<NumberKey<Config>>(&key.value)) {
    if (number->max == std::numeric_limits<std::int64_t>::max())
      return fmt::format("At least {}.", number->min);
    return fmt::format("{} to {}.", number->min, number->max);
  }
  if (const auto* list = std::get_if<ListKey<Config>>(&key.value))
    return fmt::format("At most {} items.", list->items_max);
  return "";
}

// All that is to be said of a key, sentence after sentence.
template <class Config>
std::string text_of(const KeyOf<Config>& key) {
  std::string out(key.doc);
  if (!out.empty()) out[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(out[0])));
  out += ".";
  for (const std::string& part : {std::string(key.more), range_of(key)})
    if (!part.empty()) out += " " + part;
  if (key.applies == Applies::at_reload) out += " A reload takes it up.";
  return out;
}

// A hyphen that is to be typed is not the hyphen of a divided word; a dot or quote that begins a
// line would be a request.
std::string in_roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '`' || c == '\'')
      out += c == '`' ? "\\(oq" : "\\(cq";
    else
      out += c;
  }
  if (out.starts_with('.')) out.insert(0, "\\&");
  return out;
}

// As the argument of a request.
std::string quoted_in_roff(std::string_view text) {
  std::string out = "\"";
  for (const char c : in_roff(text)) {
    if (c == '"')
      out += "\\(dq";
    else
      out += c;
  }
  return out + "\"";
}

}  // namespace

template <class Config>
std::string commented_file(const Table<Config>& table, const Document& document) {
  std::string out;
  std::string_view comment = document.comment;
  while (!comment.empty()) {
    const auto end = std::min(comment.find('\n'), comment.size());
    out += end == 0 ? "#\n" : lines_of_comment(comment.substr(0, end));
    comment.remove_prefix(std::min(end + 1, comment.size()));
  }
  const Config defaults;
  std::string_view section;
  for (const auto& key : table.keys) {
    out += "\n";
    if (key.section != section) out += fmt::format("[{}]\n", key.section);
    section = key.section;
    out += lines_of_comment(text_of(key));
    out += fmt::format("{} = {}\n", key.name, toml_value(key, defaults));
  }
  return out;
}

template <class Config>
std::string man_page(const Table<Config>& table, const Document& document,
                     std::string_view version) {
  std::string title(document.name);
  for (char& c : title) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::string out = fmt::format(".TH {} 5 \"\" {} \"File Formats\"\n", quoted_in_roff(title),
                                quoted_in_roff(fmt::format("tertulia {}", version)));
  out += fmt::format(".SH NAME\n{} \\- {}\n", in_roff(document.name), in_roff(document.summary));
  out += ".SH DESCRIPTION\n";
  for (const std::string_view paragraph : document.description)
    out += fmt::format(".PP\n{}\n", in_roff(paragraph));
  out += ".SH KEYS\n";
  const Config defaults;
  std::string_view section;
  for (const auto& key : table.keys) {
    if (key.section != section) out += fmt::format(".SS \"[{}]\"\n", key.section);
    section = key.section;
    out += fmt::format(".TP\n.B {}\n{}\n",
                       quoted_in_roff(fmt::format("{} = {}", key.name, toml_value(key, defaults))),
                       in_roff(text_of(key)));
  }
  out += fmt::format(".SH FILES\n.TP\n.I {}\nThis file.\n", in_roff(document.path));
  for (const std::string_view more : document.more_files) {
    const auto colon = more.find(": ");
    out += fmt::format(".TP\n.I {}\n{}\n", in_roff(more.substr(0, colon)),
                       in_roff(more.substr(colon + 2)));
  }
  return out + fmt::format(".SH SEE ALSO\n{}\n", in_roff(document.see_also));
}

template std::string commented_file(const Table<BrokerConfig>&, const Document&);
template std::string man_page(const Table<BrokerConfig>&, const Document&, std::string_view);
template std::string commented_file(const Table<ClientPresets>&, const Document&);
template std::string man_page(const Table<ClientPresets>&, const Document&, std::string_view);

}  // namespace tertulia::config
