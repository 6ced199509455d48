#include "broker/ctl/addresses.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>

#include "common/base/file.hpp"

namespace tertulia::ctl {

namespace {
constexpr std::size_t kAddressesMax =
    8;  // an invite is to stay short enough to read over the phone

bool is_wildcard(const std::string& host) {
  return host == "*" || host == "0.0.0.0" || host == "[::]";
}
bool is_loopback(const std::string& host) {
  return host.starts_with("127.") || host == "[::1]" || host == "localhost";
}
// "host" and "port" of "tcp://host:port".
std::pair<std::string, std::string> split(const std::string& endpoint) {
  constexpr std::string_view kScheme = "tcp://";
  const std::string rest =
      endpoint.starts_with(kScheme) ? endpoint.substr(kScheme.size()) : endpoint;
  const auto colon = rest.rfind(':');
  if (colon == std::string::npos) return {rest, {}};
  return {rest.substr(0, colon), rest.substr(colon + 1)};
}
}  // namespace

std::vector<std::string> machine_addresses() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) throw_errno("getifaddrs");
  std::vector<std::string> v4, v6;
  for (const ifaddrs* i = all; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr || (i->ifa_flags & IFF_UP) == 0 ||
        (i->ifa_flags & IFF_LOOPBACK) != 0)
      continue;
    char text[INET6_ADDRSTRLEN] = {};
    if (i->ifa_addr->sa_family == AF_INET) {
      const auto& a = reinterpret_cast<const sockaddr_in*>(i->ifa_addr)->sin_addr;
      const std::uint32_t host = ntohl(a.s_addr);
      if ((host >> 16) == 0xa9fe) continue;  // 169.254/16: nobody beyond the cable reaches it
      v4.emplace_back(::inet_ntop(AF_INET, &a, text, sizeof text));
    } else if (i->ifa_addr->sa_family == AF_INET6) {
      const auto& a = reinterpret_cast<const sockaddr_in6*>(i->ifa_addr)->sin6_addr;
      if (IN6_IS_ADDR_LINKLOCAL(&a)) continue;
      v6.push_back(fmt::format("[{}]", ::inet_ntop(AF_INET6, &a, text, sizeof text)));
    }
  }
  ::freeifaddrs(all);
  v4.insert(v4.end(), v6.begin(), v6.end());
  return v4;
}

Addresses choose_addresses(const std::vector<std::string>& advertise, const std::string& bound,
                           const std::vector<std::string>& machine) {
  Addresses out;
  const auto [host, port] = split(bound);
  if (!advertise.empty()) {
    out.list = advertise;
    out.why =
        fmt::format("The invite names {}, as [listen] advertise says.", fmt::join(out.list, ", "));
  } else if (!is_wildcard(host)) {
    out.list = {bound};
    out.why =
        fmt::format("The invite names {}, the only address that the server listens on.", bound);
  } else {
    for (const auto& address : machine)
      if (host != "0.0.0.0" || address.front() != '[')
        out.list.push_back(fmt::format("tcp://{}:{}", address, port));
    out.why = fmt::format(
        "The invite names {}: the server listens on all addresses, and these are "
        "this machine's ([listen] advertise sets others).",
        fmt::join(out.list, ", "));
    if (out.list.empty()) {
      out.list = {fmt::format("tcp://127.0.0.1:{}", port)};
      out.why = fmt::format("The invite names {}: this machine has no other address.", out.list[0]);
    }
  }
  if (out.list.size() > kAddressesMax) out.list.resize(kAddressesMax);
  out.only_loopback = std::all_of(out.list.begin(), out.list.end(),
                                  [](const std::string& a) { return is_loopback(split(a).first); });
  return out;
}

}  // namespace tertulia::ctl
