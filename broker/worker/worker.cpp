#include "broker/worker/worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "broker/flow/busy_hold.hpp"
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
    const auto gained = static_cast<std::int64_t>(
        std::min<std::uint64_t>(now_ms - at_ms, 60'000) * kAllowanceBytesPerMs);
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
  BusyHold hold{busy_retry_ms};
  // One for each key that has asked: devices and invites, as many as the directory has.
  std::unordered_map<CurvePublicKey, Allowance> allowances;
  std::thread thread;

  void run();
  void work(const Directory& directory, Inbound& in);
  void submit(const Directory& directory, const Inbound& in);
  void ask(const Directory& directory, const Inbound& in, ByteView content);
  void refuse(const Asker& asker, pb::Error error) {
    ports.metrics.add(count_of(error.code()));
    answers.push_back(error_frame(asker, std::move(error)));
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
  auto checked = check_submission(directory, ports.facts.server, in.asker, in.frame);
  if (!checked) {
    refuse(in.asker, std::move(checked.error()));
    return;
  }
  const bool held = !hold.empty() && hold.holds(in.asker.key, monotonic_ms());
  if (held || !ports.log.push(std::move(*checked), in.frame.size())) {
    if (!held) hold.refused(in.asker.key, monotonic_ms());
    busy(in.asker, Count::refused_log_busy);
    return;
  }
  ports.metrics.add(Count::submissions);
}

void Worker::Impl::ask(const Directory& directory, const Inbound& in, ByteView content) {
  ports.metrics.add(Count::requests);
  if (reads_too_slowly(in.asker.connection_fd)) {
    busy(in.asker, Count::refused_slow_peer);
    return;
  }
  Allowance& allowance = allowances[in.asker.key];
  if (allowance.is_spent(monotonic_ms())) {
    busy(in.asker, Count::refused_slow_peer, kSpentRetryMs);
    return;
  }
  auto answer = answer_request(directory, ports.facts, in.asker, content);
  if (auto* reply = std::get_if<pb::Reply>(&answer)) {
    if (reply->has_error()) ports.metrics.add(count_of(reply->error().code()));
    answers.push_back(reply_frame(in.asker, *reply));
    if (const std::size_t bytes = answers.back().frame.size(); bytes > kLargeAnswerBytes)
      allowance.bytes -= static_cast<std::int64_t>(bytes);
  } else if (auto* enrol = std::get_if<EnrolAppend>(&answer)) {
    if (!ports.log.push(std::move(*enrol), in.frame.size()))
      busy(in.asker, Count::refused_log_busy);
  } else if (auto* read = std::get_if<ReadRequest>(&answer)) {
    auto& reader = *ports.readers[std::hash<CurvePublicKey>{}(in.asker.key) % ports.readers.size()];
    if (!reader.push(std::move(*read), in.frame.size())) busy(in.asker, Count::refused_reader_busy);
  }
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
