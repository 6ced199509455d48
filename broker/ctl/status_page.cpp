#include "broker/ctl/status_page.hpp"

#include <fmt/format.h>

#include <array>

namespace tertulia::ctl {

namespace {
using nlohmann::json;
using Tone = PageLine::Tone;

constexpr std::size_t kLabelColumns = 13;

std::uint64_t number(const json& of, const char* key) { return of.value(key, std::uint64_t{0}); }
std::uint64_t counter(const json& of, const char* key) {
  return of.is_null() ? 0 : number(of.value("counters", json::object()), key);
}

std::string time_text(double s) {
  if (s < 0) return "–";
  if (s < 0.001) return fmt::format("{:.0f} µs", s * 1e6);
  if (s < 1) return fmt::format("{:.1f} ms", s * 1e3);
  return fmt::format("{:.1f} s", s);
}

// In characters, so that a page of a narrow terminal keeps its lines; "…" in the last column says
// that something is missing.
std::string cut(const std::string& text, std::size_t columns) {
  std::size_t shown = 0, last_column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) == 0x80) continue;
    if (++shown == columns) last_column = i;
    if (shown > columns) return text.substr(0, last_column) + "…";
  }
  return text;
}

// Without the milliseconds, which nobody reads here.
std::string to_the_second(const std::string& rfc3339_utc) {
  return rfc3339_utc.empty() ? rfc3339_utc : rfc3339_utc.substr(0, 19) + "Z";
}

class Page {
 public:
  explicit Page(std::size_t columns) : columns_(columns) {}
  void row(const std::string& label, const std::string& text, Tone tone = Tone::plain) {
    add(fmt::format("  {:<{}}{}", label, kLabelColumns, text), tone);
  }
  void add(const std::string& text, Tone tone = Tone::plain) {
    lines_.push_back({tone, cut(text, columns_)});
  }
  // A sentence, over as many lines as it takes.
  void wrapped(const std::string& label, std::string text, Tone tone) {
    const std::size_t room = columns_ > kLabelColumns + 22 ? columns_ - kLabelColumns - 2 : 20;
    std::string first = label;
    while (!text.empty()) {
      std::size_t end = text.size();
      if (end > room) {
        end = text.rfind(' ', room);
        if (end == text.npos || end == 0) end = room;
      }
      row(first, text.substr(0, end), tone);
      text.erase(0, std::min(text.size(), end + 1));
      first.clear();
    }
  }
  std::vector<PageLine> lines() && { return std::move(lines_); }

 private:
  const std::size_t columns_;
  std::vector<PageLine> lines_;
};

// What the counters say in words; the order is that of the page.
struct Reason {
  const char* counter;
  const char* words;
};
constexpr std::array kReasons{
    Reason{"handshakes_refused_key", "handshakes with an unknown key"},
    Reason{"handshakes_refused_full", "handshakes above max_connections"},
    Reason{"handshakes_refused_malformed", "malformed handshakes"},
    Reason{"revoked_ended", "connections of revoked devices and disabled users"},
    Reason{"floods_ended", "connections that only sent garbage"},
    Reason{"silent_ended", "connections that said nothing"},
    Reason{"crowded_ended", "connections above what a key may have"},
    Reason{"refused_busy", "frames told to wait: workers busy"},
    Reason{"refused_log_busy", "frames told to wait: log busy"},
    Reason{"refused_behind", "frames told to wait: one sent before them waits"},
    Reason{"refused_reader_busy", "requests told to wait: readers busy"},
    Reason{"refused_slow_peer", "requests of clients that read slowly"},
    Reason{"refused_rate_messages", "frames told to wait: messages above the rate"},
    Reason{"refused_rate_bytes", "frames told to wait: bytes above the rate"},
    Reason{"refused_rate_requests", "requests told to wait: above the rate"},
    Reason{"refused_rate_enrolments", "enrolments told to wait: above the rate"},
    Reason{"webhook_refused_token", "webhook requests with a wrong token"},
    Reason{"webhook_refused_right", "webhook requests for a room that is not theirs"},
    Reason{"webhook_refused_rate", "webhook requests told to wait: above the rate"},
    Reason{"webhook_refused_request", "webhook requests that were wrong"},
    Reason{"webhook_refused_busy", "webhook requests told to wait: server busy"},
    Reason{"webhook_ended", "webhook connections that were too slow"},
    Reason{"refused_too_many", "acts above a limit"},
    Reason{"refused_by_log", "entries that the log refused"},
    Reason{"refused_stale_key", "frames under an old room key"},
    Reason{"refused_not_a_member", "frames of non-members"},
    Reason{"refused_not_allowed", "requests without the right"},
    Reason{"refused_bad_signature", "wrong signatures"},
    Reason{"refused_bad_commitment", "wrong commitments"},
    Reason{"refused_bad_body", "malformed messages"},
    Reason{"refused_too_big", "messages that were too big"},
    Reason{"refused_bad_frame", "malformed frames"},
    Reason{"refused_bad_request", "malformed requests"},
    Reason{"refused_multipart", "multipart frames"},
    Reason{"refused_short", "frames that were too short"},
    Reason{"refused_no_identity", "frames without an identity"},
    Reason{"refused_wrong_server", "submissions for another server"},
    Reason{"refused_other", "refused for other reasons"},
    Reason{"subscriptions_refused", "subscriptions without the right"},
    Reason{"subscriber_messages", "messages on the broadcast port"},
    Reason{"dropped_peer_full", "answers dropped: client does not read"},
    Reason{"commits_unpublished", "commits not published: publisher behind"},
    Reason{"console_dropped", "console lines dropped"},
    Reason{"admin_refused", "administrator's requests refused"},
};
}  // namespace

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

