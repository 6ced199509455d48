#include "broker/server/server.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "broker/admin/admin.hpp"
#include "broker/auth/auth.hpp"
#include "broker/gateway/gateway.hpp"
#include "broker/identity/identity.hpp"
#include "broker/log/log_thread.hpp"
#include "broker/publisher/console.hpp"
#include "broker/publisher/publisher.hpp"
#include "broker/reader/reader.hpp"
#include "broker/server/limits.hpp"
#include "broker/server/notify.hpp"
#include "broker/worker/worker.hpp"
#include "common/base/clock.hpp"
#include "common/wire/frame.hpp"

namespace tertulia::broker {

namespace {
// Answers are never refused a place; they are bounded by the requests that were taken.
constexpr std::size_t kNoBound = SIZE_MAX;
constexpr std::size_t kFatalMax = 16;
constexpr std::size_t kReadsMax = 4096;

UniqueFd block_signals() {
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  sigaddset(&stops, SIGINT);
  // Threads inherit the mask: only the main thread hears of these, by its descriptor.
  if (const int err = ::pthread_sigmask(SIG_BLOCK, &stops, nullptr); err != 0) {
    errno = err;
    throw_errno("pthread_sigmask");
  }
  ::signal(SIGPIPE, SIG_IGN);
  UniqueFd fd(::signalfd(-1, &stops, SFD_CLOEXEC));
  if (!fd) throw_errno("signalfd");
  return fd;
}

// The first thing that makes a file: what can be refused without one is refused before.
DataDirectory open_data(const BrokerConfig& config) {
  require_open_files(config.max_connections);
  return DataDirectory(config.data_dir, DataDirectory::Mode::serve);
}

LogOptions log_options(const BrokerConfig& config, const DataDirectory& data) {
  LogOptions o;
  o.database = data.database();
  o.reserve = data.reserve();
  o.server_name = config.server_name;
  o.advertised = config.listen_advertise;
  return o;
}

std::size_t worker_count(const BrokerConfig& config) {
  if (config.workers != 0) return config.workers;
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, BrokerConfig::kWorkersMax);
}
}  // namespace

struct Server::Impl {
  explicit Impl(const ServerOptions& options);
  ~Impl() { stop(); }
  void stop();
  void start_threads();
  void publish(Committed&& committed);

  const BrokerConfig config;
  const std::uint64_t started_ms = wall_ms();
  UniqueFd signals;
  Queue<std::string> fatal{kFatalMax};
  const FatalReport report = [this](const std::string& why) {
    fatal.push_always(std::string(why));
  };
  Metrics metrics;
  DirectoryCell directory;
  const DataDirectory data;
  const crypto::SigningKey frame_key{crypto::Seed::random()};

  // The queues, before the threads that use them.
  Queue<Append> to_log;
  Queue<Committed> to_publisher;
  Queue<Outgoing> to_gateway{kNoBound};
  std::vector<std::unique_ptr<Queue<Inbound>>> to_workers;
  std::vector<std::unique_ptr<Queue<ReadRequest>>> to_readers;

  Log log;
  FloodGuard guard;
  Context context;
  std::unique_ptr<AuthThread> auth;
  std::unique_ptr<Console> console;
  std::unique_ptr<Publisher> publisher;
  std::unique_ptr<Gateway> gateway;
  ServerFacts facts;
  AdminFacts admin_facts;
  std::unique_ptr<LogThread> log_thread;
  std::vector<std::unique_ptr<Reader>> readers;
  std::vector<std::unique_ptr<Worker>> workers;
  std::unique_ptr<AdminThread> admin;
};

Server::Impl::Impl(const ServerOptions& options)
    : config(options.config),
      signals(block_signals()),
      data(open_data(config)),
      to_log(config.queue_frames_max, config.queue_bytes_max),
      to_publisher(kNoBound, config.queue_bytes_max),
      log(log_options(config, data), data.keys(), directory),
      context(static_cast<int>(config.io_threads)) {
  auth = std::make_unique<AuthThread>(context, directory, guard, metrics, config.max_connections,
                                      report);
  if (options.console) console = std::make_unique<Console>(metrics, report);
  const int handshake_ms = static_cast<int>(config.handshake_s * 1000);
  publisher = std::make_unique<Publisher>(
      context, data.keys().transport,
      PublisherOptions{config.listen_broadcast, data.keys().id,
                       wire::frame_key_id(frame_key.public_key()), handshake_ms},
      directory, to_publisher, console.get(), guard, metrics);
  std::vector<Queue<Inbound>*> worker_queues;
  for (std::size_t n = worker_count(config); n > 0; --n) {
    to_workers.push_back(
        std::make_unique<Queue<Inbound>>(config.queue_frames_max, config.queue_bytes_max));
    worker_queues.push_back(to_workers.back().get());
  }
  gateway = std::make_unique<Gateway>(
      context, data.keys().transport,
      GatewayOptions{config.listen_commands, config.frame_bytes_max, handshake_ms}, to_gateway,
      worker_queues, guard, metrics);
  start_threads();
}

