#include "broker/journal/journal.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <cstring>

#include "common/base/file.hpp"

namespace tertulia::broker {

namespace {

// Set once before threads start, and left to the end of the process.
struct Destination {
  UniqueFd fd;
  sockaddr_un address{};
};
Destination& destination() {
  static Destination d;
  return d;
}

bool send_line(log::Level level, const log::Event* event, std::span<const log::Field> fields,
               std::string_view line) {
  const std::string entry = journal_entry(level, event, fields, line);
  const Destination& d = destination();
  // A line above the socket's buffer (EMSGSIZE) is told on stderr too.
  return ::sendto(d.fd.get(), entry.data(), entry.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                  reinterpret_cast<const sockaddr*>(&d.address), sizeof d.address) >= 0;
}

void add(std::string& entry, std::string_view name, std::string_view value) {
  entry += name;
  entry += '=';
  for (const char c : value) entry += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  entry += '\n';
}

}  // namespace

bool stderr_is_journal() {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat st {};
  return stream != nullptr && ::fstat(STDERR_FILENO, &st) == 0 &&
         fmt::format("{}:{}", st.st_dev, st.st_ino) == stream;
}

void log_to_journal(const std::filesystem::path& socket) {
  Destination& d = destination();
  d.fd = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!d.fd) throw_errno("socket");
  d.address = {};
  d.address.sun_family = AF_UNIX;
  if (socket.native().size() >= sizeof d.address.sun_path)
    throw std::runtime_error("The path of the journal's socket is too long: " + socket.string());
  std::memcpy(d.address.sun_path, socket.c_str(), socket.native().size());
  log::set_sink(send_line);
}

std::string journal_entry(log::Level level, const log::Event* event,
                          std::span<const log::Field> fields, std::string_view line) {
  std::string entry;
  add(entry, "PRIORITY", std::to_string(static_cast<int>(level)));
  add(entry, "SYSLOG_IDENTIFIER", "tertuliad");
  if (event != nullptr) {
    add(entry, "MESSAGE_ID", event->message_id);
    add(entry, "TERTULIA_EVENT", event->name);
  }
  for (const auto& field : fields) {
    std::string name = "TERTULIA_";
    for (const char c : field.name)
      name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    add(entry, name, field.value);
  }
  add(entry, "MESSAGE", line);
  return entry;
}

}  // namespace tertulia::broker
