#include "broker/webhooks/webhooks.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <list>

#include "broker/flow/reply.hpp"
#include "broker/local/listen.hpp"
#include "common/base/clock.hpp"

namespace tertulia::broker {

namespace {
// Who may post is said by tokens, and who may come here by the folder that holds the socket.
constexpr mode_t kSocketMode = 0666;
constexpr std::uint64_t kRequestMs = 10'000;
constexpr std::uint64_t kIdleMs = 30'000;
constexpr std::uint64_t kAnswerMs = 60'000;  // for t-log to answer
constexpr std::uint64_t kWriteMs = 10'000;   // for an answer to be read
constexpr std::uint64_t kAcceptAgainMs = 1'000;
// RFC 9112, 9.6: who is answered before all that he sends has come reads the answer only if what is
// on its way does not meet a closed socket.
constexpr std::uint64_t kDrainMs = 2'000;
constexpr std::size_t kDrainBytes = 1 << 20;
constexpr std::size_t kReadBytes = 16 * 1024;  // of one connection in one turn
constexpr int kAcceptsPerTurn = 16;            // of one listener; poll says so when there are more
constexpr std::size_t kAnswersMax = 4096;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

struct Client {
  std::uint64_t number = 0;
  UniqueFd fd;
  HttpReader reader;
  std::string in, out;
  bool waits_for_log = false;
  bool keep_alive = true;
  bool ended = false;     // by its peer, or by an answer that says so
  bool has_left = false;  // it is the peer who ended it
  bool drains = false;    // our half is closed
  std::size_t drained = 0;
  std::uint64_t deadline_ms = 0;
};

struct Late {
  std::uint64_t client = 0;
  PostResult result;
};
}  // namespace

struct Webhooks::Impl {
  Impl(const std::filesystem::path& socket_in, const std::string& listen, WebhookPorts ports_in)
      : socket(socket_in),
        ports(std::move(ports_in)) {
    if (!socket.empty()) listeners.push_back(listen_unix(socket, kSocketMode, "[webhooks] socket"));
    if (!listen.empty()) listeners.push_back(listen_loopback(listen, "[webhooks] listen"));
  }

  const std::filesystem::path socket;
  const WebhookPorts ports;
  Hook hook{ports};
  std::vector<UniqueFd> listeners;
  // Shared with the callbacks that t-log holds: they may outlive a client, and this thread.
  std::shared_ptr<Queue<Late>> answers = std::make_shared<Queue<Late>>(kAnswersMax);
  std::list<Client> clients;  // in order of coming
  std::uint64_t next_number = 1;
  std::uint64_t accept_again_ms = 0;  // no descriptor is left: 0: accept now
  std::atomic<bool> receiving{true};
  std::atomic<bool> stopping{false};
  std::thread thread;

  void run();
  void accept_from(const UniqueFd& listener);
  bool make_place();
  void turn(Client& c, short events);
  void read_from(Client& c);
  void drain(Client& c);
  void write_to(Client& c);
  void work(Client& c);
  void work_request(Client& c);
  void answer(Client& c, const HttpAnswer& what);
  void take(const Late& late);
  bool is_over(Client& c, std::uint64_t now_ms);
  int timeout_ms() const;
};

void Webhooks::Impl::run() {
  std::vector<pollfd> polled;
  std::vector<Late> late;
  for (;;) {
    const bool last_turn = stopping;  // read before the queue: what was pushed before it is sent
    polled.clear();
    polled.push_back({answers->fd(), POLLIN, 0});
    const bool takes = receiving && monotonic_ms() >= accept_again_ms;
    for (const auto& l : listeners) polled.push_back({takes ? l.get() : -1, POLLIN, 0});
    const std::size_t first = polled.size();
    for (const auto& c : clients) {
      const bool reads = c.drains || (!c.waits_for_log && receiving);
      const short wanted = !c.out.empty() ? POLLOUT : reads ? POLLIN : 0;
      polled.push_back({c.fd.get(), wanted, 0});
    }
    const int wait_ms = last_turn ? 0 : timeout_ms();
    if (::poll(polled.data(), polled.size(), wait_ms) < 0 && errno != EINTR) throw_errno("poll");
    answers->take_all(late);
    for (const Late& l : late) take(l);
    std::size_t i = first;
    for (Client& c : clients) turn(c, polled[i++].revents);
    const std::uint64_t now_ms = monotonic_ms();
    std::erase_if(clients, [&](Client& c) { return is_over(c, now_ms); });
    if (last_turn) return;
    for (std::size_t l = 0; l < listeners.size(); ++l)
      if (polled[1 + l].revents != 0) accept_from(listeners[l]);
  }
}

int Webhooks::Impl::timeout_ms() const {
  const std::uint64_t now = monotonic_ms();
  std::uint64_t soonest = accept_again_ms > now ? accept_again_ms : UINT64_MAX;
  for (const auto& c : clients) soonest = std::min(soonest, c.deadline_ms);
  if (soonest == UINT64_MAX) return -1;
  return soonest <= now ? 0 : static_cast<int>(soonest - now);
}

void Webhooks::Impl::accept_from(const UniqueFd& listener) {
  for (int taken = 0; taken < kAcceptsPerTurn; ++taken) {
    if (clients.size() >= connections_max && !make_place()) return;
    UniqueFd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      // No descriptor is left: poll would say so at once again
      if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        accept_again_ms = monotonic_ms() + kAcceptAgainMs;
      return;
    }
    Client c;
    c.number = next_number++;
    c.fd = std::move(fd);
    c.deadline_ms = monotonic_ms() + kRequestMs;
    clients.push_back(std::move(c));
  }
}

