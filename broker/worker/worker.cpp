#include "broker/worker/worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "broker/flow/order_hold.hpp"
#include "broker/flow/peer_backlog.hpp"
#include "broker/flow/reply.hpp"
#include "broker/worker/submission_check.hpp"
#include "common/base/clock.hpp"
#include "common/wire/frame.hpp"

namespace tertulia::broker {

namespace {
Count count_of(pb::ErrorCode code) {
  switch (code) {
    case pb::BAD_FRAME: return Count::refused_bad_frame;
    case pb::BAD_REQUEST: return Count::refused_bad_request;
    case pb::NOT_ALLOWED: return Count::refused_not_allowed;
    case pb::STALE_KEY: return Count::refused_stale_key;
    case pb::NOT_A_MEMBER: return Count::refused_not_a_member;
    case pb::BAD_SIGNATURE: return Count::refused_bad_signature;
    case pb::BAD_COMMITMENT: return Count::refused_bad_commitment;
    case pb::BAD_BODY: return Count::refused_bad_body;
    case pb::TOO_BIG: return Count::refused_too_big;
    case pb::WRONG_SERVER: return Count::refused_wrong_server;
    default: return Count::refused_other;
  }
}

Count count_of(RateLimits::Spent spent) {
  switch (spent) {
    case RateLimits::Spent::bytes: return Count::refused_rate_bytes;
    case RateLimits::Spent::requests: return Count::refused_rate_requests;
    case RateLimits::Spent::enrolments: return Count::refused_rate_enrolments;
    case RateLimits::Spent::messages:
    case RateLimits::Spent::nothing: break;
  }
  return Count::refused_rate_messages;
}

// Large answers that a worker makes itself (people, welcome), for each key: a burst, and what comes
// after it in each second. Requests for them are small and wait in thousands; what the kernel knows of
// a connection comes too late for a batch of those.
constexpr std::size_t kLargeAnswerBytes = 2048;
constexpr std::int64_t kAllowanceBytesMax = 4 << 20;
constexpr std::uint64_t kAllowanceBytesPerMs = 1024;
constexpr std::uint32_t kSpentRetryMs = 1000;

struct Allowance {
  std::int64_t bytes = kAllowanceBytesMax;
  std::uint64_t at_ms = 0;

  bool is_spent(std::uint64_t now_ms) {
    const auto gained = static_cast<std::int64_t>(std::min<std::uint64_t>(now_ms - at_ms, 60'000) *
                                                  kAllowanceBytesPerMs);
    bytes = std::min(kAllowanceBytesMax, bytes + gained);
    at_ms = now_ms;
    return bytes <= 0;
  }
};
}  // namespace

struct Worker::Impl {
  Impl(Queue<Inbound>& in, WorkerPorts p) : queue(in), ports(std::move(p)) {}

  Queue<Inbound>& queue;
  WorkerPorts ports;
  std::atomic<bool> stopping{false};
  std::vector<Outgoing> answers;  // of the batch in work
  OrderHold hold;
  // One for each key that has asked: devices and invites, as many as the directory has. Who comes with
  // a link counts as the device that made it, since links come and go.
  std::unordered_map<CurvePublicKey, Allowance> allowances;
  std::thread thread;

