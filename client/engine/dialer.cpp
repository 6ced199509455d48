#include "client/engine/dialer.hpp"

#include <algorithm>

namespace tertulia::client {

namespace {
constexpr std::uint32_t kStatusFull = 500;  // docs/protocol.md, "Sockets"
constexpr std::uint64_t kHeadStartMs = 250;
constexpr std::uint64_t kRoundMsMax = 10'000;
}  // namespace

Dialer::Dialer(zmq::context_t& context, CurveIdentity identity, std::vector<CurvePublicKey> servers,
               const std::vector<std::string>& addresses, std::uint64_t now_ms)
    : context_(context),
      identity_(std::move(identity)),
      next_start_ms_(now_ms),
      end_ms_(now_ms + kRoundMsMax) {
  for (const auto& server : servers)
    for (const auto& address : addresses) targets_.push_back({address, server});
  attempts_.reserve(targets_.size());
}

void Dialer::start_next(std::uint64_t now_ms) {
  const Target& target = targets_[started_++];
  identity_.server = target.server;
  next_start_ms_ = now_ms + kHeadStartMs;
  zmq::socket_t dealer = make_dealer(context_, identity_);
  Monitor monitor(context_, dealer);
  attempts_.push_back({{std::move(dealer), std::move(monitor), target.address, target.server}});
  try {
    attempts_.back().connection.dealer.connect(target.address);
  } catch (const zmq::error_t&) {
    attempts_.back().failed = true;  // libzmq does not take it for an address
  }
}

void Dialer::look_at(Attempt& attempt) {
  while (const auto event = attempt.connection.monitor.next()) {
    switch (event->event) {
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        winner_ = static_cast<std::size_t>(&attempt - attempts_.data());
        return;
      case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        (event->value == kStatusFull ? full_ : refused_) = true;
        attempt.failed = true;
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        wrong_key_ = true;
        attempt.failed = true;
        break;
      case ZMQ_EVENT_CLOSED:
      case ZMQ_EVENT_DISCONNECTED: attempt.failed = true; break;
      default: break;
    }
  }
}

DialOutcome Dialer::work(std::uint64_t now_ms) {
  for (auto& attempt : attempts_) {
    if (!attempt.failed) look_at(attempt);
    if (winner_ != SIZE_MAX) return DialOutcome::connected;
  }
  const bool all_failed =
      std::all_of(attempts_.begin(), attempts_.end(), [](const Attempt& a) { return a.failed; });
  if (started_ < targets_.size() && (all_failed || now_ms >= next_start_ms_)) {
    start_next(now_ms);
    return DialOutcome::trying;
  }
  if (started_ < targets_.size() || (!all_failed && now_ms < end_ms_)) return DialOutcome::trying;
  if (refused_) return DialOutcome::refused;
  if (full_) return DialOutcome::full;
  return wrong_key_ ? DialOutcome::wrong_key : DialOutcome::unreachable;
}

std::uint64_t Dialer::next_deadline_ms() const {
  return started_ < targets_.size() ? next_start_ms_ : end_ms_;
}

void Dialer::add_to(std::vector<zmq::pollitem_t>& items) {
  for (auto& attempt : attempts_)
    if (!attempt.failed) items.push_back({attempt.connection.monitor.handle(), 0, ZMQ_POLLIN, 0});
}

Connection Dialer::take() { return std::move(attempts_.at(winner_).connection); }

}  // namespace tertulia::client
