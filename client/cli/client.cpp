#include "client/cli/client.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "common/base/clock.hpp"

namespace tertulia::cli {

namespace {
UniqueFd make_wake() {
  UniqueFd fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!fd) throw_errno("eventfd");
  return fd;
}
// Before any thread starts, so that all of them have the signals blocked.
UniqueFd take_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  if (pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) throw_errno("pthread_sigmask");
  UniqueFd fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) throw_errno("signalfd");
  // A reader that went away shows as a failed write.
  ::signal(SIGPIPE, SIG_IGN);
  return fd;
}

client::EngineOptions complete(client::EngineOptions options, const Arguments& arguments,
                               int wake) {
  options.profile = arguments.profile;
  options.server_address = arguments.server;
  options.more_addresses = arguments.more_addresses;
  options.accepted_servers = arguments.accepted_servers;
  options.find_by_avahi = arguments.find_by_avahi;
  options.program = std::string("tertulia-cli ") + TERTULIA_VERSION;
  options.enrol_timeout_ms = std::uint64_t{arguments.timeout_s} * 1000;
  options.wake = [wake] {
    const std::uint64_t one = 1;
    if (::write(wake, &one, sizeof one) < 0) return;  // EAGAIN: it is readable already
  };
  return options;
}

// On stderr, whatever the command is: it is said once, by the first program that hears of it.
void tell_added(const client::DeviceAdded& added) {
  std::fprintf(stderr,
               "%s added the device %s to your account. If that was not you, run: tertulia-cli "
               "devices revoke %s\n",
               added.by_administrator ? "An administrator" : "Another device of yours",
               to_hex(added.device.view()).substr(0, 12).c_str(),
               to_hex(added.device.view()).substr(0, 12).c_str());
}
}  // namespace

Client::Client(const Arguments& arguments, client::EngineOptions options)
    : wake_(make_wake()),
      signals_(take_signals()),
      engine_(complete(std::move(options), arguments, wake_.get())) {
  if (arguments.unlocked) engine_.unlock(*arguments.unlocked);
  engine_.start();
}

Client::~Client() { engine_.stop(); }

void Client::note(const client::Event& event) {
  if (const auto* link = std::get_if<client::LinkChanged>(&event)) link_ = link->status;
  if (const auto* account = std::get_if<client::AccountChanged>(&event))
    account_ = account->account;
  if (const auto* added = std::get_if<client::DeviceAdded>(&event)) tell_added(*added);
  if (const auto* rooms = std::get_if<client::RoomsChanged>(&event)) {
    rooms_ = rooms->rooms;
    for (const auto& room : rooms_) names_[room.id] = room.name;
  }
}

const std::vector<client::Event>& Client::wait(std::uint64_t deadline_ms, bool stdin_too) {
  events_.clear();
  stdin_ready_ = false;
  for (;;) {
    const std::uint64_t now = monotonic_ms();
    const int timeout =
        deadline_ms == UINT64_MAX ? -1
        : deadline_ms <= now
            ? 0
            : static_cast<int>(std::min<std::uint64_t>(deadline_ms - now, 3'600'000));
    pollfd fds[3] = {
        {wake_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    const int ready = ::poll(fds, stdin_too ? 3 : 2, timeout);
    if (ready < 0 && errno != EINTR) throw_errno("poll");
    if (ready > 0 && fds[1].revents != 0) interrupted_ = true;
    stdin_ready_ = ready > 0 && stdin_too && fds[2].revents != 0;
    if (ready > 0 && fds[0].revents != 0) {
      std::uint64_t count = 0;
      if (::read(wake_.get(), &count, sizeof count) < 0 && errno != EAGAIN)
        throw_errno("eventfd read");
    }
    engine_.take_events(events_);
    for (const auto& event : events_) note(event);
    if (!events_.empty() || interrupted_ || stdin_ready_ || monotonic_ms() >= deadline_ms)
      return events_;
  }
}

const client::Room* Client::room_named(const std::string& name) const {
  const auto at = std::find_if(rooms_.begin(), rooms_.end(),
                               [&](const client::Room& room) { return room.name == name; });
  return at == rooms_.end() ? nullptr : &*at;
}

const std::string& Client::name_of(const RoomId& room) const {
  static const std::string unknown = "?";
  const auto at = names_.find(room);
  return at == names_.end() ? unknown : at->second;
}

bool Client::hopeless() const {
  using client::LinkProblem;
  return link_.state == client::LinkState::refused || link_.problem == LinkProblem::log_forked ||
         link_.problem == LinkProblem::log_rolled_back || link_.problem == LinkProblem::two_cards;
}

}  // namespace tertulia::cli
