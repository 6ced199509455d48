#include "client/engine/link.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/log.hpp"

namespace tertulia::client {

namespace {
constexpr std::uint64_t kFirstPauseMs = 250;  // a broker that restarts is back in a moment
constexpr std::uint64_t kPauseMs = 1'000;
constexpr std::uint64_t kPauseMsMax = 30'000;
constexpr std::uint64_t kRefusedPauseMs = 60'000;
constexpr unsigned kWrongRoundsMax = 3;

std::string joined(const std::vector<std::string>& addresses) {
  return fmt::format("{}", fmt::join(addresses, ", "));
}
}  // namespace

void Link::drop() {
  dialer_.reset();
  connection_.reset();
  sub_monitor_.reset();
  sub_.reset();
  sub_address_.clear();
  topics_.clear();
  sub_up_ = false;
}

void Link::dial_now(std::uint64_t now_ms) {
  drop();
  dialer_.emplace(context_, identity_, servers_, addresses_, now_ms);
}

// 0.25 to 0.75 s, then 1 to 3 s doubling to 30 s, spread so that clients do not come all at once.
void Link::pause(std::uint64_t now_ms) {
  const unsigned doublings = rounds_ > 1 ? std::min(rounds_ - 2, 5u) : 0;
  const std::uint64_t base =
      rounds_ <= 1 ? kFirstPauseMs : std::min(kPauseMs << doublings, kPauseMsMax / 3);
  retry_at_ms_ = now_ms + base + randombytes_uniform(static_cast<std::uint32_t>(2 * base));
}

void Link::lost(std::uint64_t now_ms, const std::string& why) {
  drop();
  ++rounds_;
  problem_ = LinkProblem::unreachable;
  detail_ = why;
  pause(now_ms);
}

void Link::turned_away(std::uint64_t now_ms, const std::string& why) {
  drop();
  problem_ = LinkProblem::device_refused;
  detail_ = why;
  retry_at_ms_ = now_ms + kRefusedPauseMs;
}

void Link::end_round(DialOutcome outcome, std::uint64_t now_ms) {
  drop();
  ++rounds_;
  wrong_rounds_ = outcome == DialOutcome::wrong_key ? wrong_rounds_ + 1 : 0;
  if (outcome == DialOutcome::refused) {
    turned_away(now_ms, "the server does not know this device, or it was revoked");
    return;
  }
  if (outcome == DialOutcome::full) {
    problem_ = LinkProblem::server_full;
    detail_ = "limits.max_connections of the server";
  } else if (wrong_rounds_ >= kWrongRoundsMax) {
    problem_ = LinkProblem::wrong_server;
    detail_ = fmt::format(
        "another server's key answers at {}; if the server has a new key, ask its administrator "
        "for "
        "its card (tertuliactl server card) and give it to this profile: tertulia-cli server-card "
        "FILE",
        joined(addresses_));
  } else {
    problem_ = LinkProblem::unreachable;
    detail_ = fmt::format("nothing answers at {}", joined(addresses_));
  }
  pause(now_ms);
}

Link::Change Link::work(std::uint64_t now_ms) {
  Change change;
  if (connection_) {
    while (const auto event = connection_->monitor.next()) {
      if (event->event != ZMQ_EVENT_DISCONNECTED && event->event != ZMQ_EVENT_CLOSED) continue;
      lost(now_ms, "the connection ended");
      change.went_down = true;
      return change;
    }
    if (sub_monitor_) {
      while (const auto event = sub_monitor_->next()) {
        const bool is_up = event->event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
        if (is_up || event->event == ZMQ_EVENT_DISCONNECTED) {
          if (is_up != sub_up_) sub_since_ms_ = now_ms;
          sub_up_ = is_up;
          change.broadcast_came_up = change.broadcast_came_up || is_up;
        }
      }
    }
    return change;
  }
  if (!dialer_) {
    if (now_ms < retry_at_ms_) return change;
    dial_now(now_ms);
  }
  const DialOutcome outcome = dialer_->work(now_ms);
  if (outcome == DialOutcome::connected) {
    connection_.emplace(dialer_->take());
    identity_.server = connection_->server;
    dialer_.reset();
    change.came_up = true;
  } else if (outcome != DialOutcome::trying) {
    end_round(outcome, now_ms);
  }
  return change;
}

std::uint64_t Link::next_deadline_ms() const {
  if (connection_) return UINT64_MAX;
  return dialer_ ? dialer_->next_deadline_ms() : retry_at_ms_;
}

void Link::add_to(std::vector<zmq::pollitem_t>& items) {
  if (dialer_) dialer_->add_to(items);
  if (!connection_) return;
  items.push_back({connection_->dealer.handle(), 0, ZMQ_POLLIN, 0});
  items.push_back({connection_->monitor.handle(), 0, ZMQ_POLLIN, 0});
  if (!sub_) return;
  items.push_back({sub_->handle(), 0, ZMQ_POLLIN, 0});
  items.push_back({sub_monitor_->handle(), 0, ZMQ_POLLIN, 0});
}

bool Link::send(ByteView frame) { return connection_ && send_frame(connection_->dealer, frame); }
bool Link::receive(zmq::message_t& frame) {
  return connection_ && receive_frame(connection_->dealer, frame);
}
bool Link::receive_broadcast(zmq::message_t& frame) { return sub_ && receive_frame(*sub_, frame); }

void Link::make_broadcast(std::uint64_t now_ms) {
  sub_monitor_.reset();
  sub_.reset();
  sub_up_ = false;
  sub_since_ms_ = sub_made_ms_ = now_ms;
  sub_.emplace(make_sub(context_, identity_));
  sub_monitor_.emplace(context_, *sub_);
  for (const auto& topic : topics_) sub_->set(zmq::sockopt::subscribe, as_text(topic.view()));
  try {
    sub_->connect(sub_address_);
  } catch (const zmq::error_t& e) {
    log::warning("cannot listen for broadcasts at {}: {}", sub_address_, e.what());
  }
}

void Link::subscribe(const std::string& address, const std::vector<Topic>& topics,
                     std::uint64_t now_ms) {
  if (!sub_ || address != sub_address_) {
    sub_address_ = address;
    topics_ = topics;
    make_broadcast(now_ms);
    return;
  }
  for (const auto& topic : topics_)
    if (std::find(topics.begin(), topics.end(), topic) == topics.end())
      sub_->set(zmq::sockopt::unsubscribe, as_text(topic.view()));
  for (const auto& topic : topics)
    if (std::find(topics_.begin(), topics_.end(), topic) == topics_.end())
      sub_->set(zmq::sockopt::subscribe, as_text(topic.view()));
  topics_ = topics;
}

void Link::renew_broadcast(std::uint64_t now_ms) {
  if (sub_) make_broadcast(now_ms);
}

}  // namespace tertulia::client
