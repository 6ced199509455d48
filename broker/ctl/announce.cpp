#include <fmt/format.h>

#include <charconv>
#include <fstream>

#include "broker/ctl/commands.hpp"
#include "common/base/bytes.hpp"
#include "common/base/file.hpp"
#include "common/wire/discovery.hpp"

namespace tertulia::ctl {

namespace {

namespace fs = std::filesystem;

constexpr const char* kFileName = "tertulia.service";
constexpr std::size_t kFileBytesMax = 4096;
constexpr std::size_t kIdDigits = 64;
constexpr std::size_t kShownDigits = 8;

struct Announced {
  std::string server_id;
  std::uint16_t port = 0;
};

// What the broker says is checked before root writes it into a file of another program.
Announced announced_by(const nlohmann::json& status) {
  Announced out;
  const std::string id = status.value("server_id", ""), endpoint = status.value("commands", "");
  const std::string_view port = std::string_view(endpoint).substr(endpoint.rfind(':') + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (id.size() != kIdDigits || id.find_first_not_of("0123456789abcdef") != id.npos ||
      error != std::errc{} || end != port.data() + port.size() || out.port == 0)
    throw Failure{exit_refused, "The broker's answer cannot be read."};
  out.server_id = id;
  return out;
}

bool only_this_machine(const std::string& endpoint) {
  return endpoint.starts_with("tcp://127.") || endpoint.starts_with("tcp://[::1]:") ||
         endpoint.starts_with("tcp://localhost:");
}

// avahi.service(5). The name shows in every browser of the network, so it is not the organisation's.
std::string service_file(const Announced& a) {
  return fmt::format(
      "<?xml version=\"1.0\" standalone='no'?>\n"
      "<!DOCTYPE service-group SYSTEM \"avahi-service.dtd\">\n"
      "<!-- Written by tertuliactl announce at each start of tertuliad, removed when it stops. "
      "-->\n"
      "<service-group>\n"
      "  <name>Tertulia {}</name>\n"
      "  <service>\n"
      "    <type>{}</type>\n"
      "    <port>{}</port>\n"
      "    <txt-record>{}{}</txt-record>\n"
      "  </service>\n"
      "</service-group>\n",
      a.server_id.substr(0, kShownDigits), wire::service_type, a.port, wire::service_id_key,
      a.server_id);
}

// Whole or not at all, and readable for avahi-daemon, which has a user of its own.
void replace(const fs::path& file, const std::string& text) {
  const fs::path whole = file.string() + ".tmp";
  {
    std::ofstream out(whole, std::ios::trunc);
    out << text;
    if (!out.flush()) throw_errno("cannot write " + whole.string());
  }
  fs::permissions(whole, fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read |
                             fs::perms::others_read);
  fs::rename(whole, file);
}

int withdraw(const fs::path& file) {
  if (fs::remove(file)) fmt::print(stderr, "The server is not announced any more.\n");
  return exit_good;
}

}  // namespace

int announce(const Target& target, const fs::path& directory, bool end) {
  const fs::path file = directory / kFileName;
  if (end || !target.announces) return withdraw(file);
  if (!fs::is_directory(directory)) return exit_good;  // no avahi-daemon on this machine
  const nlohmann::json status = ask(target, {{"command", "status"}});
  if (only_this_machine(status.value("commands", ""))) return withdraw(file);
  const Announced announced = announced_by(status);
  const std::string text = service_file(announced);
  std::error_code failed;
  if (fs::is_regular_file(file, failed) && as_text(read_file(file, kFileBytesMax)) == text)
    return exit_good;
  replace(file, text);
  fmt::print(stderr, "The server is announced to the local network, by its id and port {}.\n",
             announced.port);
  return exit_good;
}

}  // namespace tertulia::ctl
