#include "broker/log/log.hpp"

#include "broker/log/log_impl.hpp"
#include "common/base/log.hpp"

namespace tertulia::broker {

namespace {

constexpr std::uint32_t kRetryAfterMs = 1000;
constexpr std::uint64_t kPageBytes = 4096;
constexpr const char* kDiskFullText = "The server's disk is full: it reads and cannot write.";

// What did not get in because the disk is full.
Outcome refusal_of(const Append& item) {
  const Refused refused{pb::READ_ONLY, kDiskFullText};
  if (std::holds_alternative<InviteCommand>(item))
    return InviteResult{false, refused.text, {}, {}, {}, 0};
  if (std::holds_alternative<RevokeInviteCommand>(item)) return RevokedInvites{false, refused.text};
  return refused;
}

class ResultOf {
 public:
  ResultOf(CommitResult& out, Answers& answers, const std::string& checkpoint)
      : out_(out),
        answers_(answers),
        checkpoint_(checkpoint) {}

  void add(Append& item, Outcome& outcome) {
    std::visit([&](auto& append) { put(append, outcome); }, item);
  }

 private:
  void put(SubmissionAppend& a, Outcome& outcome) {
    if (const auto* refused = std::get_if<Refused>(&outcome)) return refuse(a.asker, *refused);
    auto& acked = std::get<Acked>(outcome);
    out_.answers.push_back(answers_.ack(a.asker, acked, checkpoint_));
    if (acked.leaf.empty()) return;
    out_.committed.entries.push_back({a.submission.room, acked.first_room_seq,
                                      std::move(acked.leaf), std::move(a.bodies),
                                      std::move(a.submission)});
  }
  void put(EnrolAppend& a, Outcome& outcome) {
    if (const auto* refused = std::get_if<Refused>(&outcome)) return refuse(a.asker, *refused);
    out_.answers.push_back(answers_.enrolled(a.asker, std::get<EnrolledAs>(outcome)));
  }
  void put(InviteCommand& c, Outcome& outcome) {
    out_.callbacks.push_back(
        [done = std::move(c.done), result = std::get<InviteResult>(outcome)] { done(result); });
  }
  void put(RevokeInviteCommand& c, Outcome& outcome) {
    out_.callbacks.push_back(
        [done = std::move(c.done), result = std::get<RevokedInvites>(std::move(outcome))] {
          done(result.ok, result.text);
        });
  }
  void refuse(const Asker& asker, const Refused& refused) {
    out_.answers.push_back(answers_.refused(asker, refused, checkpoint_, kRetryAfterMs));
  }

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
  m.batch_ms = m.options.now_ms();
  try {
    for (Append& item : batch)
      outcomes.push_back(std::visit([&](auto& append) { return m.decide(append); }, item));
    if (m.transaction) {
      m.commit();
      if (!m.get_reason().empty()) {
        m.set_reason({});
        log::notice("the disk has space again: the log is written");
      }
    }
  } catch (const DiskFull&) {
    m.rollback();
    if (m.get_reason().empty())
      log::error("the disk is full: the log is read-only until there is space");
    m.set_reason(kDiskFullText);
    outcomes.clear();
    for (const Append& item : batch) outcomes.push_back(refusal_of(item));
  } catch (...) {
    m.failed = true;
    throw;
  }
  CommitResult out;
  const std::string checkpoint = m.newest_checkpoint();
  ResultOf result(out, m.answers, checkpoint);
  out.answers.reserve(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) result.add(batch[i], outcomes[i]);
  out.committed.directory = m.derived->snapshot();
  return out;
}

void Log::idle() {
  Impl& m = *impl_;
  if (m.failed || !m.db) return;
  try {
    if (!m.get_reason().empty() && m.has_space_again()) {
      m.set_reason({});
      log::notice("the disk has space again: the log is written");
    }
    if (m.wal_frames > 0) m.checkpoint_wal(SQLITE_CHECKPOINT_PASSIVE);
  } catch (const DiskFull&) {
    // The database file cannot grow: its content stays in the WAL, which is read like it.
    m.set_reason(kDiskFullText);
  } catch (...) {
    m.failed = true;
    throw;
  }
}

void Log::close() {
  Impl& m = *impl_;
  if (!m.db) return;
  if (!m.failed) {
    const auto end = [&] {
      if (m.unwritten) {
        m.batch_ms = m.last_ms;
        m.begin();
        m.commit();
        m.unwritten.reset();
      }
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
const std::string& Log::card() const { return impl_->card; }
merkle::NoteKey Log::note_key() const { return impl_->note_key(); }
std::uint64_t Log::wal_bytes() const { return impl_->wal_frames * kPageBytes; }

}  // namespace tertulia::broker
