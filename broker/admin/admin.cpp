#include "broker/admin/admin.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <list>

#include "broker/admin/commands.hpp"
#include "broker/admin/scrape.hpp"
#include "common/base/clock.hpp"

namespace tertulia::broker {

namespace {
constexpr std::uint64_t kAcceptAgainMs = 1000;
constexpr std::size_t kClientsMax = 32;
constexpr std::uint64_t kIdleMs = 10'000;    // for a request to come and for an answer to be read
constexpr std::uint64_t kAnswerMs = 60'000;  // for t-log to answer
constexpr std::size_t kAnswersMax = 1024;

struct Client {
  std::uint64_t number = 0;
  UniqueFd fd;
  AdminPeer peer;
  std::string in, out;
  bool waits_for_answer = false;
  std::uint64_t deadline_ms = 0;
};

struct Late {
  std::uint64_t client = 0;
  std::string line;
};

std::string dump(const nlohmann::json& j) {
  // Names are checked UTF-8; should a byte get here that is not, it is replaced, not thrown over.
  return j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}
}  // namespace

struct AdminThread::Impl {
  Impl(const std::filesystem::path& socket, AdminPorts p, Metrics& counters)
      : path(socket),
        ports(std::move(p)),
        metrics(counters),
        listener(listen_admin(socket, "[admin] socket")),
        scrapes(ports.metrics_socket, ports.metrics_listen, [this] {
          metrics.add(Count::scrapes);
          return prometheus_text(metrics, ports.vitals(), ports.health.gauges(),
                                 ports.facts.version);
        }) {}

  const std::filesystem::path path;
  const AdminPorts ports;
  Metrics& metrics;
  UniqueFd listener;
  ScrapeServer scrapes;
  std::uint64_t refused_until_ms = 0;  // no descriptor is left: new clients wait
  // Shared with the callbacks that t-log holds: they may outlive a client, and this thread.
  std::shared_ptr<Queue<Late>> answers = std::make_shared<Queue<Late>>(kAnswersMax);
  std::atomic<bool> stopping{false};
  std::list<Client> clients;
  std::uint64_t next_number = 1;
  std::thread thread;

  void run();
  void accept_all();
  bool read_from(Client& c);  // false: let it go
  bool write_to(Client& c);
  void work(Client& c);
  int next_timeout_ms() const;
};

void AdminThread::Impl::run() {
  std::vector<pollfd> polled;
  std::vector<Late> late;
  while (!stopping) {
    polled.clear();
    polled.push_back({answers->fd(), POLLIN, 0});
    const bool takes = clients.size() < kClientsMax && monotonic_ms() >= refused_until_ms;
    polled.push_back({takes ? listener.get() : -1, POLLIN, 0});
    for (const auto& c : clients) {
      const bool reads = c.out.empty() && !c.waits_for_answer;
      polled.push_back({c.fd.get(),
                        static_cast<short>(reads           ? POLLIN
                                           : c.out.empty() ? 0
                                                           : POLLOUT),
                        0});
    }
    const std::size_t first_scrape = polled.size();
    scrapes.add_to(polled);
    if (::poll(polled.data(), polled.size(), next_timeout_ms()) < 0 && errno != EINTR)
      throw_errno("poll");
    answers->take_all(late);
    for (auto& l : late)
      for (auto& c : clients)
        if (c.number == l.client) {
          c.out += l.line;
          c.waits_for_answer = false;
          c.deadline_ms = monotonic_ms() + kIdleMs;
        }
    const std::uint64_t now = monotonic_ms();
    std::size_t i = 2;
    for (auto c = clients.begin(); c != clients.end(); ++i) {
      const short events = polled[i].revents;
      bool keep = now < c->deadline_ms && (events & (POLLERR | POLLNVAL)) == 0;
      if (keep && (events & POLLHUP) && !(events & POLLIN)) keep = false;
      if (keep && (events & POLLIN)) keep = read_from(*c);
      if (keep && !c->out.empty()) keep = write_to(*c);
      if (keep && c->out.empty() && !c->waits_for_answer) {
        work(*c);
        if (!c->out.empty()) keep = write_to(*c);
      }
      c = keep ? std::next(c) : clients.erase(c);
    }
    if (polled[1].revents != 0) accept_all();
    scrapes.work(polled, first_scrape, now);
  }
  clients.clear();
}

int AdminThread::Impl::next_timeout_ms() const {
  const std::uint64_t now = monotonic_ms();
  std::uint64_t soonest = scrapes.next_deadline_ms();
  for (const auto& c : clients) soonest = std::min(soonest, c.deadline_ms);
  if (now < refused_until_ms) soonest = std::min(soonest, refused_until_ms);
  if (soonest == UINT64_MAX) return -1;
  return soonest <= now ? 0 : static_cast<int>(soonest - now);
}

void AdminThread::Impl::accept_all() {
  while (clients.size() < kClientsMax) {
    UniqueFd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      // Without a descriptor the client stays in the backlog, and poll would say so at once again.
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        refused_until_ms = monotonic_ms() + kAcceptAgainMs;
      return;
    }
    Client c;
    c.number = next_number++;
    c.peer = peer_of(fd.get());
    c.fd = std::move(fd);
    c.deadline_ms = monotonic_ms() + kIdleMs;
    clients.push_back(std::move(c));
  }
}

bool AdminThread::Impl::read_from(Client& c) {
  char block[4096];
  for (;;) {
    const ssize_t n = ::recv(c.fd.get(), block, sizeof block, 0);
    if (n == 0) return false;
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    c.in.append(block, static_cast<std::size_t>(n));
    if (c.in.size() > admin_line_bytes_max) {
      metrics.add(Count::admin_refused);
      return false;
    }
  }
}

bool AdminThread::Impl::write_to(Client& c) {
  const ssize_t n = ::send(c.fd.get(), c.out.data(), c.out.size(), MSG_NOSIGNAL);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  c.out.erase(0, static_cast<std::size_t>(n));
  return true;
}

void AdminThread::Impl::work(Client& c) {
  const auto end = c.in.find('\n');
  if (end == std::string::npos) return;
  const std::string line = c.in.substr(0, end);
  c.in.erase(0, end + 1);
  metrics.add(Count::admin_requests);
  c.waits_for_answer = true;
  c.deadline_ms = monotonic_ms() + kAnswerMs;
  run_command(ports, c.peer, line, [queue = answers, number = c.number](nlohmann::json answer) {
    queue->push_always(Late{number, dump(answer)});
  });
}

AdminThread::AdminThread(const std::filesystem::path& socket, AdminPorts ports, Metrics& metrics,
                         FatalReport fatal)
    : impl_(std::make_unique<Impl>(socket, std::move(ports), metrics)) {
  impl_->thread = start_thread("t-admin", std::move(fatal), [i = impl_.get()] { i->run(); });
}

Pulse AdminThread::pulse() const { return pulse_of("t-admin", *impl_->answers); }

AdminThread::~AdminThread() {
  impl_->stopping = true;
  impl_->answers->wake();
  impl_->thread.join();
  ::unlink(impl_->path.c_str());
}

}  // namespace tertulia::broker