// Ends the oldest that has not said all that it has to say, what lies in the kernel included. False:
// all of them wait for t-log, and the newest waits in the kernel's backlog.
bool Webhooks::Impl::make_place() {
  const auto oldest = std::find_if(clients.begin(), clients.end(), [this](Client& c) {
    if (!c.waits_for_log && !c.ended && c.out.empty()) {
      read_from(c);
      work(c);
    }
    return !c.waits_for_log;
  });
  if (oldest == clients.end()) {
    accept_again_ms = monotonic_ms() + kAcceptAgainMs;
    return false;
  }
  ports.metrics.add(Count::webhook_ended);
  clients.erase(oldest);
  return true;
}

void Webhooks::Impl::turn(Client& c, short events) {
  // Both directions are closed: nobody hears an answer.
  const bool hung_up = (events & POLLHUP) != 0 && (events & POLLIN) == 0;
  if (hung_up || (events & (POLLERR | POLLNVAL)) != 0) {
    c.ended = c.has_left = true;
    c.out.clear();
  }
  if (c.drains && !c.has_left && (events & POLLIN) != 0) drain(c);
  if (c.ended && c.out.empty()) return;
  if (!c.out.empty()) write_to(c);
  if ((events & POLLIN) != 0) read_from(c);
  work(c);
}

void Webhooks::Impl::read_from(Client& c) {
  char block[kReadBytes];
  const ssize_t n = ::recv(c.fd.get(), block, sizeof block, 0);
  if (n > 0) {
    if (c.in.empty() && !c.reader.has_begun()) c.deadline_ms = monotonic_ms() + kRequestMs;
    c.in.append(block, static_cast<std::size_t>(n));
  } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
    c.ended = c.has_left = true;
  }
}

void Webhooks::Impl::drain(Client& c) {
  char block[kReadBytes];
  const ssize_t n = ::recv(c.fd.get(), block, sizeof block, 0);
  if (n > 0)
    c.drained += static_cast<std::size_t>(n);
  else if (n == 0 || (errno != EAGAIN && errno != EINTR))
    c.has_left = true;
}

void Webhooks::Impl::write_to(Client& c) {
  const ssize_t n = ::send(c.fd.get(), c.out.data(), c.out.size(), MSG_NOSIGNAL);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n < 0) {
    c.ended = c.has_left = true;
    c.out.clear();
    return;
  }
  c.out.erase(0, static_cast<std::size_t>(n));
  if (c.out.empty()) c.deadline_ms = monotonic_ms() + (c.reader.has_begun() ? kRequestMs : kIdleMs);
}