void Server::Impl::start_threads() {
  facts.server = data.keys().id;
  facts.frame_key = frame_key.public_key();
  facts.broadcast = fmt::format("tcp://*:{}", publisher->port());
  facts.ping_every_ms = static_cast<std::uint32_t>(config.idle_ping_s * 1000);
  facts.card = [this] { return log.card(); };
  facts.checkpoint = [this] { return log.checkpoint(); };
  facts.log_size = [this] { return log.size(); };
  facts.read_only = [this] { return log.read_only(); };

  log_thread = std::make_unique<LogThread>(
      log, to_log,
      LogOutlet{
          [this](std::vector<Outgoing>&& answers) { to_gateway.push_always(std::move(answers)); },
          [this](Committed&& committed) { publish(std::move(committed)); },
          [this](const std::string& why) { report("the log cannot be written: " + why); }});
  std::vector<Queue<ReadRequest>*> reader_queues;
  for (std::size_t n = 0; n < config.readers; ++n) {
    to_readers.push_back(std::make_unique<Queue<ReadRequest>>(kReadsMax));
    reader_queues.push_back(to_readers.back().get());
    readers.push_back(std::make_unique<Reader>(n, data.database(), data.keys().kek, directory,
                                               *to_readers.back(), to_gateway, metrics, report));
  }
  for (std::size_t n = 0; n < to_workers.size(); ++n)
    workers.push_back(std::make_unique<Worker>(
        n, *to_workers[n],
        WorkerPorts{directory, facts, to_log, reader_queues, to_gateway, metrics}, report));
  publisher->start(report);
  gateway->start(report);

  admin_facts = {config.server_name,
                 TERTULIA_VERSION,
                 data.keys().identity.public_key(),
                 data.keys().transport.public_key(),
                 merkle::to_vkey(log.note_key()),
                 gateway->endpoint(),
                 publisher->endpoint(),
                 config.listen_advertise,
                 data.path().string(),
                 started_ms};
  admin = std::make_unique<AdminThread>(config.admin_socket,
                                        AdminPorts{admin_facts, facts, directory, to_log, metrics,
                                                   [this] { return log.wal_bytes(); }},
                                        metrics, report);
}

// On t-log, which never waits: when t-publisher is that far behind, subscribers see the gap by
// room_seq and fetch what is missing.
void Server::Impl::publish(Committed&& committed) {
  if (committed.entries.empty()) return;
  std::size_t bytes = 0;
  for (const auto& e : committed.entries) {
    bytes += e.leaf.size();
    for (const auto& body : e.bodies) bytes += body.bytes.size();
  }
  if (!to_publisher.push(std::move(committed), bytes)) metrics.add(Count::commits_unpublished);
}

void Server::Impl::stop() {
  if (gateway) gateway->stop_receiving();
  for (auto& w : workers) w->stop();
  for (auto& r : readers) r->stop();
  if (log_thread) log_thread->stop();
  if (publisher) publisher->stop();
  if (gateway) gateway->stop();
  admin.reset();
  publisher.reset();
  gateway.reset();
  console.reset();
  auth.reset();
}

Server::Server(const ServerOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Server::~Server() = default;

int Server::run() {
  Impl& m = *impl_;
  log::notice("{} serves on {} and {}, {} entries in the log", m.config.server_name,
              m.gateway->endpoint(), m.publisher->endpoint(), m.log.size());
  notify_service_manager("READY=1\nSTATUS=Serving.");
  pollfd polled[] = {{m.signals.get(), POLLIN, 0}, {m.fatal.fd(), POLLIN, 0}};
  while (::poll(polled, 2, -1) < 0)
    if (errno != EINTR) throw_errno("poll");
  std::vector<std::string> reasons;
  m.fatal.take_all(reasons);
  notify_service_manager("STOPPING=1");
  if (!reasons.empty()) {
    for (const auto& why : reasons) log::error("{}", why);
    // Not exit(): other threads still run, and none of them may answer anybody any more.
    ::_exit(1);
  }
  signalfd_siginfo info{};
  if (::read(m.signals.get(), &info, sizeof info) < 0) throw_errno("signalfd");
  log::notice("stopping ({})", info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
  m.stop();
  m.fatal.take_all(reasons);  // what went wrong while stopping
  for (const auto& why : reasons) log::error("{}", why);
  log::notice("stopped, {} entries in the log", m.log.size());
  return reasons.empty() ? 0 : 1;
}

}  // namespace tertulia::broker
