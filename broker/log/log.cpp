#include "broker/log/log.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "broker/log/log_impl.hpp"
#include "common/base/log.hpp"

namespace tertulia::broker {

namespace {

constexpr std::uint64_t kPageBytes = 4096;

// What did not get in because the disk is full.
Outcome refusal_of(const Append& item) {
  const Refused refused{pb::READ_ONLY, disk_full_text};
  if (std::holds_alternative<InviteCommand>(item) || std::holds_alternative<ClassLinkCommand>(item))
    return InviteResult{{}, {{std::nullopt, refused.text}}};
  if (std::holds_alternative<RevokeInviteCommand>(item) ||
      std::holds_alternative<AdvertiseCommand>(item) || std::holds_alternative<ActCommand>(item) ||
      std::holds_alternative<RotateKeyCommand>(item))
    return Done{false, refused.text};
  if (std::holds_alternative<WebhookCommand>(item)) return WebhookResult{false, refused.text, {}, {}};
  return refused;
}

class ResultOf {
 public:
  ResultOf(CommitResult& out, Answers& answers, const std::string& checkpoint, Metrics* metrics)
      : metrics_(metrics),
        out_(out),
        answers_(answers),
        checkpoint_(checkpoint) {}

  void add(Append& item, Outcome& outcome) {
    std::visit([&](auto& append) { put(append, outcome); }, item);
  }

 private:
  void put(SubmissionAppend& a, Outcome& outcome) {
    if (const auto* refused = std::get_if<Refused>(&outcome)) {
      if (a.posted) return tell(*a.posted, PostResult{refused->code, refused->text, 0, 0, {}, false});
      return refuse(a.asker, *refused);
    }
    auto& acked = std::get<Acked>(outcome);
    if (a.posted) {
      const bool again = !a.posted->known.is_zero();
      tell(*a.posted, PostResult{pb::ERROR_NONE, {}, acked.seq, acked.first_room_seq,
                                 again ? a.posted->known : a.submission.id, again});
    } else {
      out_.answers.push_back(answers_.ack(a.asker, acked, checkpoint_));
    }
    if (acked.leaf.empty()) return;  // known since an earlier time, or an act
    // Before the ack is out: who has it finds the message counted.
    if (metrics_ != nullptr)
      metrics_->add(Count::messages_committed, a.submission.messages.size());
    out_.committed.entries.push_back({a.submission.room, acked.first_room_seq,
                                      std::move(acked.leaf), std::move(a.bodies),
                                      std::move(a.submission)});
  }
  void put(EnrolAppend& a, Outcome& outcome) {
    if (const auto* refused = std::get_if<Refused>(&outcome)) return refuse(a.asker, *refused);
    out_.answers.push_back(answers_.enrolled(a.asker, std::get<EnrolledAs>(outcome)));
  }
  void put(AuditedRead& a, Outcome& outcome) {
    if (const auto* refused = std::get_if<Refused>(&outcome)) return refuse(a.asker, *refused);
    out_.reads.push_back({a.asker, a.what});
  }
  void put(InviteCommand& c, Outcome& outcome) { call(std::move(c.done), outcome); }
  void put(ClassLinkCommand& c, Outcome& outcome) { call(std::move(c.done), outcome); }
  void put(WebhookCommand& c, Outcome& outcome) { call(std::move(c.done), outcome); }
  void tell(Posted& posted, PostResult&& result) {
    out_.callbacks.push_back(
        [done = std::move(posted.done), result = std::move(result)] { done(result); });
  }
  void put(RevokeInviteCommand& c, Outcome& outcome) { call(std::move(c.done), outcome); }
  void put(AdvertiseCommand& c, Outcome& outcome) { call(std::move(c.done), outcome); }
  void put(ActCommand& c, Outcome& outcome) { call(std::move(c.done), outcome); }
  void put(RotateKeyCommand& c, Outcome& outcome) { call(std::move(c.done), outcome); }
  void call(std::function<void(bool, std::string)>&& done, Outcome& outcome) {
    out_.callbacks.push_back([done = std::move(done), result = std::get<Done>(std::move(outcome))] {
      done(result.ok, result.text);
    });
  }
  template <class Result>
  void call(std::function<void(Result)>&& done, Outcome& outcome) {
    out_.callbacks.push_back([done = std::move(done), result = std::get<Result>(
                                                          std::move(outcome))] { done(result); });
  }
  void refuse(const Asker& asker, const Refused& refused) {
    if (metrics_ != nullptr)
      metrics_->add(refused.code == pb::TOO_MANY ? Count::refused_too_many : Count::refused_by_log);
    out_.answers.push_back(answers_.refused(asker, refused, checkpoint_, log_retry_ms));
  }

