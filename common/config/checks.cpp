#include "common/config/checks.hpp"

#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>

namespace tertulia::config {

namespace {

constexpr std::uint64_t kPortMax = 65535;
constexpr std::size_t kHostBytesMax = 255;
constexpr std::size_t kSocketPathBytesMax = sizeof(sockaddr_un::sun_path) - 1;

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool has_only(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_alnum(c) || more.find(c) != more.npos; });
}

std::optional<std::string> check_endpoint(std::string_view v, bool any_host) {
  const std::string form = fmt::format("must look like \"tcp://{}:5570\" (an IPv6 address in [ ])",
                                       any_host ? "*" : "chat.example.org");
  constexpr std::string_view kScheme = "tcp://";
  if (!v.starts_with(kScheme)) return form;
  v.remove_prefix(kScheme.size());
  const auto colon = v.rfind(':');
  if (colon == v.npos) return form;
  const std::string_view host = v.substr(0, colon), port = v.substr(colon + 1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || end != port.data() + port.size() || number < 1 || number > kPortMax)
    return fmt::format("must end in a port from 1 to {}", kPortMax);
  if (host == "*") {
    if (any_host) return std::nullopt;
    return "must name an address that clients can reach; * says nothing to them";
  }
  if (host.empty() || host.size() > kHostBytesMax) return form;
  if (host.front() == '[') {
    const std::string_view inner = host.substr(1, host.size() - 2);
    if (host.back() != ']' || inner.find(':') == inner.npos || !has_only(inner, ":.%")) return form;
    return std::nullopt;
  }
  return has_only(host, ".-_") ? std::nullopt : std::optional(form);
}

}  // namespace

std::optional<std::string> check_name(std::string_view v) {
  if (v.empty() || v.size() > 63 || !is_alnum(v[0]) || !has_only(v, ".-"))
    return "must be 1 to 63 letters, digits, dots and dashes, and start with a letter or digit";
  return std::nullopt;
}

std::optional<std::string> check_listen(std::string_view v) { return check_endpoint(v, true); }
std::optional<std::string> check_advertise(std::string_view v) { return check_endpoint(v, false); }

std::optional<std::string> check_directory(std::string_view v) {
  if (!v.starts_with('/') || v.find('\0') != v.npos)
    return "must be an absolute path, such as \"/var/lib/tertulia\"";
  return std::nullopt;
}

std::optional<std::string> check_socket(std::string_view v) {
  if (auto wrong = check_directory(v)) return "must be an absolute path";
  if (v.size() > kSocketPathBytesMax)
    return fmt::format("must be at most {} bytes long, as unix(7) has it", kSocketPathBytesMax);
  return std::nullopt;
}

std::optional<std::string> check_socket_or_none(std::string_view v) {
  return v.empty() ? std::nullopt : check_socket(v);
}

std::optional<std::string> check_loopback_or_none(std::string_view v) {
  if (v.empty()) return std::nullopt;
  for (const std::string_view host : {"127.0.0.1:", "[::1]:"}) {
    if (!v.starts_with(host)) continue;
    const std::string_view port = v.substr(host.size());
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error == std::errc{} && end == port.data() + port.size() && number >= 1 && number <= 65535)
      return std::nullopt;
  }
  return "must be a port of this machine's own address, such as \"127.0.0.1:9570\" or "
         "\"[::1]:9570\": no other machine is to reach it";
}

}  // namespace tertulia::config
