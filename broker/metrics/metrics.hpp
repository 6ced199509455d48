// Metrics: what the broker did and what it refused, as plain counters. One object per broker; every
// thread adds, t-admin reads. Relaxed atomics: each counter is right, two of them need not agree.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tertulia::broker {

// One per reason for which something that a peer sent was refused or dropped, and one per thing done.
enum class Count : std::size_t {
  // done
  frames_in,      // frames taken from the command socket
  frames_out,     // frames given to the command socket
  submissions,    // submissions handed to t-log
  requests,       // requests decoded
  pages,          // answers of readers
  batches,        // commits that t-publisher took
  frames_sealed,  // broadcast frames
  deliveries,     // broadcast frames times subscriptions of their topic
  console_lines,
  handshakes_accepted,
  subscriptions,
  // refused or dropped: t-auth
  handshakes_refused_key,
  handshakes_refused_full,
  handshakes_refused_malformed,
  floods_ended,  // connections that sent without ever completing a message
  silent_ended,  // the oldest of too many connections that said nothing
  // t-gateway
  refused_multipart,
  refused_no_identity,
  refused_short,
  refused_busy,
  dropped_peer_gone,  // the answer's connection is no longer there
  dropped_peer_full,  // the answer's connection does not read
  // t-worker
  refused_bad_frame,
  refused_bad_request,
  refused_not_allowed,
  refused_stale_key,
  refused_not_a_member,
  refused_bad_signature,
  refused_bad_commitment,
  refused_bad_body,
  refused_too_big,
  refused_wrong_server,
  refused_log_busy,
  refused_reader_busy,
  refused_slow_peer,  // large answers to a peer that does not read what it has
  refused_other,
  // t-publisher
  subscriptions_refused,
  subscriber_messages,  // user messages on the broadcast socket
  console_dropped,
  commits_unpublished,  // t-publisher was too far behind; clients fetch what they miss
  // t-admin
  admin_requests,
  admin_refused,
  count_
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(Count::count_)> count_names =
    {"frames_in",
     "frames_out",
     "submissions",
     "requests",
     "pages",
     "batches",
     "frames_sealed",
     "deliveries",
     "console_lines",
     "handshakes_accepted",
     "subscriptions",
     "handshakes_refused_key",
     "handshakes_refused_full",
     "handshakes_refused_malformed",
     "floods_ended",
     "silent_ended",
     "refused_multipart",
     "refused_no_identity",
     "refused_short",
     "refused_busy",
     "dropped_peer_gone",
     "dropped_peer_full",
     "refused_bad_frame",
     "refused_bad_request",
     "refused_not_allowed",
     "refused_stale_key",
     "refused_not_a_member",
     "refused_bad_signature",
     "refused_bad_commitment",
     "refused_bad_body",
     "refused_too_big",
     "refused_wrong_server",
     "refused_log_busy",
     "refused_reader_busy",
     "refused_slow_peer",
     "refused_other",
     "subscriptions_refused",
     "subscriber_messages",
     "console_dropped",
     "commits_unpublished",
     "admin_requests",
     "admin_refused"};
static_assert(!count_names.back().empty(), "every counter has a name");

class Metrics {
 public:
  void add(Count what, std::uint64_t n = 1) {
    counters_[static_cast<std::size_t>(what)].fetch_add(n, std::memory_order_relaxed);
  }
  std::uint64_t get(Count what) const {
    return counters_[static_cast<std::size_t>(what)].load(std::memory_order_relaxed);
  }
  // Open connections, as t-auth sees them come and go.
  std::atomic<std::uint64_t> connections_commands{0};
  std::atomic<std::uint64_t> connections_broadcast{0};

 private:
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Count::count_)> counters_{};
};

}  // namespace tertulia::broker
