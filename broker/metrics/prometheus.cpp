#include "broker/metrics/prometheus.hpp"

#include <prometheus/text_serializer.h>

#include <string_view>

namespace tertulia::broker {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// How a counter is named: one family may hold several counters, told apart by a label.
struct Named {
  Count count;
  std::string_view family;
  std::string_view label;  // empty: none
  std::string_view value;
};
struct Help {
  std::string_view family;
  std::string_view help;
};

constexpr Help kHelp[] = {
    {"tertulia_frames_received_total", "Frames taken from the command socket."},
    {"tertulia_frames_sent_total", "Frames given to the command socket."},
    {"tertulia_submissions_total", "Submissions that workers handed to the log."},
    {"tertulia_requests_total", "Requests other than submissions."},
    {"tertulia_pages_total", "Pages of history and proofs that readers answered with."},
    {"tertulia_commits_total", "Transactions of the log, each with one fsync."},
    {"tertulia_entries_total", "Entries committed to the log."},
    {"tertulia_messages_total", "Messages committed to the log."},
    {"tertulia_broadcast_frames_total", "Frames sealed and published."},
    {"tertulia_broadcast_bytes_total",
     "Bytes of the frames that were published, each counted once."},
    {"tertulia_deliveries_total", "Published frames times the subscribers of their room."},
    {"tertulia_handshakes_total", "Handshakes, by what became of them."},
    {"tertulia_subscriptions_total", "Subscriptions, by what became of them."},
    {"tertulia_webhook_requests_total", "Requests of webhooks, by what became of them."},
    {"tertulia_connections_ended_total", "Connections that the broker ended, by reason."},
    {"tertulia_refused_total", "Frames and requests that were refused, by reason."},
    {"tertulia_dropped_total", "Answers and commits that could not be handed on, by reason."},
    {"tertulia_admin_requests_total", "Requests on the admin socket, by what became of them."},
    {"tertulia_scrapes_total", "Answers with these metrics."},
    {"tertulia_console_lines_total", "Lines for the console, by what became of them."},
};

constexpr Named kNamed[] = {
    {Count::frames_in, "tertulia_frames_received_total", "", ""},
    {Count::frames_out, "tertulia_frames_sent_total", "", ""},
    {Count::submissions, "tertulia_submissions_total", "", ""},
    {Count::requests, "tertulia_requests_total", "", ""},
    {Count::pages, "tertulia_pages_total", "", ""},
    {Count::commits, "tertulia_commits_total", "", ""},
    {Count::entries_committed, "tertulia_entries_total", "", ""},
    {Count::messages_committed, "tertulia_messages_total", "", ""},
    {Count::frames_sealed, "tertulia_broadcast_frames_total", "", ""},
    {Count::broadcast_bytes, "tertulia_broadcast_bytes_total", "", ""},
    {Count::deliveries, "tertulia_deliveries_total", "", ""},
    {Count::handshakes_accepted, "tertulia_handshakes_total", "result", "accepted"},
    {Count::handshakes_refused_key, "tertulia_handshakes_total", "result", "unknown_key"},
    {Count::handshakes_refused_full, "tertulia_handshakes_total", "result", "full"},
    {Count::handshakes_refused_malformed, "tertulia_handshakes_total", "result", "malformed"},
    {Count::webhook_accepted, "tertulia_webhook_requests_total", "result", "accepted"},
    {Count::webhook_again, "tertulia_webhook_requests_total", "result", "again"},
    {Count::webhook_refused_token, "tertulia_webhook_requests_total", "result", "token"},
    {Count::webhook_refused_right, "tertulia_webhook_requests_total", "result", "right"},
    {Count::webhook_refused_rate, "tertulia_webhook_requests_total", "result", "rate"},
    {Count::webhook_refused_request, "tertulia_webhook_requests_total", "result", "request"},
    {Count::webhook_refused_busy, "tertulia_webhook_requests_total", "result", "busy"},
    {Count::webhook_ended, "tertulia_webhook_requests_total", "result", "ended"},
    {Count::subscriptions, "tertulia_subscriptions_total", "result", "accepted"},
    {Count::subscriptions_refused, "tertulia_subscriptions_total", "result", "refused"},
    {Count::revoked_ended, "tertulia_connections_ended_total", "reason", "revoked"},
    {Count::floods_ended, "tertulia_connections_ended_total", "reason", "flood"},
    {Count::silent_ended, "tertulia_connections_ended_total", "reason", "silent"},
    {Count::crowded_ended, "tertulia_connections_ended_total", "reason", "crowded"},
    {Count::subscriber_messages, "tertulia_connections_ended_total", "reason",
     "subscriber_message"},
    {Count::refused_multipart, "tertulia_refused_total", "reason", "multipart"},
    {Count::refused_no_identity, "tertulia_refused_total", "reason", "no_identity"},
    {Count::refused_short, "tertulia_refused_total", "reason", "short"},
    {Count::refused_busy, "tertulia_refused_total", "reason", "busy"},
    {Count::refused_bad_frame, "tertulia_refused_total", "reason", "bad_frame"},
    {Count::refused_bad_request, "tertulia_refused_total", "reason", "bad_request"},
    {Count::refused_not_allowed, "tertulia_refused_total", "reason", "not_allowed"},
    {Count::refused_stale_key, "tertulia_refused_total", "reason", "stale_key"},
    {Count::refused_not_a_member, "tertulia_refused_total", "reason", "not_a_member"},
    {Count::refused_bad_signature, "tertulia_refused_total", "reason", "bad_signature"},
    {Count::refused_bad_commitment, "tertulia_refused_total", "reason", "bad_commitment"},
    {Count::refused_bad_body, "tertulia_refused_total", "reason", "bad_body"},
    {Count::refused_too_big, "tertulia_refused_total", "reason", "too_big"},
    {Count::refused_wrong_server, "tertulia_refused_total", "reason", "wrong_server"},
    {Count::refused_log_busy, "tertulia_refused_total", "reason", "log_busy"},
    {Count::refused_behind, "tertulia_refused_total", "reason", "behind"},
    {Count::refused_reader_busy, "tertulia_refused_total", "reason", "reader_busy"},
    {Count::refused_slow_peer, "tertulia_refused_total", "reason", "slow_peer"},
    {Count::refused_rate_messages, "tertulia_refused_total", "reason", "rate_messages"},
    {Count::refused_rate_bytes, "tertulia_refused_total", "reason", "rate_bytes"},
    {Count::refused_rate_requests, "tertulia_refused_total", "reason", "rate_requests"},
    {Count::refused_rate_enrolments, "tertulia_refused_total", "reason", "rate_enrolments"},
    {Count::refused_too_many, "tertulia_refused_total", "reason", "too_many"},
    {Count::refused_by_log, "tertulia_refused_total", "reason", "by_log"},
    {Count::refused_other, "tertulia_refused_total", "reason", "other"},
    {Count::dropped_peer_gone, "tertulia_dropped_total", "reason", "peer_gone"},
    {Count::dropped_peer_full, "tertulia_dropped_total", "reason", "peer_full"},
    {Count::commits_unpublished, "tertulia_dropped_total", "reason", "commit_unpublished"},
    {Count::admin_requests, "tertulia_admin_requests_total", "result", "taken"},
    {Count::admin_refused, "tertulia_admin_requests_total", "result", "refused"},
    {Count::scrapes, "tertulia_scrapes_total", "", ""},
    {Count::console_lines, "tertulia_console_lines_total", "result", "shown"},
    {Count::console_dropped, "tertulia_console_lines_total", "result", "dropped"},
};
// batches is told as commits.
static_assert(std::size(kNamed) + 1 == count_names.size(), "every counter has its metric");

class Exposition {
 public:
  void counters(const Metrics& metrics) {
    for (const Help& h : kHelp) {
      MetricFamily& f = family(h.family, h.help, MetricType::Counter);
      for (const Named& n : kNamed)
        if (n.family == h.family) {
          ClientMetric m;
          if (!n.label.empty()) m.label.push_back({std::string(n.label), std::string(n.value)});
          m.counter.value = static_cast<double>(metrics.get(n.count));
          f.metric.push_back(std::move(m));
        }
    }
  }
  void gauge(std::string_view name, std::string_view help, double value) {
    labelled(family(name, help, MetricType::Gauge), {}, {}, value);
  }
  void labelled(MetricFamily& f, std::string_view label, std::string_view value, double number) {
    ClientMetric m;
    if (!label.empty()) m.label.push_back({std::string(label), std::string(value)});
    m.gauge.value = number;
    f.metric.push_back(std::move(m));
  }
  void counter(std::string_view name, std::string_view help, double value) {
    ClientMetric m;
    m.counter.value = value;
    family(name, help, MetricType::Counter).metric.push_back(std::move(m));
  }
  void histogram(std::string_view name, std::string_view help, const Histogram& h) {
    ClientMetric m;
    const auto counts = h.counts();
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      so_far += counts[i];
      const double bound = i < Histogram::bounds_s.size() ? Histogram::bounds_s[i]
                                                          : std::numeric_limits<double>::infinity();
      m.histogram.bucket.push_back({so_far, bound});
    }
    m.histogram.sample_count = so_far;
    m.histogram.sample_sum = static_cast<double>(h.sum_us()) / 1e6;
    family(name, help, MetricType::Histogram).metric.push_back(std::move(m));
  }
  MetricFamily& family(std::string_view name, std::string_view help, MetricType type) {
    MetricFamily f;
    f.name = name;
    f.help = help;
    f.type = type;
    return families_.emplace_back(std::move(f));
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  std::vector<MetricFamily> families_;
};

double number(std::uint64_t n) { return static_cast<double>(n); }

}  // namespace