  Metrics* metrics_;
  CommitResult& out_;
  Answers& answers_;
  const std::string& checkpoint_;
};

}  // namespace

Log::Log(const LogOptions& options, const ServerKeys& keys, DirectoryCell& cell)
    : impl_(std::make_unique<Impl>(options, keys, cell)) {
  impl_->open();
}
Log::~Log() = default;

CommitResult Log::append(std::vector<Append>&& batch) {
  Impl& m = *impl_;
  if (m.failed) throw StorageFailure("the log has failed and is not written any more");
  std::vector<Outcome> outcomes;
  outcomes.reserve(batch.size());
  try {
    if (m.stopped) m.try_to_resume();
    m.batch_ms = m.options.now_ms();
    for (Append& item : batch)
      outcomes.push_back(std::visit([&](auto& append) { return m.decide(append); }, item));
    if (m.transaction) m.commit();
  } catch (const DiskFull&) {
    m.rollback();
    m.stop_writing();
    outcomes.clear();
    for (const Append& item : batch) {
      outcomes.push_back(refusal_of(item));
      if (const auto* a = std::get_if<SubmissionAppend>(&item)) m.hold_behind(*a, log_retry_ms);
    }
  } catch (...) {
    m.failed = true;
    throw;
  }
  CommitResult out;
  const std::string checkpoint = m.newest_checkpoint();
  ResultOf result(out, m.answers, checkpoint, m.options.metrics);
  out.answers.reserve(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) result.add(batch[i], outcomes[i]);
  out.committed.directory = m.derived->snapshot();
  for (Outgoing& notice : m.notices) out.answers.push_back(std::move(notice));
  m.notices.clear();
  return out;
}

void Log::reseal() {
  Impl& m = *impl_;
  if (m.failed || m.stopped || !m.db || !m.reseal) return;
  try {
    m.reseal_some();
  } catch (const DiskFull&) {
    m.stop_writing();
  } catch (...) {
    m.failed = true;
    throw;
  }
}

void Log::idle() {
  Impl& m = *impl_;
  if (m.failed || !m.db) return;
  try {
    if (m.stopped && !m.try_to_resume()) return;
    if (m.wal_holds_old_key)
      m.cut_wal();
    else if (m.wal_frames > 0)
      m.checkpoint_wal(SQLITE_CHECKPOINT_PASSIVE);
  } catch (const DiskFull&) {
    // The database file cannot grow: its content stays in the WAL, which is read like it.
    m.stop_writing();
  } catch (...) {
    m.failed = true;
    throw;
  }
}

void Log::keep_presence() {
  Impl& m = *impl_;
  if (m.failed || m.stopped || !m.db || m.options.presence == nullptr) return;
  try {
    m.write_presence(false);
  } catch (const DiskFull&) {
    m.stop_writing();
  } catch (...) {
    m.failed = true;
    throw;
  }
}

void Log::close() {
  Impl& m = *impl_;
  if (!m.db) return;
  if (!m.failed) {
    m.stopped = false;  // what is left to write takes the reserve
    const auto end = [&] {
      if (m.unwritten) {
        m.batch_ms = m.last_ms;
        m.begin();
        m.commit();
        m.unwritten.reset();
      }
      m.write_presence(true);
      m.checkpoint_wal(SQLITE_CHECKPOINT_TRUNCATE);
    };
    try {
      end();
    } catch (const DiskFull&) {
      m.rollback();
      std::filesystem::remove(m.options.reserve);
      try {
        end();
      } catch (const DiskFull&) {
        m.rollback();
        log::warning(
            "the disk is full: the log ends with its last entries in the WAL, where the next start "
            "finds them");
      }
    }
  }
  m.begin_statement.reset();
  m.commit_statement.reset();
  m.derived.reset();
  m.store.reset();
  m.db.reset();
}

std::uint64_t Log::size() const { return impl_->committed_size.load(std::memory_order_acquire); }
std::shared_ptr<const std::string> Log::checkpoint() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->checkpoint_note;
}
std::string Log::read_only() const { return impl_->get_reason(); }
std::string Log::card() const {
  std::lock_guard lock(impl_->mutex);
  return *impl_->card;
}
std::uint64_t Log::card_serial() const { return impl_->card_serial; }
merkle::NoteKey Log::note_key() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->shown_log_key;
}
std::shared_ptr<const std::vector<KeyEntry>> Log::keys() const {
  auto list = [&] {
    std::lock_guard lock(impl_->mutex);
    return impl_->shown_keys;
  }();
  const std::uint64_t end = impl_->reseal_end;
  if (end == 0) return list;
  auto more = std::make_shared<std::vector<KeyEntry>>(*list);
  for (KeyEntry& entry : *more)
    if (entry.name == "data")
      entry.remark = fmt::format("{} of {} older entries sealed again under it",
                                 std::min<std::uint64_t>(impl_->reseal_next, end), end);
  return more;
}
bool Log::is_resealing() const { return impl_->reseal.has_value() && !impl_->stopped; }
std::shared_ptr<const DataKeyRing> Log::data_keys() const { return impl_->ring; }
crypto::CurveKey Log::transport_key() const { return impl_->keys.transport; }
std::uint64_t Log::transport_due_ms() const { return impl_->transport_due_ms; }
std::uint64_t Log::wal_bytes() const { return impl_->wal_frames * kPageBytes; }

}  // namespace tertulia::broker