// Requests that came together are answered one after the other.
void Webhooks::Impl::work(Client& c) {
  while (!c.ended && !c.waits_for_log && c.out.empty() && receiving) {
    const auto state = c.reader.read(c.in);
    if (state == HttpReader::State::needs_more) {
      if (!c.reader.wants_continue()) return;
      c.out = kContinue;
      write_to(c);
    } else if (state == HttpReader::State::fault) {
      ports.metrics.add(Count::webhook_refused_request);
      answer(c, c.reader.fault());
    } else {
      work_request(c);
    }
  }
}

void Webhooks::Impl::work_request(Client& c) {
  const HttpRequest request = c.reader.take();
  c.keep_alive = request.keep_alive;
  auto what = hook.work(request);
  if (const auto* refused = std::get_if<HttpAnswer>(&what)) return answer(c, *refused);
  auto& append = std::get<SubmissionAppend>(what);
  append.posted->done = [queue = answers, number = c.number](PostResult result) {
    queue->push_always(Late{number, std::move(result)});
  };
  if (!ports.log.push(std::move(append), request.body.size())) {
    ports.metrics.add(Count::webhook_refused_busy);
    return answer(c, Hook::busy(busy_retry_ms));
  }
  c.waits_for_log = true;
  c.deadline_ms = monotonic_ms() + kAnswerMs;
}

void Webhooks::Impl::take(const Late& late) {
  const PostResult& r = late.result;
  const HttpAnswer what = Hook::answer_of(r);
  ports.metrics.add(what.status == 200   ? r.again ? Count::webhook_again : Count::webhook_accepted
                    : what.status == 503 ? Count::webhook_refused_busy
                    : what.status == 403 ? Count::webhook_refused_right
                                         : Count::webhook_refused_request);
  const auto c = std::find_if(clients.begin(), clients.end(),
                              [&](const Client& one) { return one.number == late.client; });
  if (c == clients.end()) return;
  c->waits_for_log = false;
  answer(*c, what);
}

void Webhooks::Impl::answer(Client& c, const HttpAnswer& what) {
  c.keep_alive = c.keep_alive && !what.close && receiving;
  c.out = to_bytes(what, c.keep_alive);
  c.deadline_ms = monotonic_ms() + kWriteMs;
  write_to(c);
  if (!c.keep_alive) c.ended = true;  // once `out` is sent
}

bool Webhooks::Impl::is_over(Client& c, std::uint64_t now_ms) {
  if (c.ended && c.out.empty()) {
    // Also while t-log decides: there is nobody who hears of it.
    if (c.has_left || stopping || c.drained > kDrainBytes) return true;
    if (c.drains) return now_ms >= c.deadline_ms;
    c.drains = true;
    c.deadline_ms = now_ms + kDrainMs;
    return ::shutdown(c.fd.get(), SHUT_WR) != 0;
  }
  if (now_ms < c.deadline_ms) return false;
  if (c.waits_for_log) {
    // It may or may not be in the log: an Idempotency-Key tells when it is sent again.
    ports.metrics.add(Count::webhook_refused_busy);
    c.out = to_bytes(Hook::busy(busy_retry_ms), false);
    write_to(c);
  } else if (c.out.empty() && c.reader.has_begun()) {
    ports.metrics.add(Count::webhook_ended);
    c.out =
        to_bytes({408, "{\"error\":\"The request did not come whole in ten seconds.\"}"}, false);
    write_to(c);
  } else if (!c.out.empty()) {
    ports.metrics.add(Count::webhook_ended);
  }
  return true;
}

Webhooks::Webhooks(const std::filesystem::path& socket, const std::string& listen,
                   WebhookPorts ports, FatalReport fatal)
    : impl_(std::make_unique<Impl>(socket, listen, std::move(ports))) {
  impl_->thread = start_thread("t-webhooks", std::move(fatal), [i = impl_.get()] { i->run(); });
}

Pulse Webhooks::pulse() const { return pulse_of("t-webhooks", *impl_->answers); }

void Webhooks::stop_receiving() {
  impl_->receiving = false;
  impl_->answers->wake();
}

void Webhooks::stop() {
  if (!impl_->thread.joinable()) return;
  stop_receiving();
  impl_->stopping = true;
  impl_->answers->wake();
  impl_->thread.join();
  if (!impl_->socket.empty()) ::unlink(impl_->socket.c_str());
}

Webhooks::~Webhooks() { stop(); }

}  // namespace tertulia::broker