std::string prometheus_text(const Metrics& metrics, const Vitals& v,
                            const std::vector<HealthGauge>& health, const std::string& version) {
  Exposition e;
  e.labelled(
      e.family("tertulia_build_info", "Always 1; the version is a label.", MetricType::Gauge),
      "version", version, 1);
  {
    auto& f = e.family("tertulia_connections", "Open connections.", MetricType::Gauge);
    e.labelled(f, "socket", "commands", number(v.connections_commands));
    e.labelled(f, "socket", "broadcast", number(v.connections_broadcast));
  }
  e.gauge("tertulia_connections_limit", "Clients that may be connected at once.",
          number(v.connections_max));
  e.gauge("tertulia_users", "Users.", number(v.users));
  e.gauge("tertulia_devices", "Devices, revoked ones too.", number(v.devices));
  e.gauge("tertulia_rooms", "Rooms.", number(v.rooms));
  e.gauge("tertulia_log_entries", "Entries in the log, which is the size of its newest checkpoint.",
          number(v.log_entries));
  e.gauge("tertulia_log_bytes", "Size of the log's database.", number(v.database_bytes));
  e.gauge("tertulia_log_wal_bytes",
          "Committed, and not yet carried from the WAL into the database.", number(v.wal_bytes));
  e.gauge("tertulia_log_read_only", "1 while nothing can be written.", v.read_only ? 1 : 0);
  e.gauge("tertulia_last_commit_timestamp_seconds", "When the log was last written; 0: not yet.",
          number(v.last_commit_ms) / 1000);
  e.histogram("tertulia_commit_duration_seconds", "How long a commit with its fsync takes.",
              metrics.commit_time);
  {
    auto& f = e.family("tertulia_queue_length", "What waits in front of each kind of thread.",
                       MetricType::Gauge);
    e.labelled(f, "thread", "gateway", number(v.queue_gateway));
    e.labelled(f, "thread", "worker", number(v.queue_workers));
    e.labelled(f, "thread", "log", number(v.queue_log));
    e.labelled(f, "thread", "reader", number(v.queue_readers));
    e.labelled(f, "thread", "publisher", number(v.queue_publisher));
  }
  e.gauge("tertulia_disk_free_bytes", "Free on the disk that holds the log.",
          number(v.disk_free_bytes));
  e.gauge("tertulia_disk_size_bytes", "Size of the disk that holds the log.", number(v.disk_bytes));
  {
    auto& f =
        e.family("tertulia_health_warning", "1 while a condition is warned of.", MetricType::Gauge);
    for (const auto& h : health) e.labelled(f, "condition", h.condition, h.warns ? 1 : 0);
  }
  e.counters(metrics);
  e.counter("process_cpu_seconds_total", "CPU time, user and system.", v.cpu_s);
  e.gauge("process_resident_memory_bytes", "Resident memory.", number(v.resident_bytes));
  e.gauge("process_open_fds", "Open file descriptors.", number(v.open_files));
  e.gauge("process_max_fds", "File descriptors that may be open.", number(v.open_files_max));
  e.gauge("process_start_time_seconds", "When the broker started.", number(v.started_ms) / 1000);
  return e.text();
}

}  // namespace tertulia::broker
