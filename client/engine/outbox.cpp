#include "client/engine/outbox.hpp"

#include <algorithm>

#include "common/base/log.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::client {

namespace {
constexpr std::uint32_t kLoadRows = 4096;

std::size_t weight(const OutboxRow& row) { return row.body.size() + Salt::size_bytes + 4; }
}  // namespace

Bytes Outbox::body_of(const Draft& draft) {
  pb::Body body;
  body.set_text(draft.text);
  if (draft.reply_to) body.set_reply_to(std::string(as_text(to_bytes(*draft.reply_to))));
  for (const auto& user : draft.mentions) body.add_mentions(std::string(as_text(user.view())));
  Bytes out(body.ByteSizeLong());
  body.SerializeToArray(out.data(), static_cast<int>(out.size()));
  return out;
}

Outbox::Outbox(Store& store, Profile& profile, std::uint64_t process, bool quiet)
    : store_(store),
      profile_(profile),
      process_(process),
      quiet_(quiet) {
  for (const SubmissionId& id : store_.perhaps_logged()) perhaps_logged_.insert(id);
}

Outbox::RoomQueue& Outbox::append(OutboxRow row) {
  auto& queue = rooms_[row.room];
  if (queue.submissions.empty() || queue.submissions.back().id != row.submission) {
    queue.submissions.push_back({});
    queue.submissions.back().id = row.submission;
    queue.submissions.back().room = row.room;
    ++queue.waiting;
  }
  last_loaded_ = std::max(last_loaded_, row.submission);
  queue.submissions.back().rows.push_back(std::move(row));
  ++rows_;
  return queue;
}

std::vector<OutboxRow> Outbox::queue(const std::vector<Draft>& drafts, std::uint64_t now_wall_ms) {
  struct Open {
    SubmissionId id;
    std::size_t count = 0;
    std::size_t bytes = 0;
    bool full = true;
  };
  std::map<RoomId, Open> open;
  std::vector<OutboxRow> rows;
  rows.reserve(drafts.size());
  for (const auto& draft : drafts) {
    OutboxRow row;
    row.local_id = draft.local_id;
    row.room = draft.room;
    row.kind = draft.kind;
    row.target = draft.target;
    row.created_ms = now_wall_ms;
    randombytes_buf(row.salt.data(), row.salt.size());
    row.body = body_of(draft);
    auto& o = open[row.room];
    if (o.full || is_change(row.kind) ||
        o.bytes + weight(row) > record::submission_bodies_bytes_max)
      o = {store_.next_submission_id(now_wall_ms), 0, 0, false};
    row.submission = o.id;
    row.index = static_cast<std::uint8_t>(o.count++);
    o.bytes += weight(row);
    o.full = is_change(row.kind) || o.count == record::messages_max;
    store_.put(process_, row);
    rows.push_back(std::move(row));
  }
  store_.commit();
  // Rows of one submission stay together: all of this call, or from the store later.
  if (more_in_store_ || rows_ + rows.size() > rows_in_memory_max)
    more_in_store_ = true;
  else
    for (const auto& row : rows) append(row);
  return rows;
}

void Outbox::load_more() {
  if (!more_in_store_ || rows_ > rows_in_memory_max / 2) return;
  auto rows = store_.unsent(process_, last_loaded_, kLoadRows);
  more_in_store_ = rows.size() == kLoadRows;
  if (more_in_store_) {
    // The last submission may be cut: it comes whole with the next load.
    const SubmissionId last = rows.back().submission;
    if (rows.front().submission != last)
      while (rows.back().submission == last) rows.pop_back();
  }
  for (auto& row : rows) {
    RoomQueue& queue = append(std::move(row));
    queue.submissions.back().tried = true;  // perhaps: it may be a dead process's, who did not say
  }
}

std::vector<OutboxRow> Outbox::adopt() {
  std::vector<OutboxRow> adopted;
  if (quiet_ || !empty()) return adopted;
  bool any = false;
  for (const std::uint64_t process : store_.outbox_processes()) {
    if (process == process_) continue;
    const UniqueFd lock = profile_.take_dead(process);
    if (!lock) continue;
    store_.adopt(process, process_);
    store_.commit();
    profile_.forget_dead(process);
    any = true;
  }
  if (!any) return adopted;
  last_loaded_ = {};
  more_in_store_ = true;
  load_more();
  return all();
}

std::vector<OutboxRow> Outbox::all() const {
  std::vector<OutboxRow> rows;
  for (const auto& [room, queue] : rooms_)
    for (const auto& s : queue.submissions) rows.insert(rows.end(), s.rows.begin(), s.rows.end());
  return rows;
}

