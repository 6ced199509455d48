#include "tests/bench/scenarios.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "client/engine/engine.hpp"
#include "common/base/clock.hpp"
#include "common/base/queue.hpp"
#include "tests/bench/load.hpp"
#include "tests/bench/physical.hpp"
#include "tests/support/broker.hpp"

namespace tertulia::bench {

namespace {

constexpr std::size_t kMessageBytes = 200;
constexpr std::size_t kBatch = 64;        // messages a submission
constexpr std::uint64_t kWindow = 64;     // submissions in flight of the pipelined sender
constexpr std::uint64_t kDrainMs = 20'000;

using Peers = std::vector<std::unique_ptr<Peer>>;

// Counts what is acked between start and the end of the run, after a second of warming up.
class Meter {
 public:
  explicit Meter(test::TestBroker& broker) : broker_(broker) {}
  void start(std::uint64_t count) {
    started_us_ = monotonic_us();
    cpu_ = broker_.process().cpu_s();
    count_ = count;
  }
  Throughput stop(std::uint64_t count) const {
    const double seconds = static_cast<double>(monotonic_us() - started_us_) / 1e6;
    const auto done = static_cast<double>(count - count_);
    return {done / seconds, (broker_.process().cpu_s() - cpu_) * 1e6 / done};
  }

 private:
  test::TestBroker& broker_;
  std::uint64_t started_us_ = 0, count_ = 0;
  double cpu_ = 0;
};

Throughput run_senders(const Settings& settings, std::size_t senders, std::uint64_t window,
                       std::size_t batch) {
  test::TestBroker broker;
  Context context;
  Peers peers;
  for (std::size_t i = 0; i < senders; ++i)
    peers.push_back(make_peer(context, broker.invite(fmt::format("sender{}", i))));
  Meter meter(broker);
  const auto total = [&] {
    std::uint64_t sum = 0;
    for (const auto& p : peers) sum += p->acked;
    return sum;
  };
  const auto warm_us = std::uint64_t{1'000'000};
  const auto run_us = static_cast<std::uint64_t>(settings.seconds * 1e6);
  const std::uint64_t began = monotonic_us();
  bool warm = false;
  while (monotonic_us() - began < warm_us + run_us) {
    if (!warm && monotonic_us() - began >= warm_us) {
      warm = true;
      meter.start(total());
    }
    bool any = false;
    for (auto& p : peers) {
      any = take_acks(*p, batch) || any;
      while (p->in_flight < window) send_submission(*p, batch, kMessageBytes);
    }
    if (!any) wait_readable(peers, 100);
  }
  return meter.stop(total());
}

// A full client in this process that counts what it would show.
class Watcher {
 public:
  Watcher(test::TestBroker& broker, const std::string& name, const std::filesystem::path& profile)
      : queue_(1), engine_(options(profile)) {
    engine_.start();
    engine_.enrol(broker.invite(name), "");
    wait([this] { return caught_up_; });
  }
  template <class Condition>
  bool wait(Condition condition, std::uint64_t ms = kDrainMs) {
    const std::uint64_t began = monotonic_ms();
    take();
    while (!condition()) {
      if (monotonic_ms() - began > ms) return false;
      (void)queue_.wait(100);
      std::vector<int> nothing;
      queue_.take_all(nothing);
      take();
    }
    return true;
  }
  void take() {
    engine_.take_events(events_);
    for (const auto& event : events_) {
      if (std::holds_alternative<client::CaughtUp>(event)) caught_up_ = true;
      if (const auto* done = std::get_if<client::EnrolFinished>(&event); done && !done->ok)
        throw std::runtime_error("engine not enrolled: " + done->reason);
      if (const auto* came = std::get_if<client::MessagesArrived>(&event)) seen_ += came->messages.size();
    }
  }
  bool ready() const { return caught_up_; }
  std::uint64_t seen() const { return seen_; }