double quantile_s(const json& now, const json& before, double part) {
  const auto bounds = now.value("bounds_s", std::vector<double>{});
  auto counts = now.value("counts", std::vector<std::uint64_t>{});
  if (!before.is_null()) {
    const auto old = before.value("counts", std::vector<std::uint64_t>{});
    // A broker that was started anew begins at 0
    for (std::size_t i = 0; i < counts.size() && i < old.size(); ++i)
      counts[i] = counts[i] >= old[i] ? counts[i] - old[i] : counts[i];
  }
  double total = 0;
  for (const auto n : counts) total += static_cast<double>(n);
  if (total == 0 || bounds.size() + 1 != counts.size()) return -1;
  const double wanted = part * total;
  double so_far = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const double n = static_cast<double>(counts[i]);
    const double low = i == 0 ? 0 : bounds[i - 1];
    if (n > 0 && so_far + n >= wanted) return low + (bounds[i] - low) * (wanted - so_far) / n;
    so_far += n;
  }
  return bounds.back();
}

std::vector<PageLine> status_page(const json& now, const json& before, double seconds,
                                  std::size_t columns) {
  Page page(columns);
  const auto per_second = [&](const char* key) {
    const auto a = counter(before, key), b = counter(now, key);
    return b < a || seconds <= 0 ? 0.0 : static_cast<double>(b - a) / seconds;
  };
  page.add(fmt::format("{}  ·  tertuliad {}, process {}, since {}", now.value("server", ""),
                       now.value("version", ""), number(now, "pid"),
                       to_the_second(now.value("started", ""))),
           Tone::title);
  if (now.value("read_only", false))
    page.wrapped("READ-ONLY", now.value("read_only_reason", ""), Tone::warning);
  const json health = now.value("health", json::array());
  for (const auto& w : health) page.wrapped("WARNING", w.value("text", ""), Tone::warning);
  if (health.empty() && !now.value("read_only", false)) page.row("health", "good", Tone::good);

  page.row("clients",
           fmt::format("{} of {} (broadcast: {})", grouped(number(now, "connections_commands")),
                       grouped(number(now, "connections_max")),
                       grouped(number(now, "connections_broadcast"))));
  std::string messages =
      fmt::format("{} since the start", grouped(counter(now, "messages_committed")));
  if (!before.is_null())
    messages = fmt::format("{:.1f}/s, {}", per_second("messages_committed"), messages);
  page.row("messages", messages);
  const json time = now.value("commit_time", json::object());
  const json earlier = before.is_null() ? json() : before.value("commit_time", json());
  page.row("commit", fmt::format("p50 {}, p99 {}{}", time_text(quantile_s(time, earlier, 0.5)),
                                 time_text(quantile_s(time, earlier, 0.99)),
                                 before.is_null() ? " since the start" : ""));
  page.row("log", fmt::format("{} entries, {} and {} of WAL", grouped(number(now, "log_size")),
                              size_text(number(now, "database_bytes")),
                              size_text(number(now, "wal_bytes"))));
  const std::string last = now.value("last_commit", "");
  page.row("checkpoint", fmt::format("size {}{}", grouped(number(now, "log_size")),
                                     last.empty() ? "" : ", " + to_the_second(last)));
  page.row("disk", fmt::format("{} free of {}", size_text(number(now, "disk_free_bytes")),
                               size_text(number(now, "disk_bytes"))));
  std::string queues;
  const json waiting = now.value("queues", json::object());
  for (const char* thread : {"gateway", "worker", "log", "reader", "publisher"})
    queues += fmt::format("{}{} {}", queues.empty() ? "" : ", ", thread,
                          grouped(number(waiting, thread)));
  page.row("queues", queues);
  const auto counted = [&](const char* key, const char* what) {
    const auto n = number(now, key);
    return fmt::format("{} {}{}", grouped(n), what, n == 1 ? "" : "s");
  };
  page.row("people", fmt::format("{}, {}, {}", counted("users", "user"),
                                 counted("devices", "device"), counted("rooms", "room")));
  page.row("process",
           fmt::format("{} resident, {} of {} files open", size_text(number(now, "rss_bytes")),
                       grouped(number(now, "open_files")), grouped(number(now, "open_files_max"))));
  page.row("listens",
           fmt::format("{} and {}", now.value("commands", ""), now.value("broadcast", "")));
  page.row("data", now.value("data_dir", ""));
  page.row("fingerprint", now.value("fingerprint", ""));
  bool first = true;
  for (const Reason& r : kReasons)
    if (const auto n = counter(now, r.counter); n > 0) {
      const double rate = before.is_null() ? 0 : per_second(r.counter);
      page.row(first ? "refused" : "",
               fmt::format("{:>9} {}{}", grouped(n), r.words,
                           rate > 0 ? fmt::format(" ({:.1f}/s)", rate) : std::string()));
      first = false;
    }
  if (first) page.row("refused", "nothing");
  return std::move(page).lines();
}

}  // namespace tertulia::ctl