std::vector<OutboxRow> Outbox::reload() {
  rooms_.clear();
  under_way_.clear();
  rows_ = 0;
  last_loaded_ = {};
  more_in_store_ = !quiet_;
  perhaps_logged_.clear();
  for (const SubmissionId& id : store_.perhaps_logged()) perhaps_logged_.insert(id);
  load_more();
  return all();
}

Outbox::Submission* Outbox::start(RoomQueue& queue, Submission& s, std::uint64_t now_ms) {
  s.state = Submission::State::under_way;
  s.tried = true;
  s.sent_ms = now_ms;
  --queue.waiting;
  ++queue.under_way;
  under_way_[s.id] = s.room;
  return &s;
}

Outbox::Submission* Outbox::find(const SubmissionId& id) {
  const auto at = under_way_.find(id);
  if (at == under_way_.end()) return nullptr;
  for (auto& s : rooms_[at->second].submissions)
    if (s.id == id) return &s;
  return nullptr;
}
const Outbox::Submission* Outbox::under_way(const SubmissionId& id) const {
  return const_cast<Outbox*>(this)->find(id);
}

void Outbox::answered(RoomQueue& queue) {
  if (--queue.under_way == 0) queue.held = false;
}

std::vector<OutboxRow> Outbox::take(const SubmissionId& id) {
  const auto at = under_way_.find(id);
  if (at == under_way_.end()) return {};
  auto& queue = rooms_[at->second];
  under_way_.erase(at);
  std::vector<OutboxRow> rows;
  const auto s = std::find_if(queue.submissions.begin(), queue.submissions.end(),
                              [&](const Submission& one) { return one.id == id; });
  if (s == queue.submissions.end()) return {};
  rows = std::move(s->rows);
  queue.submissions.erase(s);
  rows_ -= rows.size();
  answered(queue);
  return rows;
}

std::vector<OutboxRow> Outbox::acked(const SubmissionId& id) {
  auto rows = take(id);
  if (!rows.empty()) store_.remove_submission(id);
  load_more();
  return rows;
}

std::vector<OutboxRow> Outbox::failed(const SubmissionId& id, const std::string& reason,
                                      bool perhaps_logged) {
  auto rows = take(id);
  if (!rows.empty()) store_.set_failed(id, reason, perhaps_logged);
  if (!rows.empty() && perhaps_logged) perhaps_logged_.insert(id);
  for (auto& row : rows) {
    row.failed = true;
    row.perhaps_logged = perhaps_logged;
    row.failure = reason;
  }
  load_more();
  return rows;
}

void Outbox::again(const SubmissionId& id, std::uint64_t now_ms, std::uint64_t pause_ms) {
  Submission* s = find(id);
  if (s == nullptr) return;
  auto& queue = rooms_[s->room];
  under_way_.erase(id);
  s->state = Submission::State::waiting;
  ++queue.waiting;
  queue.held = true;
  queue.not_before_ms = std::max(queue.not_before_ms, now_ms + pause_ms);
  answered(queue);
}

void Outbox::go_on(std::uint64_t now_ms) {
  for (auto& [room, queue] : rooms_) queue.not_before_ms = std::min(queue.not_before_ms, now_ms);
}

void Outbox::connection_lost() {
  under_way_.clear();
  for (auto& [room, queue] : rooms_) {
    for (auto& s : queue.submissions) s.state = Submission::State::waiting;
    queue.waiting = queue.submissions.size();
    queue.under_way = 0;
    queue.held = false;
    queue.not_before_ms = 0;
  }
}

std::vector<OutboxRow> Outbox::fail_room(const RoomId& room, const std::string& reason) {
  std::vector<OutboxRow> out;
  const auto at = rooms_.find(room);
  if (at == rooms_.end() || at->second.under_way > 0) return out;
  for (auto& s : at->second.submissions) {
    store_.set_failed(s.id, reason, s.tried);
    if (s.tried) perhaps_logged_.insert(s.id);
    rows_ -= s.rows.size();
    for (auto& row : s.rows) {
      row.failed = true;
      row.perhaps_logged = s.tried;
      row.failure = reason;
      out.push_back(std::move(row));
    }
  }
  rooms_.erase(at);
  load_more();
  return out;
}

std::vector<OutboxRow> Outbox::rows_of(const RoomId& room, const SubmissionId& id) {
  std::vector<OutboxRow> rows = store_.outbox_of(room);
  std::erase_if(rows, [&](const OutboxRow& r) { return r.submission != id; });
  return rows;
}