  void run();
  void work(const Directory& directory, Inbound& in);
  void submit(const Directory& directory, const Inbound& in);
  void ask(const Directory& directory, const Inbound& in, ByteView content);
  // Who pays for what this key asks; nullopt: it is nobody's.
  std::optional<CurvePublicKey> payer(const Directory& directory, const CurvePublicKey& key) const;
  RateLimits::Verdict may_ask(const Directory& directory, const CurvePublicKey& key,
                              const CurvePublicKey& paying);
  bool slow_act(const Directory& directory, const Inbound& in);
  void refuse(const Asker& asker, pb::Error error) {
    ports.metrics.add(count_of(error.code()));
    answers.push_back(error_frame(asker, std::move(error)));
  }
  bool is_slowed(const Asker& asker, const RateLimits::Verdict& verdict) {
    if (verdict.spent == RateLimits::Spent::nothing) return false;
    busy(asker, count_of(verdict.spent), verdict.wait_ms);
    return true;
  }
  void busy(const Asker& asker, Count reason, std::uint32_t retry_after_ms = busy_retry_ms) {
    ports.metrics.add(reason);
    answers.push_back(busy_frame(asker, retry_after_ms));
  }
};

void Worker::Impl::run() {
  std::vector<Inbound> batch;
  for (;;) {
    const bool last_turn = stopping;
    if (!last_turn) queue.wait(-1);
    queue.take_all(batch);
    const auto directory = ports.directory.load();
    for (auto& in : batch) work(*directory, in);
    ports.outgoing.push_always(std::move(answers));
    answers.clear();
    if (last_turn) return;
  }
}

void Worker::Impl::work(const Directory& directory, Inbound& in) {
  const auto command = wire::decode_command(in.frame);
  if (!command || command->type == wire::FrameType::reply)
    refuse(in.asker, error_of(pb::BAD_FRAME, "This is not a frame of protocol version 1."));
  else if (command->type == wire::FrameType::submission)
    submit(directory, in);
  else
    ask(directory, in, command->content);
}

void Worker::Impl::submit(const Directory& directory, const Inbound& in) {
  const std::uint64_t now_ms = monotonic_ms();
  const CurvePublicKey& key = in.asker.key;
  const auto room = wire::submission_room(in.frame);
  if (!room) return refuse(in.asker, error_of(pb::BAD_FRAME, "This is not a submission's frame."));
  if (!hold.empty())
    if (const std::uint32_t wait_ms = hold.wait_ms(in.asker, *room, now_ms); wait_ms > 0)
      return busy(in.asker, Count::refused_behind, wait_ms);
  const Device* const device = directory.device_of(key);
  const User* const user = device == nullptr ? nullptr : directory.user(device->user);
  if (user != nullptr) {
    const auto verdict = ports.rates.may_submit(device->id, user->id, user->role, now_ms);
    if (is_slowed(in.asker, verdict)) return hold.refused(in.asker, *room, now_ms, verdict.wait_ms);
    ports.rates.pay(device->id, user->id, user->role, 1, in.frame.size(), now_ms);
  }
  auto checked = check_submission(directory, ports.facts.server, in.asker, in.frame);
  if (!checked) {
    if (checked.error().code() == pb::STALE_KEY) hold.refused(in.asker, *room, now_ms, 0);
    refuse(in.asker, std::move(checked.error()));
    return;
  }
  const std::size_t messages = checked->submission.messages.size();
  if (!ports.log.push(std::move(*checked), in.frame.size())) {
    hold.refused(in.asker, *room, monotonic_ms(), busy_retry_ms);
    busy(in.asker, Count::refused_log_busy);
    return;
  }
  if (user != nullptr && messages > 1)
    ports.rates.pay(device->id, user->id, user->role, messages - 1, 0, now_ms);
  ports.metrics.add(Count::submissions);
}

void Worker::Impl::ask(const Directory& directory, const Inbound& in, ByteView content) {
  ports.metrics.add(Count::requests);
  if (reads_too_slowly(in.asker.connection_fd)) {
    busy(in.asker, Count::refused_slow_peer);
    return;
  }
  // Before anything is remembered of it: a revoked device, or a link that was forgotten.
  const auto paying = payer(directory, in.asker.key);
  if (!paying) {
    refuse(in.asker, error_of(pb::NOT_ALLOWED,
                              "This key belongs to no live device, and to no invite or link."));
    return;
  }
  if (is_slowed(in.asker, may_ask(directory, in.asker.key, *paying))) return;
  Allowance& allowance = allowances[*paying];
  if (allowance.is_spent(monotonic_ms())) {
    busy(in.asker, Count::refused_slow_peer, kSpentRetryMs);
    return;
  }
  auto answer = answer_request(directory, ports.facts, in.asker, content, answers);
  if (auto* reply = std::get_if<pb::Reply>(&answer)) {
    if (reply->has_error()) ports.metrics.add(count_of(reply->error().code()));
    answers.push_back(reply_frame(in.asker, *reply));
    if (const std::size_t bytes = answers.back().frame.size(); bytes > kLargeAnswerBytes)
      allowance.bytes -= static_cast<std::int64_t>(bytes);
  } else if (auto* enrol = std::get_if<EnrolAppend>(&answer)) {
    if (!ports.log.push(std::move(*enrol), in.frame.size()))
      busy(in.asker, Count::refused_log_busy);
  } else if (auto* act = std::get_if<SubmissionAppend>(&answer)) {
    // An entry for ever, like a message
    if (slow_act(directory, in)) return;
    if (!ports.log.push(std::move(*act), in.frame.size())) busy(in.asker, Count::refused_log_busy);
  } else if (auto* audited = std::get_if<AuditedRead>(&answer)) {
    if (!ports.log.push(std::move(*audited), in.frame.size()))
      busy(in.asker, Count::refused_log_busy);
  } else if (auto* read = std::get_if<ReadRequest>(&answer)) {
    if (!reader_of(ports.readers, in.asker.key).push(std::move(*read), in.frame.size()))
      busy(in.asker, Count::refused_reader_busy);
  }
}

std::optional<CurvePublicKey> Worker::Impl::payer(const Directory& directory,
                                                  const CurvePublicKey& key) const {
  if (directory.keys.contains(key)) return key;
  const auto link = ports.facts.links->find(key, monotonic_ms());
  return link ? std::optional(link->opener) : std::nullopt;
}

RateLimits::Verdict Worker::Impl::may_ask(const Directory& directory, const CurvePublicKey& key,
                                          const CurvePublicKey& paying) {
  if (const Device* device = directory.device_of(key); device != nullptr)
    return ports.rates.may_ask(device->id, device->user, monotonic_ms());
  const Invite* const invite = directory.invite_of(key);
  const bool many = invite != nullptr && invite->is_class_link() && invite->is_open(wall_ms());
  return ports.rates.may_enrol(paying, many ? invite->uses : 1, monotonic_ms());
}

bool Worker::Impl::slow_act(const Directory& directory, const Inbound& in) {
  const Device* const device = directory.device_of(in.asker.key);
  const User* const user = device == nullptr ? nullptr : directory.user(device->user);
  if (user == nullptr) return false;  // checked before
  const std::uint64_t now_ms = monotonic_ms();
  if (is_slowed(in.asker, ports.rates.may_submit(device->id, user->id, user->role, now_ms)))
    return true;
  ports.rates.pay(device->id, user->id, user->role, 1, in.frame.size(), now_ms);
  return false;
}

Worker::Worker(std::size_t number, Queue<Inbound>& queue, WorkerPorts ports, FatalReport fatal)
    : impl_(std::make_unique<Impl>(queue, std::move(ports))) {
  impl_->thread = start_thread(fmt::format("t-worker-{}", number), std::move(fatal),
                               [i = impl_.get()] { i->run(); });
}
Worker::~Worker() { stop(); }
void Worker::stop() {
  if (!impl_->thread.joinable()) return;
  impl_->stopping = true;
  impl_->queue.wake();
  impl_->thread.join();
}

}  // namespace tertulia::broker
