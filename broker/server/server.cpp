#include "broker/server/server.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <thread>
#include <utility>

#include "broker/admin/admin.hpp"
#include "broker/auth/auth.hpp"
#include "broker/auth/live_peers.hpp"
#include "broker/events/events.hpp"
#include "broker/flow/reply.hpp"
#include "broker/gateway/gateway.hpp"
#include "broker/identity/identity.hpp"
#include "broker/log/log_thread.hpp"
#include "broker/publisher/console.hpp"
#include "broker/publisher/publisher.hpp"
#include "broker/reader/reader.hpp"
#include "broker/server/limits.hpp"
#include "broker/server/live_config.hpp"
#include "broker/server/notify.hpp"
#include "broker/server/watchdog.hpp"
#include "broker/webhooks/webhooks.hpp"
#include "broker/worker/worker.hpp"
#include "common/base/clock.hpp"
#include "common/wire/frame.hpp"

namespace tertulia::broker {

namespace {
// Answers are never refused a place; they are bounded by the requests that were taken.
constexpr std::size_t kNoBound = SIZE_MAX;
constexpr std::size_t kFatalMax = 16;
constexpr std::size_t kReadsMax = 4096;
// How old the service manager's status line may be, and how often health is looked at.
constexpr int kStatusMs = 10'000;

UniqueFd block_signals() {
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  sigaddset(&stops, SIGINT);
  sigaddset(&stops, SIGHUP);
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

LogOptions log_options(const BrokerConfig& config, const DataDirectory& data, Metrics* metrics,
                       Presence* presence) {
  LogOptions o;
  o.metrics = metrics;
  o.presence = presence;
  o.key_store = &data.key_store();
  o.program = "tertuliad " TERTULIA_VERSION;
  o.database = data.database();
  o.reserve = data.reserve();
  o.server_name = config.server_name;
  o.advertised = config.listen_advertise;
  o.limits = {config.rooms_per_user_max, config.room_members_max, config.devices_per_user_max,
              config.invites_open_max, config.webhooks_max, config.changes_per_message_max,
              config.user_changes_per_message_max};
  o.starting = [](const std::string& doing, std::uint64_t more_ms) {
    notify_service_manager(fmt::format("EXTEND_TIMEOUT_USEC={}\nSTATUS={}", more_ms * 1000, doing));
  };
  return o;
}

HealthLimits limits_of(const BrokerConfig& c) {
  return {c.health_disk_free_mib_min, c.health_disk_hours_min, c.health_commit_ms_max,
          c.health_refused_per_minute_max, c.health_clock_jump_s};
}

RateConfig rates_of(const BrokerConfig& c) {
  return {{c.device_messages_per_s, c.device_messages_burst},
          {c.user_messages_per_s, c.user_messages_burst},
          {c.bot_messages_per_s, c.bot_messages_burst},
          {c.device_bytes_per_s, c.device_bytes_burst},
          {c.device_requests_per_s, c.device_requests_burst},
          {c.enrolments_per_minute, c.enrolments_per_minute, 60'000}};
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
  void read_audited(std::vector<ReadRequest>&& reads);
  std::vector<Pulse> pulses() const;
  std::string status() const;
  Vitals vitals() const;
  void look();
  // What can change while it serves; also at the start.
  void apply(const BrokerConfig& next);
  void reload();

  const ConfigSource source;
  const BrokerConfig config;  // of the start: what a reload cannot change
  LiveConfig live;            // what it can
  const std::uint64_t started_ms = wall_ms();
  UniqueFd signals;
  Queue<std::string> fatal{kFatalMax};
  const FatalReport report = [this](const std::string& why) {
    fatal.push_always(std::string(why));
  };
  Metrics metrics;
  Health health;
  RateLimits rates{RateConfig{}};  // apply() sets them
  DirectoryCell directory;
  Presence presence{wall_ms()};
  LinkTable links;
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
  ConnectionCaps caps;  // apply() sets them
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
  std::unique_ptr<Webhooks> webhooks;  // none, unless the configuration says so
  std::uint64_t people_version = 0;  // of the last commit; t-log
  std::string reload_fault;          // empty, or what `systemctl status` says of the last reload
};

Server::Impl::Impl(const ServerOptions& options)
    : source(options.source),
      config(options.config),
      live(config),
      signals(block_signals()),
      health(limits_of(config)),
      data(open_data(config)),
      to_log(config.queue_frames_max, config.queue_bytes_max),
      to_publisher(kNoBound, config.queue_bytes_max),
      log(log_options(config, data, &metrics, &presence), data.keys(), directory),
      context(static_cast<int>(config.io_threads)) {
  auth = std::make_unique<AuthThread>(context, directory, links, guard, metrics, config.max_connections,
                                      report);
  const int handshake_ms = static_cast<int>(config.handshake_s * 1000);
  publisher = std::make_unique<Publisher>(
      context, log.transport_key(),
      PublisherOptions{config.listen_broadcast, data.keys().id,
                       wire::frame_key_id(frame_key.public_key()), handshake_ms},
      directory, to_publisher, guard, caps, metrics);
  std::vector<Queue<Inbound>*> worker_queues;
  for (std::size_t n = worker_count(config); n > 0; --n) {
    to_workers.push_back(
        std::make_unique<Queue<Inbound>>(config.queue_frames_max, config.queue_bytes_max));
    worker_queues.push_back(to_workers.back().get());
  }
  gateway = std::make_unique<Gateway>(
      context, log.transport_key(),
      GatewayOptions{config.listen_commands, config.frame_bytes_max, handshake_ms}, directory,
      links, to_gateway, worker_queues, guard, caps, metrics);
  apply(config);
  start_threads();
}

void Server::Impl::start_threads() {
  facts.server = data.keys().id;
  facts.presence = &presence;
  facts.links = &links;
  facts.frame_key = frame_key.public_key();
  facts.broadcast = fmt::format("tcp://*:{}", publisher->port());
  facts.card = [this] { return log.card(); };
  facts.card_serial = [this] { return log.card_serial(); };
  facts.checkpoint = [this] { return log.checkpoint(); };
  facts.log_size = [this] { return log.size(); };
  facts.read_only = [this] { return log.read_only(); };

  log_thread = std::make_unique<LogThread>(
      log, to_log,
      LogOutlet{
          [this](std::vector<Outgoing>&& answers) { to_gateway.push_always(std::move(answers)); },
          [this](Committed&& committed) { publish(std::move(committed)); },
          [this](const std::string& why) { report("the log cannot be written: " + why); },
          [this](std::vector<ReadRequest>&& reads) { read_audited(std::move(reads)); }});
  std::vector<Queue<ReadRequest>*> reader_queues;
  for (std::size_t n = 0; n < config.readers; ++n) {
    to_readers.push_back(std::make_unique<Queue<ReadRequest>>(kReadsMax));
    reader_queues.push_back(to_readers.back().get());
    readers.push_back(std::make_unique<Reader>(n, data.database(), log.data_keys(), directory,
                                               *to_readers.back(), to_gateway, metrics, report));
  }
  for (std::size_t n = 0; n < to_workers.size(); ++n)
    workers.push_back(std::make_unique<Worker>(
        n, *to_workers[n],
        WorkerPorts{directory, facts, to_log, reader_queues, to_gateway, metrics, rates}, report));
  publisher->start(report);
  gateway->start(report);

  admin_facts = {config.server_name,
                 TERTULIA_VERSION,
                 data.keys().identity.public_key(),
                 log.transport_key().public_key(),
                 [this] { return merkle::to_vkey(log.note_key()); },
                 [this] { return log.keys(); },
                 [this] { fatal.wake(); },
                 gateway->endpoint(),
                 publisher->endpoint(),
                 [this] { return live.advertise(); },
                 data.path().string(),
                 started_ms,
                 config.webhooks_socket,
                 config.webhooks_listen};
  admin = std::make_unique<AdminThread>(
      config.admin_socket,
      AdminPorts{admin_facts, facts, directory, to_log, metrics, [this] { return vitals(); },
                 health, config.metrics_socket, config.metrics_listen},
      metrics, report);
  if (!config.webhooks_socket.empty() || !config.webhooks_listen.empty())
    webhooks = std::make_unique<Webhooks>(
        config.webhooks_socket, config.webhooks_listen,
        WebhookPorts{directory, facts, [this] { return log.note_key(); }, to_log, rates, metrics}, report);
}

// On t-log, which never waits: when t-publisher is that far behind, subscribers see the gap by
// room_seq and fetch what is missing.
void Server::Impl::publish(Committed&& committed) {
  if (committed.directory->people_version != people_version) {
    people_version = committed.directory->people_version;
    gateway->end_strangers();
    publisher->end_strangers();
  }
  if (committed.entries.empty()) return;
  std::size_t bytes = 0;
  for (const auto& e : committed.entries) {
    bytes += e.leaf.size();
    for (const auto& body : e.bodies) bytes += body.bytes.size();
  }
  if (!to_publisher.push(std::move(committed), bytes)) metrics.add(Count::commits_unpublished);
}

// On t-log, which never waits.
void Server::Impl::read_audited(std::vector<ReadRequest>&& reads) {
  for (ReadRequest& read : reads) {
    const Asker asker = read.asker;
    if (reader_of(to_readers, asker.key).push(std::move(read))) continue;
    metrics.add(Count::refused_reader_busy);
    to_gateway.push_always(busy_frame(asker));
  }
}

std::vector<Pulse> Server::Impl::pulses() const {
  std::vector<Pulse> all{pulse_of("t-gateway", to_gateway), pulse_of("t-log", to_log),
                         pulse_of("t-publisher", to_publisher), auth->pulse(), admin->pulse()};
  if (console) all.push_back(console->pulse());
  if (webhooks) all.push_back(webhooks->pulse());
  for (std::size_t n = 0; n < to_workers.size(); ++n)
    all.push_back(pulse_of(fmt::format("t-worker-{}", n), *to_workers[n]));
  for (std::size_t n = 0; n < to_readers.size(); ++n)
    all.push_back(pulse_of(fmt::format("t-reader-{}", n), *to_readers[n]));
  return all;
}

Vitals Server::Impl::vitals() const {
  Vitals v;
  v.started_ms = started_ms;
  v.connections_commands = metrics.connections_commands;
  v.connections_broadcast = metrics.connections_broadcast;
  v.connections_max = live.max_connections();
  const auto snapshot = directory.load();
  v.users = snapshot->users.size();
  v.devices = snapshot->devices.size();
  v.rooms = snapshot->rooms.size();
  v.log_entries = log.size();
  v.wal_bytes = log.wal_bytes();
  v.read_only = !log.read_only().empty();
  v.last_commit_ms = metrics.last_commit_ms;
  v.queue_gateway = to_gateway.depth();
  for (const auto& q : to_workers) v.queue_workers += q->depth();
  v.queue_log = to_log.depth();
  for (const auto& q : to_readers) v.queue_readers += q->depth();
  v.queue_publisher = to_publisher.depth();
  v.queue_frames_max = config.queue_frames_max;
  look_at_process(v);
  look_at_disk(v, data.path(), data.database());
  return v;
}

void Server::Impl::look() { health.look(observe(metrics, vitals())); }

void Server::Impl::apply(const BrokerConfig& next) {
  health.set_limits(limits_of(next));
  auth->set_max_connections(next.max_connections);
  caps.device = next.connections_per_device_max;
  caps.invite = next.connections_per_invite_max;
  facts.ping_every_ms = static_cast<std::uint32_t>(next.idle_ping_s * 1000);
  rates.set(rates_of(next));
  facts.share_presence = next.people_presence;
  facts.share_typing = next.people_typing;
  // Made when it is first wanted, and kept: t-publisher may be about to show something on it.
  if (next.log_console_bodies && !console) console = std::make_unique<Console>(metrics, report);
  publisher->show_on(next.log_console_bodies ? console.get() : nullptr);
}

void Server::Impl::reload() {
  notify_service_manager(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_ms() * 1000));
  reload_fault = live.reload(source, [this](const BrokerConfig& before, const BrokerConfig& next) {
    apply(next);
    if (next.listen_advertise != before.listen_advertise)
      to_log.push_always(
          AdvertiseCommand{next.listen_advertise, [](bool ok, const std::string& why) {
                             if (!ok) log::warning("no new card: {}", why);
                           }});
  });
  notify_service_manager("READY=1\nSTATUS=" + status());
}

// For `systemctl status`: what an administrator asks first.
std::string Server::Impl::status() const {
  if (const std::string why = log.read_only(); !why.empty()) return "Read-only: " + why;
  const auto clients = metrics.connections_commands.load();
  std::string text = fmt::format("Serving {} client{}, {} entries.{}", clients,
                                 clients == 1 ? "" : "s", log.size(), reload_fault);
  for (const auto& w : health.warnings()) text += fmt::format(" Warning: {}.", w.sentence);
  return text;
}

void Server::Impl::stop() {
  if (gateway) gateway->stop_receiving();
  if (webhooks) webhooks->stop_receiving();
  for (auto& w : workers) w->stop();
  for (auto& r : readers) r->stop();
  if (log_thread) log_thread->stop();
  webhooks.reset();
  if (publisher) publisher->stop();
  if (gateway) gateway->stop();
  admin.reset();
  publisher.reset();
  gateway.reset();
  console.reset();
  auth.reset();
}

int initialise(const ServerOptions& options) {
  const DataDirectory data(options.config.data_dir, DataDirectory::Mode::serve);
  DirectoryCell directory;
  Log log(log_options(options.config, data, nullptr, nullptr), data.keys(), directory);
  log.close();
  fmt::print("{} has the fingerprint {}\n", options.config.server_name,
             crypto::fingerprint(data.keys().identity.public_key()));
  return 0;
}

Server::Server(const ServerOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Server::~Server() = default;

ServerOptions Server::options() const { return {impl_->live.now(), impl_->source}; }

std::optional<int> Server::run() {
  Impl& m = *impl_;
  log::event(events::started, {{"seq", std::to_string(m.log.size())}},
             fmt::format("{} serves on {} and {}, {} entries in the log", m.config.server_name,
                         m.gateway->endpoint(), m.publisher->endpoint(), m.log.size()));
  std::string status = m.status();
  notify_service_manager("READY=1\nSTATUS=" + status);
  Watchdog watchdog(Watchdog::interval_of_environment_ms(), m.pulses());
  pollfd polled[] = {{m.signals.get(), POLLIN, 0}, {m.fatal.fd(), POLLIN, 0}};
  std::vector<std::string> reasons;
  signalfd_siginfo info{};
  m.look();
  std::uint64_t next_look_ms = monotonic_ms() + kStatusMs;
  bool key_is_due = false, stopping = false;
  bool is_late = false;  // it was said that a key waits for space
  while (!stopping && !key_is_due) {
    const int watch_ms = watchdog.wait_ms(monotonic_ms());
    int wait_ms = watch_ms < 0 ? kStatusMs : std::min(watch_ms, kStatusMs);
    if (const auto due_ms = m.log.transport_due_ms(); due_ms != 0) {
      const auto now_ms = wall_ms();
      const bool has_come = now_ms >= due_ms;
      // A log that is closed on a full disk may not open again: read-only is better than away.
      key_is_due = has_come && m.log.read_only().empty();
      if (has_come && !key_is_due && !std::exchange(is_late, true))
        log::warning("the next transport key takes its place when the disk has space again");
      if (!has_come)
        wait_ms = static_cast<int>(
            std::min<std::uint64_t>(static_cast<std::uint64_t>(wait_ms), due_ms - now_ms));
      if (key_is_due) wait_ms = 0;
    }
    if (::poll(polled, 2, wait_ms) < 0 && errno != EINTR) throw_errno("poll");
    m.fatal.take_all(reasons);
    if (!reasons.empty()) {
      notify_service_manager("STOPPING=1\nSTATUS=Cannot go on: " + reasons.front());
      for (const auto& why : reasons) log::event(events::fatal, {{"reason", why}}, why);
      // Not exit(): other threads still run, and none of them may answer anybody any more.
      ::_exit(1);
    }
    if ((polled[0].revents & POLLIN) != 0) {
      if (::read(m.signals.get(), &info, sizeof info) < 0) throw_errno("signalfd");
      stopping = info.ssi_signo != SIGHUP;
      if (!stopping) {
        m.reload();
        watchdog.watch(m.pulses());
      }
    }
    watchdog.look(monotonic_ms());
    if (const auto now_ms = monotonic_ms(); now_ms >= next_look_ms) {
      m.look();
      next_look_ms = now_ms + kStatusMs;
    }
    if (std::string now = m.status(); now != status) {
      status = std::move(now);
      notify_service_manager("STATUS=" + status);
    }
  }
  key_is_due = key_is_due && !stopping;
  if (key_is_due) {
    notify_service_manager(fmt::format(
        "RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=The next transport key takes its place.",
        monotonic_ms() * 1000));
    log::notice("the sockets close for the next transport key, and open again with it");
  } else {
    notify_service_manager("STOPPING=1\nSTATUS=Stopping.");
    log::notice("stopping ({})", info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
  }
  m.stop();
  m.fatal.take_all(reasons);  // what went wrong while stopping
  for (const auto& why : reasons) log::event(events::fatal, {{"reason", why}}, why);
  log::event(events::stopped, {{"seq", std::to_string(m.log.size())}},
             fmt::format("stopped, {} entries in the log", m.log.size()));
  if (!reasons.empty()) return 1;
  return key_is_due ? std::nullopt : std::optional<int>(0);
}

int serve(ServerOptions options) {
  for (;;) {
    Server server(options);
    if (const auto code = server.run()) return *code;
    options = server.options();
  }
}

}  // namespace tertulia::broker
