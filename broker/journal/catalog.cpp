#include "broker/events/events.hpp"
#include "broker/journal/journal.hpp"

namespace tertulia::broker {

namespace {
constexpr std::size_t kColumns = 76;

// Words in lines of at most kColumns.
std::string wrapped(std::string_view text) {
  std::string out;
  std::size_t column = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (column > 0 && column + 1 + word.size() > kColumns) {
      out += '\n';
      column = 0;
    } else if (column > 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}
}  // namespace

// The form of https://systemd.io/CATALOG.
std::string catalog() {
  std::string out;
  for (const auto& e : events::all) {
    out += "-- ";
    out += e.event->message_id;
    out += "\nSubject: ";
    out += e.subject;
    out += "\nDefined-By: Tertulia\nDocumentation: man:tertuliad(8)\n\n";
    out += wrapped(e.explanation);
    out += "\n\n";
  }
  return out;
}

}  // namespace tertulia::broker
