#include "tests/bench/start.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "broker/identity/identity.hpp"
#include "broker/log/log.hpp"
#include "common/base/clock.hpp"
#include "common/base/uuid7.hpp"
#include "tests/bench/load.hpp"
#include "tests/support/broker.hpp"
#include "tests/support/service_manager.hpp"

namespace tertulia::bench {

namespace {

constexpr std::size_t kUsers = 50;
constexpr std::size_t kMessageBytes = 200;
constexpr std::size_t kBatch = 4096;              // entries a transaction while filling
constexpr std::uint64_t kWalBytesMax = 64 << 20;  // while filling
constexpr int kStarts = 9;
constexpr std::uint64_t kReadyMs = 120'000;
constexpr std::uint64_t kLoadUs = 2'000'000;  // before a kill
constexpr std::uint64_t kWindow = 64;         // submissions in flight at the kill

using Peers = std::vector<std::unique_ptr<Peer>>;

broker::Append entry_of(Peer& peer, const std::vector<std::string>& text) {
  test::Draft d = peer.device.draft(peer.room, text);
  peer.device.sign(d);
  broker::SubmissionAppend a;
  a.asker = {{}, random_request_id(), peer.device.keys.curve.public_key()};
  a.submission = std::move(d.submission);
  a.submission_bytes = std::move(d.bytes);
  a.signature = d.signature;
  record::Body body;
  body.salt = d.salts[0];
  body.bytes = std::move(d.bodies[0]);
  a.bodies.push_back(std::move(body));
  return a;
}

void fill(const test::TestBroker& broker, Peers& peers, std::uint64_t entries) {
  const broker::DataDirectory data(broker.data(), broker::DataDirectory::Mode::serve);
  broker::LogOptions options;
  options.database = data.database();
  options.server_name = broker.options.server_name;
  broker::DirectoryCell directory;
  broker::Log log(options, data.keys(), directory);
  const std::vector<std::string> text{std::string(kMessageBytes, 'm')};
  std::vector<broker::Append> batch;
  while (log.size() < entries) {
    const std::uint64_t before = log.size();
    batch.clear();
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(kBatch, entries - before); ++i)
      batch.push_back(entry_of(*peers[i % peers.size()], text));
    const std::size_t count = batch.size();
    log.append(std::move(batch));
    if (log.size() != before + count) throw std::runtime_error("the log refused entries");
    if (log.wal_bytes() > kWalBytesMax) log.idle();
  }
  log.close();
}

void forget_pages_of(const std::filesystem::path& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw_errno(file.string());
  if (::fsync(fd.get()) != 0) throw_errno(file.string());
  if (const int code = ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED); code != 0) {
    errno = code;
    throw_errno(file.string());
  }
}

// Exec to READY=1, in ms; the broker serves then.
double start_ms(test::TestBroker& broker, test::Process& process, int number) {
  test::ServiceManager manager(broker.dir() / fmt::format("notify{}", number));
  broker.options.env = manager.env();
  const std::uint64_t began = monotonic_us();
  process = broker.launch("start");
  if (!manager.hears("READY=1", kReadyMs))
    throw std::runtime_error("tertuliad does not serve:\n" + process.err());
  return static_cast<double>(monotonic_us() - began) / 1000;
}

double median(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

// The median of several starts, each after `before` and ended by `end`.
double median_start(test::TestBroker& broker, const std::function<void()>& before,
                    const std::function<void(test::Process&)>& end) {
  static int number = 0;
  std::vector<double> all;
  for (int i = 0; i < kStarts; ++i) {
    before();
    test::Process process;
    all.push_back(start_ms(broker, process, ++number));
    end(process);
  }
  return median(all);
}

void stop(test::Process& process) {
  if (process.terminate(kReadyMs) != 0) throw std::runtime_error("the broker did not end cleanly");
}

// One sender with submissions in flight until the end.
void kill_under_load(Context& context, Peer& peer, test::Process& process) {
  connect_peer(context, peer);
  peer.in_flight = 0;
  const std::uint64_t began = monotonic_us();
  while (monotonic_us() - began < kLoadUs) {
    take_acks(peer, 1);
    while (peer.in_flight < kWindow) send_submission(peer, 1, kMessageBytes);
    std::vector<bool> readable;
    test::poll_readable({peer.commands->get()}, readable, 100);
  }
  process.kill9();
  peer.commands.reset();
}

}  // namespace

Start start_with_entries(const Settings&, std::uint64_t entries) {
  test::TestBroker broker;
  Context context;
  Peers peers;
  for (std::size_t i = 0; i < kUsers; ++i) {
    peers.push_back(make_peer(context, broker.invite(fmt::format("user{}", i))));
    peers.back()->commands.reset();
  }
  if (broker.stop() != 0) throw std::runtime_error("the broker did not end cleanly");
  fill(broker, peers, entries);
  Start out;
  const auto nothing = [] {};
  out.clean_ms = median_start(broker, nothing, stop);
  out.cold_ms = median_start(
      broker, [&] { forget_pages_of(broker.database()); }, stop);
  // The first of these finds no WAL; the median is of those that do.
  out.killed_ms = median_start(broker, nothing, [&](test::Process& process) {
    kill_under_load(context, *peers[0], process);
  });
  return out;
}

}  // namespace tertulia::bench
