// LinkTable: the links that signed-in devices have open for further devices of their users, and who
// has asked to be let in (docs/protocol.md, "Linking a device"). In memory only: a restart forgets
// them, and a client whose link is still open declares it again. Shared by the workers, t-auth and
// t-gateway; any thread, one mutex, nothing under it waits.
//
// Bounds: one link of a device, so that a user has no more than he has devices; links_max in all. One
// that has ended or expired stays for link_remembered_ms, so that who comes late hears why. Times are
// monotonic.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "common/record/device_link.hpp"

namespace tertulia::broker {

inline constexpr std::uint64_t link_lifetime_ms_max = 10 * 60'000;
inline constexpr std::uint64_t link_remembered_ms = 10 * 60'000;
inline constexpr std::size_t links_max = 1'000;
// A link is for one device, which may come again before its last connection is known to be gone.
inline constexpr std::uint64_t link_connections_max = 2;

// What the new device says of itself; checked by the device that has the link open, not by the broker.
struct LinkAsk {
  SignPublicKey sign;
  CurvePublicKey curve;
  Signature signature;
  record::LinkMac mac;
  std::string device_name;
  bool operator==(const LinkAsk&) const = default;
};

struct OpenLink {
  CurvePublicKey link;    // its public key
  DeviceId device;        // that has it open
  CurvePublicKey opener;  // that device's key
  std::uint64_t until_ms = 0;
  bool ended = false;  // refused, cancelled or done: no longer for anybody
  std::optional<LinkAsk> ask;
  std::optional<record::LinkNonce> nonce;
};

class LinkTable {
 public:
  explicit LinkTable(std::size_t maximum = links_max) : maximum_(maximum) {}

  struct Declared {
    bool ok = false;       // false: there are too many, or the key is another device's link
    bool is_news = false;  // for the device that has asked
    OpenLink link;
  };
  // How the device says that its link stands; another one that it had open is forgotten. What has
  // been said once holds: a lifetime is not made longer, a nonce not changed, an end not taken back.
  Declared declare(const CurvePublicKey& link, const DeviceId& device, const CurvePublicKey& opener,
                   std::uint64_t lifetime_ms, const std::optional<record::LinkNonce>& nonce,
                   bool ended, std::uint64_t now_ms);

  // nullopt: there is none. The first who asks is the one whom the link is for.
  std::optional<OpenLink> ask(const CurvePublicKey& link, const LinkAsk& ask, std::uint64_t now_ms);
  std::optional<OpenLink> find(const CurvePublicKey& link, std::uint64_t now_ms) const;
  // Whether one was forgotten since the last call: its key's connections are strangers' then.
  bool take_forgotten() { return is_forgotten_.exchange(false); }

 private:
  void sweep(std::uint64_t now_ms);

  const std::size_t maximum_;
  std::atomic<bool> is_forgotten_{false};
  mutable std::mutex mutex_;
  // Protected by mutex_.
  std::unordered_map<CurvePublicKey, OpenLink> links_;
  std::unordered_map<DeviceId, CurvePublicKey> of_device_;
};

}  // namespace tertulia::broker
