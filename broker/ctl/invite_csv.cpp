#include "broker/ctl/invite_csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "common/base/bytes.hpp"

namespace tertulia::ctl {

namespace {

using Fields = std::vector<std::string>;
struct Record {
  std::size_t line = 0;
  Fields fields;
};

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Reads one record at a time.
class Lines {
 public:
  Lines(std::string_view text, char separator) : text_(text), separator_(separator) {}

  bool at_end() const { return at_ >= text_.size(); }
  std::size_t line() const { return line_; }
  // A fault: the rest of the file cannot be read either.
  std::optional<CsvFault> next(Record& out) {
    out = {line_, {}};
    for (;;) {
      std::string field;
      const bool quoted = at_ < text_.size() && text_[at_] == '"';
      if (quoted) {
        if (auto fault = read_quoted(out.line, field)) return fault;
      } else {
        while (!ends_field()) field += text_[at_++];
        if (field.find('"') != std::string::npos)
          return CsvFault{out.line,
                          "A quote stands inside of a field: put the whole field in quotes and "
                          "write the quote twice."};
        field = std::string(trimmed(field));
      }
      out.fields.push_back(std::move(field));
      if (at_ < text_.size() && text_[at_] == separator_) {
        ++at_;
        continue;
      }
      skip_line_end();
      return std::nullopt;
    }
  }

 private:
  bool ends_field() const {
    return at_ >= text_.size() || text_[at_] == separator_ || text_[at_] == '\n' ||
           text_[at_] == '\r';
  }
  std::optional<CsvFault> read_quoted(std::size_t begun, std::string& field) {
    ++at_;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        field += text_[at_];
        continue;
      }
      if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        field += '"';
        ++at_;
        continue;
      }
      ++at_;
      if (ends_field()) return std::nullopt;
      return CsvFault{begun,
                      "Something stands behind a closing quote: take it away, or write a "
                      "quote that is meant twice."};
    }
    return CsvFault{begun, "A quote is opened and never closed."};
  }
  void skip_line_end() {
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ < text_.size() && text_[at_] == '\n') ++at_;
    ++line_;
  }

  std::string_view text_;
  char separator_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

enum Column { name, display_name, role, rooms };
constexpr std::array kColumns{"name", "display name", "role", "rooms"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_' || c == '-') c = ' ';
  }
  return out;
}

bool is_empty(const Record& record) {
  return std::all_of(record.fields.begin(), record.fields.end(),
                     [](const std::string& field) { return field.empty(); });
}

// Which column each field is; a fault in a header is of the whole file.
std::optional<CsvFault> read_header(const Record& record, std::vector<Column>& out) {
  out.clear();
  for (const std::string& said : record.fields) {
    const auto known = std::find(kColumns.begin(), kColumns.end(), lower(said));
    if (known == kColumns.end())
      return CsvFault{record.line,
                      fmt::format("There is no column \"{}\": a header has name, and may have "
                                  "display name, role and rooms.",
                                  said)};
    const auto column = static_cast<Column>(known - kColumns.begin());
    if (std::find(out.begin(), out.end(), column) != out.end())
      return CsvFault{record.line, fmt::format("The column \"{}\" stands twice.", said)};
    out.push_back(column);
  }
  return std::nullopt;
}

std::vector<std::string> split_rooms(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(';'), text.size());
    if (const auto room = trimmed(text.substr(0, end)); !room.empty()) out.emplace_back(room);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::optional<CsvFault> read_person(const Record& record, const std::vector<Column>& columns,
                                    CsvPerson& out) {
  out = {};
  out.line = record.line;
  if (record.fields.size() > columns.size())
    return CsvFault{record.line,
                    fmt::format("It has {} fields where there are {}: put a field that has the "
                                "separator in it in quotes.",
                                record.fields.size(), columns.size())};
  for (std::size_t i = 0; i < record.fields.size(); ++i) {
    const std::string& field = record.fields[i];
    switch (columns[i]) {
      case name: out.name = field; break;
      case display_name: out.display_name = field; break;
      case role: out.role = lower(field); break;
      case rooms: out.rooms = split_rooms(field); break;
    }
  }
  if (out.name.empty()) return CsvFault{record.line, "It has no name: give one, or take it out."};
  return std::nullopt;
}

}  // namespace

std::variant<std::vector<CsvPerson>, std::vector<CsvFault>> parse_csv(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<CsvPerson> people;
  std::vector<CsvFault> faults;
  if (!is_valid_utf8(as_bytes(text)))
    return std::vector<CsvFault>{{0, "It is not UTF-8: save it as \"CSV UTF-8\"."}};
  const std::string_view first = text.substr(0, std::min(text.find('\n'), text.size()));
  const bool semicolons = first.find(',') == first.npos && first.find(';') != first.npos;
  Lines lines(text, semicolons ? ';' : ',');
  std::vector<Column> columns{name, display_name, role, rooms};
  bool at_header = true;
  while (!lines.at_end()) {
    Record record;
    if (auto fault = lines.next(record)) {
      faults.push_back(std::move(*fault));
      return faults;
    }
    if (is_empty(record)) continue;
    if (at_header && lower(record.fields[0]) == "name") {
      at_header = false;
      if (auto fault = read_header(record, columns)) return std::vector<CsvFault>{*fault};
      continue;
    }
    at_header = false;
    CsvPerson person;
    if (auto fault = read_person(record, columns, person))
      faults.push_back(std::move(*fault));
    else
      people.push_back(std::move(person));
  }
  if (!faults.empty()) return faults;
  if (people.empty()) return std::vector<CsvFault>{{0, "Nobody stands in it."}};
  return people;
}

}  // namespace tertulia::ctl
