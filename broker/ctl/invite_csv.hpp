// The list of people for `tertuliactl invite --csv`: what a spreadsheet saves. Pure but for the file that
// is read.
//
//   name,display name,role,rooms
//   ana,Ana García,member,3b;chess
//
// RFC 4180: fields in quotes, "" for a quote; LF or CRLF; a byte order mark is skipped. Fields are
// separated by commas, or by semicolons when the first line has no comma (what a spreadsheet saves in
// Spanish), and rooms by semicolons in their field. A first line whose first field is `name` is a header
// and says which columns there are; without it they stand in the order above, and only the first is
// needed. Empty lines are skipped.
#pragma once

#include <filesystem>
#include <string>
#include <variant>
#include <vector>

namespace tertulia::ctl {

struct CsvPerson {
  std::size_t line = 0;  // counted from 1; where the record begins
  std::string name, display_name, role;
  std::vector<std::string> rooms;
};
struct CsvFault {
  std::size_t line = 0;
  std::string sentence;  // what is wrong, and what to do
};

inline constexpr std::size_t csv_bytes_max = 1 << 20;

// All people, or all that is wrong.
std::variant<std::vector<CsvPerson>, std::vector<CsvFault>> parse_csv(std::string_view text);

}  // namespace tertulia::ctl
