// The sheet of `tertuliactl invite --sheet`: one HTML file with a page for each invite, to be printed on
// A4 or Letter. It holds everything it shows, names nothing outside of it, and runs nothing. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tertulia::ctl {

struct SheetPage {
  std::string who;        // how the person is shown; of a class link, what it is called
  std::string user_name;  // empty: a class link
  std::uint64_t uses = 1;
  std::string role;
  std::string invite;  // the string
  std::string until;   // as people read it
};
struct Sheet {
  std::string server;
  std::string fingerprint;
  std::vector<SheetPage> pages;
};

// Throws Failure when an invite is too long for a QR code.
std::string sheet_html(const Sheet& sheet);

// 2026-12-03 14:05 CET: in the time of this machine.
std::string local_time(std::uint64_t unix_ms);

}  // namespace tertulia::ctl
