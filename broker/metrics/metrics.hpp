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
  revoked_ended,  // connections of keys that lost their right
  floods_ended,   // connections that sent without ever completing a message
  silent_ended,   // the oldest of too many connections that said nothing
  crowded_ended,  // the oldest of more connections than a key may have
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
  refused_behind,
  refused_reader_busy,
  refused_slow_peer,      // large answers to a peer that does not read what it has
  refused_rate_messages,  // more than a rate of [limits] allows
  refused_rate_bytes,
  refused_rate_requests,
  refused_rate_enrolments,
  refused_other,
  // t-publisher
  subscriptions_refused,
  subscriber_messages,  // user messages on the broadcast socket
  console_dropped,
  commits_unpublished,  // t-publisher was too far behind; clients fetch what they miss
  // t-admin
  admin_requests,
  admin_refused,
  scrapes,  // answers with metrics
  // t-webhooks: requests, by what became of them
  webhook_accepted,         // fsynced
  webhook_again,            // known by their Idempotency-Key: the first answer again
  webhook_refused_token,    // nobody's
  webhook_refused_right,    // not in that room, or disabled
  webhook_refused_rate,     // more than a bot may write
  webhook_refused_request,  // malformed, too large, of a kind that is not taken
  webhook_refused_busy,     // read-only, or a queue is full
  webhook_ended,            // connections that were too slow, or too many
  // t-log
  refused_too_many,  // rooms, members, devices, invites
  refused_by_log,    // rights, references, and what else t-log decides
  // t-log, once durable
  commits,
  entries_committed,
  messages_committed,
  broadcast_bytes,  // of frames_sealed
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
     "revoked_ended",
     "floods_ended",
     "silent_ended",
     "crowded_ended",
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
     "refused_behind",
     "refused_reader_busy",
     "refused_slow_peer",
     "refused_rate_messages",
     "refused_rate_bytes",
     "refused_rate_requests",
     "refused_rate_enrolments",
     "refused_other",
     "subscriptions_refused",
     "subscriber_messages",
     "console_dropped",
     "commits_unpublished",
     "admin_requests",
     "admin_refused",
     "scrapes",
     "webhook_accepted",
     "webhook_again",
     "webhook_refused_token",
     "webhook_refused_right",
     "webhook_refused_rate",
     "webhook_refused_request",
     "webhook_refused_busy",
     "webhook_ended",
     "refused_too_many",
     "refused_by_log",
     "commits",
     "entries_committed",
     "messages_committed",
     "broadcast_bytes"};
static_assert(!count_names.back().empty(), "every counter has a name");

// How long something took, in buckets of fixed upper bounds. One thread observes, any reads: each
// number is right, and all of them together are those of about the same moment.
class Histogram {
 public:
  // Upper bounds in seconds, from a fast disk's fdatasync to one that is given up.
  static constexpr std::array<double, 12> bounds_s{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                   0.01,   0.025,   0.1,    0.5,   2.5,    10};

  void observe_us(std::uint64_t us) {
    std::size_t i = 0;
    while (i < bounds_s.size() && static_cast<double>(us) > bounds_s[i] * 1e6) ++i;
    counts_[i].fetch_add(1, std::memory_order_relaxed);
    sum_us_.fetch_add(us, std::memory_order_relaxed);
  }
  // How many fell into each bucket; the last one is above every bound.
  std::array<std::uint64_t, bounds_s.size() + 1> counts() const {
    std::array<std::uint64_t, bounds_s.size() + 1> out{};
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = counts_[i].load(std::memory_order_relaxed);
    return out;
  }
  std::uint64_t sum_us() const { return sum_us_.load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<std::uint64_t>, bounds_s.size() + 1> counts_{};
  std::atomic<std::uint64_t> sum_us_{0};
};

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
  std::atomic<std::uint64_t> last_commit_ms{0};  // wall clock
  Histogram commit_time;                         // one COMMIT with its fsync, in t-log

 private:
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Count::count_)> counters_{};
};

}  // namespace tertulia::broker
