// tertulia-bench: every figure of the README's table, in one run, beside the machine's own limits.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "common/base/file.hpp"
#include "common/base/log.hpp"
#include "common/crypto/keys.hpp"
#include "tests/bench/crowd.hpp"
#include "tests/bench/enrol.hpp"
#include "tests/bench/physical.hpp"
#include "tests/bench/scenarios.hpp"
#include "tests/bench/start.hpp"
#include "tests/bench/window.hpp"
#include "tests/support/temp_dir.hpp"

using namespace tertulia;
using nlohmann::ordered_json;

namespace {

const std::vector<std::string> kNames{"physical", "acked",  "acked_64x1", "delivery", "unbatched",
                                      "latency",  "memory", "removal",    "rooms",    "crowd",
                                      "lines",    "start",  "enrol",      "window"};

// A figure, printed as soon as it is there.
void say(ordered_json& out, const std::string& name, double value, const std::string& note = {}) {
  out[name] = value;
  fmt::print("{:<32}{:>14.3f}  {}\n", name, value, note);
  std::fflush(stdout);
}

void measure(const bench::Settings& s, const std::function<bool(const std::string&)>& wanted,
             ordered_json& out) {
  if (wanted("physical")) {
    say(out, "fdatasync_ms", bench::fdatasync_ms(s.directory, 200), "4 KiB appended, median");
    say(out, "loopback_rtt_ms", bench::loopback_rtt_ms(5000), "200 B over TCP, median");
  }
  if (wanted("acked")) {
    const auto t = bench::acked(s);
    say(out, "acked_per_s", t.per_s, "one pipelined sender, 200 B, fsynced");
    say(out, "acked_broker_us", t.broker_us, "broker CPU a message");
  }
  if (wanted("acked_64x1")) {
    const auto t = bench::acked_64x1(s);
    say(out, "acked_per_s_64x1", t.per_s, "64 senders, one in flight each");
    say(out, "acked_64x1_broker_us", t.broker_us, "broker CPU a message");
  }
  if (wanted("delivery")) {
    const auto d = bench::delivery(s, true);
    say(out, "delivery_broker_us", d.broker_us, "broker CPU a delivery, 50 subscribers, CURVE");
    say(out, "deliveries_per_s", d.per_s);
    say(out, "delivery_missed", static_cast<double>(d.missed),
        "dropped by broadcast, fetched by real clients");
    say(out, "delivery_engine_missed", static_cast<double>(d.engine_missed), "must be 0");
  }
  if (wanted("unbatched")) {
    const auto d = bench::delivery(s, false);
    say(out, "delivery_broker_us_unbatched", d.broker_us, "one message a commit");
  }
  if (wanted("latency")) {
    const auto l = bench::latency(s);
    say(out, "latency_p50_ms", l.p50_ms, "send to receive, at rest, fsynced");
    say(out, "latency_p99_ms", l.p99_ms);
  }
  if (wanted("memory")) {
    const auto m = bench::memory(s);
    say(out, "idle_rss_mib", m.idle_mib);
    say(out, "conn_kib", m.conn_kib, "a client: both sockets");
  }
  if (wanted("removal")) {
    const auto r = bench::removal_from_a_large_room(s);
    say(out, "removal_2000_ms", r.ms,
        fmt::format(
            "ack {:.1f}, keys {:.1f}, then a message that he cannot open; {} of {} connected, "
            "median",
            r.ack_ms, r.key_ms, r.connected, r.members));
  }
  if (wanted("rooms"))
    say(out, "rooms_50_ms", bench::rooms_50_ms(),
        "engine start to list, heads and read marks of 50 rooms, median");
  if (wanted("lines"))
    say(out, "lines_4000_s", bench::lines_4000_s(), "tertulia-cli send -, rates as shipped");
  if (wanted("crowd")) {
    const auto m = bench::crowd_memory();
    say(out, "room_kib", m.room_kib, "broker memory a room, 4,000 rooms");
    say(out, "member_bytes", m.member_bytes, "broker memory a membership, 40,000");
  }
  if (wanted("start")) {
    const auto t = bench::start_with_entries(s, 1'000'000);
    say(out, "start_1m_ms", t.clean_ms,
        "exec to READY=1, 1,000,000 entries, after a clean stop, median");
    say(out, "start_1m_cold_ms", t.cold_ms, "the same, the database not in the page cache");
    say(out, "start_1m_after_kill_ms", t.killed_ms, "after kill -9 under load");
  }
  if (wanted("enrol")) {
    const auto t = bench::enrol_by_list(s, 500, 32);
    say(out, "enrol_500_s", t.total_s,
        fmt::format("a list of 500, sheet written after {:.1f} s, all enrolled", t.list_s));
  }
  if (wanted("window")) {
    const auto w = bench::window(s.directory, 5);
    if (!w.skipped.empty()) {
      fmt::print("SKIP: window: {}\n", w.skipped);
      out["gui_skipped"] = w.skipped;
    } else {
      say(out, "gui_first_frame_ms", w.first_frame_ms, "20 rooms, 50,000 messages cached, cairo");
      say(out, "gui_rss_mib", w.rss_mib, "after scrolling 1,000 rows");
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Measures Tertulia beside the limits of the machine"};
  std::string json_file;
  std::vector<std::string> only;
  bench::Settings settings;
  app.add_option("--json", json_file, "also write the figures to FILE");
  app.add_option("--only", only,
                 "some of them, with commas: " + fmt::format("{}", fmt::join(kNames, ", ")))
      ->delimiter(',')
      ->check(CLI::IsMember(kNames));
  app.add_option("--seconds", settings.seconds, "length of each throughput run")
      ->check(CLI::Range(0.5, 600.0));
  CLI11_PARSE(app, argc, argv);
  if (std::getenv("TERTULIA_LONG") != nullptr) settings.seconds *= 4;
  try {
    crypto::crypto_start();
    log::set_level(log::Level::warning);  // records that are filled here tell of each act
    test::TempDir directory;
    if (directory.on_tmpfs()) {
      fmt::print(stderr,
                 "{} is in memory (tmpfs): figures with an fsync would mean nothing. Set "
                 "TERTULIA_TEST_DIR to a directory on a disk.\n",
                 directory.path().string());
      return 2;
    }
    settings.directory = directory.path();
    ordered_json out;
    out["commit"] = TERTULIA_COMMIT;
    out["cpu"] = fmt::format("{} x {}", bench::cpu_count(), bench::cpu_name());
    out["file_system"] = file_system_name(directory.path());
    fmt::print("commit {}, {}, {}\n", TERTULIA_COMMIT, out["cpu"].get<std::string>(),
               out["file_system"].get<std::string>());
    const auto wanted = [&](const std::string& name) {
      return only.empty() || std::find(only.begin(), only.end(), name) != only.end();
    };
    measure(settings, wanted, out);
    if (!json_file.empty()) {
      std::ofstream file(json_file);
      file << out.dump(2) << '\n';
      if (!file.flush()) throw std::runtime_error("cannot write " + json_file);
    }
    return 0;
  } catch (const std::exception& fault) {
    fmt::print(stderr, "tertulia-bench: {}\n", fault.what());
    return 1;
  }
}
