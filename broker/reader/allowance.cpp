#include "broker/reader/allowance.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>

namespace tertulia::broker {

namespace {
// In this time libzmq has handed the kernel what it had; then the kernel knows what is unread.
constexpr std::uint64_t kSettleMs = 20;
constexpr int kKernelBytesMax = 64 * 1024;
constexpr std::size_t kPeersMax = 4096;

// What the kernel holds for the peer (tcp(7)). The number may name another socket by now if the
// connection has ended: then the answer goes nowhere, whatever is decided.
int kernel_bytes(int socket) {
  int bytes = 0;
  return socket >= 0 && ::ioctl(socket, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

std::string name_of(const Asker& asker) { return std::string(as_text(asker.routing.view())); }
}  // namespace

bool Allowance::may_have_more(const Asker& asker, std::uint64_t now_ms) {
  Peer& peer = peers_[name_of(asker)];
  if (now_ms >= peer.looked_ms + kSettleMs && kernel_bytes(asker.socket) <= kKernelBytesMax) {
    peer.bytes = 0;
    peer.looked_ms = now_ms;
  }
  return peer.bytes < unread_bytes_max;
}

void Allowance::given(const Asker& asker, std::size_t bytes) {
  // Whoever is forgotten starts again with the whole allowance
  if (peers_.size() > kPeersMax) peers_.clear();
  peers_[name_of(asker)].bytes += bytes;
}

}  // namespace tertulia::broker
