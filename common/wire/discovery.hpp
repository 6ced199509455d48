// How a server is announced on a local network (DNS-SD, RFC 6763) so that a client finds one again
// whose key it has pinned. It says nothing else: an announcement is anybody's claim, the key decides.
#pragma once

namespace tertulia::wire {

inline constexpr const char* service_type = "_tertulia._tcp";
// In front of the server's id, 64 hex digits, in the TXT record.
inline constexpr const char* service_id_key = "server_id=";

}  // namespace tertulia::wire