 private:
  client::EngineOptions options(const std::filesystem::path& profile) {
    client::EngineOptions out;
    out.profile = profile;
    out.wake = [this] { queue_.wake(); };
    out.follow = client::Follow::from_now;  // every message, also those that were fetched
    return out;
  }
  Queue<int> queue_;  // only for its eventfd
  client::Engine engine_;
  std::vector<client::Event> events_;
  bool caught_up_ = false;
  std::uint64_t seen_ = 0;
};

// Sends until every subscriber has had a frame: then all subscriptions are known to the broker.
std::uint64_t settle(Peer& publisher, Peers& subscribers, std::map<std::uint64_t, std::uint64_t>& counts) {
  const std::uint64_t began = monotonic_ms();
  std::uint64_t sent = 0;
  for (;;) {
    bool all = true;
    for (auto& s : subscribers) {
      take_frames(*s, counts);
      all = all && s->frames > 0;
    }
    take_acks(publisher, 1);
    if (all && publisher.in_flight == 0) return sent;
    if (monotonic_ms() - began > kDrainMs) throw std::runtime_error("subscribers hear nothing");
    if (publisher.in_flight == 0) send_submission(publisher, 1, kMessageBytes), ++sent;
    Peers none;
    std::vector<bool> readable;
    test::poll_readable({publisher.commands->get()}, readable, 20);
  }
}

}  // namespace

Throughput acked(const Settings& settings) { return run_senders(settings, 1, kWindow, kBatch); }
Throughput acked_64x1(const Settings& settings) { return run_senders(settings, 64, 1, 1); }

Delivery delivery(const Settings& settings, bool batched) {
  constexpr std::size_t kRaw = 48, kEngines = 2;
  const std::uint64_t window = batched ? 4 : 1;
  const std::size_t batch = batched ? kBatch : 1;
  test::TestBroker broker;
  Context context;
  auto publisher = make_peer(context, broker.invite("publisher"));
  Peers subscribers;
  for (std::size_t i = 0; i < kRaw; ++i) {
    subscribers.push_back(make_peer(context, broker.invite(fmt::format("reader{}", i))));
    subscribe(context, *subscribers.back());
  }
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (std::size_t i = 0; i < kEngines; ++i)
    watchers.push_back(std::make_unique<Watcher>(broker, fmt::format("watcher{}", i),
                                                 broker.data() / fmt::format("watcher{}", i)));
  for (const auto& w : watchers)
    if (!w->ready()) throw std::runtime_error("an engine did not catch up");
  std::map<std::uint64_t, std::uint64_t> counts;
  settle(*publisher, subscribers, counts);
  for (auto& w : watchers) w->wait([&] { return w->seen() >= publisher->acked; });

  const std::uint64_t before = publisher->acked;
  std::uint64_t watched_before = 0;
  for (auto& s : subscribers) s->gaps = 0;
  for (auto& w : watchers) watched_before += w->seen();
  const double cpu = broker.process().cpu_s();
  const std::uint64_t began = monotonic_us();
  const auto run_us = static_cast<std::uint64_t>(settings.seconds * 1e6);
  std::vector<void*> waiting{publisher->commands->get(), subscribers[0]->broadcast->get()};
  std::vector<bool> readable;
  while (monotonic_us() - began < run_us) {
    bool any = take_acks(*publisher, batch);
    while (publisher->in_flight < window) send_submission(*publisher, batch, kMessageBytes), any = true;
    for (auto& s : subscribers) any = take_frames(*s, counts) || any;
    for (auto& w : watchers) w->take();
    if (!any) test::poll_readable(waiting, readable, 100);
  }
  // All that was sent is let through before the CPU is read: what is counted was paid for.
  const std::uint64_t drain = monotonic_ms();
  std::uint64_t behind = 1;
  while (monotonic_ms() - drain < kDrainMs && (publisher->in_flight > 0 || behind > 0)) {
    bool any = take_acks(*publisher, batch);
    behind = 0;
    for (auto& s : subscribers) {
      any = take_frames(*s, counts) || any;
      if (s->last_room_seq < publisher->acked) ++behind;
    }
    if (!any) test::poll_readable(waiting, readable, 20);
  }
  const std::uint64_t sent = publisher->acked - before;
  Delivery out;
  for (auto& w : watchers) {
    w->wait([&] { return w->seen() >= publisher->acked; });
    out.engine_missed += w->seen() < publisher->acked ? publisher->acked - w->seen() : 0;
  }
  const double seconds = static_cast<double>(monotonic_us() - began) / 1e6;
  const double used = broker.process().cpu_s() - cpu;
  for (const auto& s : subscribers)
    out.missed += s->gaps + (publisher->acked > s->last_room_seq ? publisher->acked - s->last_room_seq : 0);
  const auto deliveries = static_cast<double>(sent * (kRaw + kEngines) - out.missed);
  out.broker_us = used * 1e6 / deliveries;
  out.per_s = deliveries / seconds;
  return out;
}

Latency latency(const Settings& settings) {
  test::TestBroker broker;
  Context context;
  auto sender = make_peer(context, broker.invite("sender"));
  Peers readers;
  readers.push_back(make_peer(context, broker.invite("reader")));
  subscribe(context, *readers[0]);
  std::map<std::uint64_t, std::uint64_t> counts;
  settle(*sender, readers, counts);
  Peer& reader = *readers[0];
  std::vector<double> samples;
  std::vector<bool> readable;
  for (int i = 0; i < settings.latency_rounds; ++i) {
    const std::uint64_t frames = reader.frames;
    const std::uint64_t started = monotonic_us();
    send_submission(*sender, 1, kMessageBytes);
    while (reader.frames == frames) {
      test::poll_readable({reader.broadcast->get()}, readable, 1000);
      take_frames(reader, counts);
      if (monotonic_us() - started > kDrainMs * 1000) throw std::runtime_error("a message never came");
    }
    samples.push_back(static_cast<double>(monotonic_us() - started) / 1000.0);
    while (sender->in_flight > 0) {
      test::poll_readable({sender->commands->get()}, readable, 1000);
      take_acks(*sender, 1);
    }
  }
  return {quantile(samples, 0.5), quantile(samples, 0.99)};
}

Memory memory(const Settings& settings) {
  test::TestBroker broker;
  Memory out;
  out.idle_mib = static_cast<double>(broker.process().rss_kib()) / 1024.0;
  Context context;
  Peers first, many;
  first.push_back(enrol_peer(context, broker.invite("first")));
  for (int i = 0; i < settings.connections; ++i)
    many.push_back(enrol_peer(context, broker.invite(fmt::format("user{}", i))));
  // Started again: what enrolling has cost is no connection's.
  if (broker.stop() != 0) throw std::runtime_error("the broker did not end cleanly");
  broker.start();
  std::map<std::uint64_t, std::uint64_t> counts;
  const auto join = [&](Peer& peer) {
    connect_peer(context, peer);
    subscribe(context, peer);
  };
  // One before the others: what the first client brings in (pages of code, pools) is no client's.
  join(*first[0]);
  settle(*first[0], first, counts);
  const std::size_t before = broker.process().rss_kib();
  for (auto& peer : many) join(*peer);
  settle(*first[0], many, counts);
  out.conn_kib = static_cast<double>(broker.process().rss_kib() - before) / settings.connections;
  if (broker.stop() != 0) throw std::runtime_error("the broker did not end cleanly");
  return out;
}

}  // namespace tertulia::bench