std::vector<OutboxRow> Outbox::seen(const RoomId& room, const SubmissionId& id) {
  if (perhaps_logged_.erase(id) == 0) return {};
  std::vector<OutboxRow> rows = rows_of(room, id);
  std::erase_if(rows, [](const OutboxRow& r) { return !r.failed; });
  for (auto& row : rows) {
    store_.remove_row(row.local_id);
    row.failed = row.perhaps_logged = false;
    row.failure.clear();
  }
  return rows;
}

// An ack that was lost, and then one was no member any more: as it is, it is known in the log or not.
std::vector<OutboxRow> Outbox::retry_same(const OutboxRow& row) {
  std::vector<OutboxRow> rows = rows_of(row.room, row.submission);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    store_.remove_row(rows[i].local_id);
    rows[i].index = static_cast<std::uint8_t>(i);
    rows[i].failed = rows[i].perhaps_logged = false;
    rows[i].failure.clear();
    store_.put(process_, rows[i]);
  }
  store_.commit();
  perhaps_logged_.erase(row.submission);
  // Else it comes with those that are loaded later
  if (!more_in_store_ || row.submission <= last_loaded_)
    for (const auto& r : rows) {
      RoomQueue& queue = append(r);
      queue.submissions.back().tried = true;
    }
  // It was written before those that wait: it goes first
  auto& submissions = rooms_[row.room].submissions;
  std::stable_sort(submissions.begin(), submissions.end(),
                   [](const Submission& a, const Submission& b) { return a.id < b.id; });
  return rows;
}

std::vector<OutboxRow> Outbox::retry(std::uint64_t local_id, std::uint64_t now_wall_ms) {
  auto row = store_.outbox_row(local_id);
  if (!row || !row->failed) return {};
  if (row->perhaps_logged) return retry_same(*row);
  // Refused for good under its old id, so it is not in the log: a new id and salt cannot double it.
  store_.remove_row(local_id);
  row->submission = store_.next_submission_id(now_wall_ms);
  row->index = 0;
  randombytes_buf(row->salt.data(), row->salt.size());
  row->failed = false;
  row->failure.clear();
  store_.put(process_, *row);
  store_.commit();
  if (rows_ >= rows_in_memory_max) more_in_store_ = true;
  if (!more_in_store_) append(*row);
  return {*row};
}

std::optional<RoomId> Outbox::discard(std::uint64_t local_id) {
  const auto row = store_.outbox_row(local_id);
  if (!row) return std::nullopt;
  if (row->failed) {
    store_.remove_row(local_id);
    store_.commit();
    return row->room;
  }
  const auto at = rooms_.find(row->room);
  if (at == rooms_.end()) return std::nullopt;
  auto& queue = at->second;
  const auto s = std::find_if(queue.submissions.begin(), queue.submissions.end(),
                              [&](const Submission& one) { return one.id == row->submission; });
  if (s == queue.submissions.end() || s->tried) return std::nullopt;
  // Never sent, so nobody knows the submission's form yet: it closes up.
  store_.remove_row(local_id);
  std::erase_if(s->rows, [&](const OutboxRow& one) { return one.local_id == local_id; });
  --rows_;
  for (std::size_t i = 0; i < s->rows.size(); ++i)
    if (s->rows[i].index != i) {
      s->rows[i].index = static_cast<std::uint8_t>(i);
      store_.set_index(s->rows[i].local_id, static_cast<std::uint8_t>(i));
    }
  if (s->rows.empty()) {
    queue.submissions.erase(s);
    --queue.waiting;
  }
  store_.commit();
  return row->room;
}

std::vector<RoomId> Outbox::rooms() const {
  std::vector<RoomId> out;
  for (const auto& [room, queue] : rooms_)
    if (!queue.submissions.empty()) out.push_back(room);
  return out;
}

std::uint64_t Outbox::oldest_under_way_ms() const {
  std::uint64_t oldest = UINT64_MAX;
  for (const auto& [room, queue] : rooms_)
    for (std::size_t at = 0, left = queue.under_way; left > 0; ++at) {
      const Submission& s = queue.submissions[at];
      if (s.state != Submission::State::under_way) continue;
      oldest = std::min(oldest, s.sent_ms);
      --left;
    }
  return oldest;
}

std::uint64_t Outbox::next_deadline_ms(std::uint64_t now_ms) const {
  std::uint64_t next = UINT64_MAX;
  for (const auto& [room, queue] : rooms_)
    if (queue.waiting > 0 && queue.not_before_ms > now_ms)
      next = std::min(next, queue.not_before_ms);
  return next;
}

}  // namespace tertulia::client
