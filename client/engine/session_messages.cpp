#include <algorithm>

#include "client/engine/mentions.hpp"
#include "client/engine/session.hpp"
#include "common/base/clock.hpp"
#include "common/base/log.hpp"
#include "common/wire/tertulia.pb.h"

namespace tertulia::client {

namespace {
constexpr std::uint32_t kPageMessages = 1'000;  // of a gap that is mended whole
constexpr std::uint32_t kNewestPageMessages = 100;
constexpr std::uint64_t kGapMendedWhole = 500;    // a larger one: newest page first
constexpr std::uint64_t kFetchAgainMs = 5'000;    // after a page that brought nothing
constexpr std::uint64_t kHeldFullMs = 500;  // a page that found no place to wait is asked for again
constexpr std::size_t kSealedFramesMax = 256;
// No room comes here in earnest; above, sums wrap and SQLite's integers turn negative.
constexpr std::uint64_t kRoomSeqMax = std::uint64_t{1} << 62;
constexpr std::size_t kHeldBytesMax = 4 * 1024 * 1024;

std::uint64_t last_room_seq(const record::Leaf& leaf) {
  return leaf.first_room_seq + leaf.submission.messages.size() - 1;
}

std::vector<UserId> users_of(const pb::Body& body) {
  std::vector<UserId> out;
  for (const auto& mention : body.mentions())
    if (const auto user = UserId::parse(as_bytes(mention)); user && out.size() < mentions_max)
      out.push_back(*user);
  return out;
}
}  // namespace

// ---- broadcasts ----

void Session::on_broadcast(ByteView frame, std::uint64_t now_ms) {
  const auto down = wire::decode_down(frame);
  if (!down) {
    log::warning("a broadcast of {} bytes is not a frame of this protocol; dropped", frame.size());
    return;
  }
  if (queue_.crowded()) {
    // Whoever draws the events is behind: what this frame brings is fetched when there is room.
    const crypto::RoomKey* key = nullptr;
    RoomState* room = rooms_.of_frame(down->topic, down->header.key, key);
    if (room == nullptr) room = rooms_.of_topic(down->topic);
    if (room != nullptr)
      room->timeline.note_head(down->header.first_room_seq + down->header.count - 1);
    return;
  }
  on_sealed(frame, true, now_ms);
}

void Session::on_sealed(ByteView frame, bool keep, std::uint64_t now_ms) {
  const auto down = wire::decode_down(frame);
  if (!down) return;
  const crypto::RoomKey* key = nullptr;
  RoomState* room = rooms_.of_frame(down->topic, down->header.key, key);
  if (room == nullptr) {
    room = rooms_.of_topic(down->topic);
    if (room == nullptr) return keep_for_welcome(frame, *down, keep, now_ms);
    room->timeline.note_head(down->header.first_room_seq + down->header.count - 1);
    room->fetch_from_ms = std::max(room->fetch_from_ms, now_ms + kFetchAgainMs);
    const bool asked = keys_asked_.contains(room->shown.id);
    if ((!keep && !asked) || !keep_sealed(frame) || asked) return;
    pb::Request request;
    request.mutable_room_keys()->set_room(std::string(as_text(room->shown.id.view())));
    if (ask(request, {What::room_keys, room->shown.id})) keys_asked_.insert(room->shown.id);
    return;
  }
  Bytes entries;
  if (!wire::open_down(*key, enrolled_.server, room->shown.id, *down, entries)) {
    log::warning("a broadcast for room {} does not open under its key; dropped", room->shown.name);
    return;
  }
  Asked broadcast{What::timeline, room->shown.id};
  broadcast.live = true;
  take_entries(*room, entries, broadcast, people_questions_, now_ms);
}

bool Session::keep_sealed(ByteView frame) {
  if (sealed_.size() >= kSealedFramesMax || sealed_bytes_ + frame.size() > kHeldBytesMax)
    return false;
  sealed_.emplace_back(frame.begin(), frame.end());
  sealed_bytes_ += frame.size();
  return true;
}

// In an inbox: of which of the direct rooms, or of one that is not known yet, only its key would tell.
// The welcome has them all; it has the heads too, by which a gap is found should it not open then.
void Session::keep_for_welcome(ByteView frame, const wire::DownFrame& down, bool keep,
                               std::uint64_t now_ms) {
  const auto topics = rooms_.topics();
  if (!keep || std::find(topics.begin(), topics.end(), down.topic) == topics.end()) return;
  if (!keep_sealed(frame) || hello_open_) return;
  hello_at_ms_ = std::min(hello_at_ms_, std::max(now_ms, inbox_hello_ms_));
  inbox_hello_ms_ = now_ms + kFetchAgainMs;
}

// ---- entries ----

Stretch Session::verified(RoomState& room, const record::Entry& entry, bool live) {
  const record::Leaf& leaf = entry.leaf;
  const record::Submission& submission = leaf.submission;
  const StoredDevice* device = people_.device(submission.device);
  const bool good = device != nullptr && submission.server == enrolled_.server &&
                    leaf.seq > device->enrolled_seq &&
                    (device->revoked_seq == 0 || leaf.seq < device->revoked_seq) &&
                    record::verify_submission(device->sign, leaf.submission_bytes, leaf.signature);
  if (!good) {
    ++refused_entries_;
    log::warning("entry {} of room {} is not signed by a device that may; not shown ({} so far)",
                 leaf.seq, room.shown.name, refused_entries_);
  }
  Stretch stretch{leaf.first_room_seq, last_room_seq(leaf), {}};
  for (std::size_t i = 0; i < submission.messages.size(); ++i) {
    const auto& header = submission.messages[i];
    CachedMessage cached;
    cached.room = room.shown.id;
    cached.room_seq = leaf.first_room_seq + i;
    cached.seq = leaf.seq;
    cached.id = {submission.device, submission.id, static_cast<std::uint8_t>(i)};
    cached.kind = static_cast<std::uint8_t>(header.kind);
    cached.sent_at_ms = header.sent_at_ms;
    cached.logged_at_ms = leaf.logged_at_ms;
    cached.shown = good;
    if (device != nullptr) cached.sender = device->user;
    const record::Body& body = entry.bodies[i];
    pb::Body parsed;
    if (body.state == record::BodyState::present &&
        parsed.ParseFromArray(body.bytes.data(), static_cast<int>(body.bytes.size()))) {
      cached.text = parsed.text();
      cached.reply_to = message_id(as_bytes(parsed.reply_to()));
      cached.mentions = users_of(parsed);
    }
    if (is_change(cached.kind)) {
      cached.target = {header.target.device, header.target.submission, header.target.index};
      if (good) changed_.emplace(room.shown.id, *cached.target);
    }
    keep(room, cached, live);
    if (good) stretch.messages.push_back(message_of(cached));
  }
  if (good && submission.device == device_.id) settle(room.shown.id, leaf);
  return stretch;
}

// What had failed because its ack was lost and one was a member no more is in the log after all.
void Session::settle(const RoomId& room, const record::Leaf& leaf) {
  const auto rows = outbox_.seen(room, leaf.submission.id);
  if (!rows.empty()) tell_sent(rows, leaf.seq, leaf.first_room_seq, leaf.logged_at_ms);
}

void Session::take_entries(RoomState& room, ByteView bytes, const Asked& asked,
                           std::uint64_t people_question, std::uint64_t now_ms) {
  std::vector<record::Entry> entries;
  Reader reader(bytes);
  while (reader.left() > 0) {
    auto entry = record::read_entry(reader);
    if (!entry || entry->leaf.submission.is_act() || entry->leaf.submission.room != room.shown.id ||
        entry->leaf.first_room_seq > kRoomSeqMax) {
      log::warning("an entry of room {} is not of the log's form; dropped", room.shown.name);
      break;
    }
    entries.push_back(std::move(*entry));
  }
  const bool of_page = asked.what == What::page;
  if (!of_page)
    std::erase_if(entries, [&](const record::Entry& e) {
      return !room.timeline.wants(e.leaf.first_room_seq, last_room_seq(e.leaf));
    });
  // Asked for after they were seen and still unknown: then nobody may write with these devices.
  // people_question: the last one that had been asked when they were seen.
  const bool ask_first = people_question == people_questions_ || people_open_;
  if (ask_first && std::any_of(entries.begin(), entries.end(), [&](const record::Entry& e) {
        return people_.device(e.leaf.submission.device) == nullptr;
      })) {
    hold(room.shown.id, bytes, asked, people_question);
    ask_people();
    return;
  }
  // All of it is stored, or the store fails, before anything counts as given out.
  std::vector<Stretch> stretches;
  stretches.reserve(entries.size());
  for (const auto& entry : entries) stretches.push_back(verified(room, entry, asked.live));
  MessagesArrived arrived{room.shown.id, {}, false};
  if (!of_page) {
    const std::uint64_t before = room.timeline.delivered();
    if (asked.jump && !entries.empty())
      room.timeline.jump_to(entries.front().leaf.first_room_seq);
    arrived.after_gap = before != 0 && room.timeline.delivered() > before;
    for (Stretch& stretch : stretches) room.timeline.offer(std::move(stretch), arrived.messages);
  }
  if (room.timeline.head() > room.shown.head) {
    room.shown.head = room.timeline.head();
    rooms_dirty_ = true;
  }
  if (room.timeline.missing() > 0 && !room.fetching && !of_page)
    room.fetch_from_ms = std::min(room.fetch_from_ms, now_ms);
  // Who writes in a room has read it: an own message is never an unread one, on no device.
  const auto own = std::find_if(arrived.messages.rbegin(), arrived.messages.rend(),
                                [](const Message& m) { return m.own; });
  if (own != arrived.messages.rend()) mark_read(room.shown.id, own->room_seq);
  for (const Message& m : arrived.messages) presence_.said(m.room, m.sender);
  for (auto& message : arrived.messages) {
    const bool next = message.room_seq == room.shown.read_up_to + 1;
    if (next && is_change(message.kind)) mark_read(room.shown.id, message.room_seq);
    if (!asked.live || message.room_seq < room.newest_change)
      apply_changes(message, true);
    add_quote(message);
  }
  if (!arrived.messages.empty()) events_.push_back(std::move(arrived));
}

void Session::hold(const RoomId& room, ByteView bytes, const Asked& asked,
                   std::uint64_t people_question) {
  if (held_bytes_ + bytes.size() > kHeldBytesMax) {
    for (auto& job : pages_)
      if (asked.what == What::page && job.token == asked.token)
        unanswered(job, monotonic_ms() + kHeldFullMs);
    return;  // a gap, which will be fetched
  }
  held_bytes_ += bytes.size();
  held_.push_back({room, Bytes(bytes.begin(), bytes.end()), asked, people_question});
}

void Session::take_held(std::uint64_t now_ms) {
  const std::vector<Held> held = std::exchange(held_, {});
  held_bytes_ = 0;
  for (const auto& h : held) {
    RoomState* room = rooms_.find(h.room);
    if (room == nullptr) continue;
    take_entries(*room, h.entries, h.asked, h.people_question, now_ms);
    for (auto& job : pages_)
      if (h.asked.what == What::page && job.token == h.asked.token) job.asked = false;
  }
}

void Session::name_sender(Message& m) const {
  m.own = m.sender == enrolled_.account.user_id;
  if (const StoredPerson* person = people_.person(m.sender)) {
    m.sender_name = person->name;
    m.sender_display = person->display_name;
  } else if (m.own) {
    m.sender_name = enrolled_.account.user_name;
    m.sender_display = enrolled_.account.display_name;
  }
}

Message Session::message_of(const CachedMessage& c) const {
  Message m;
  m.room = c.room;
  m.seq = c.seq;
  m.room_seq = c.room_seq;
  m.id = c.id;
  m.sender = c.sender;
  m.kind = c.kind;
  m.sent_at_ms = c.sent_at_ms;
  m.logged_at_ms = c.logged_at_ms;
  m.text = c.text;
  m.target = c.target;
  m.reply_to = c.reply_to;
  name_sender(m);
  add_mentions(m, c.mentions);
  if (c.id.device != device_.id) return m;
  if (const auto* waiting = outbox_.under_way(c.id.submission)) {
    if (c.id.index < waiting->rows.size()) m.local_id = waiting->rows[c.id.index].local_id;
  } else if (const auto at = sent_lately_.find(c.id.submission);
             at != sent_lately_.end() && c.id.index < at->second.size()) {
    m.local_id = at->second[c.id.index];
  }
  return m;
}

Message Session::message_of(const OutboxRow& row, MessageState state) const {
  Message m;
  m.room = row.room;
  m.local_id = row.local_id;
  m.id = {device_.id, row.submission, row.index};
  m.sender = enrolled_.account.user_id;
  m.kind = row.kind;
  m.target = row.target;
  m.sent_at_ms = row.created_ms;
  m.state = row.failed ? MessageState::failed : state;
  m.failure = row.failure;
  name_sender(m);
  pb::Body body;
  if (body.ParseFromArray(row.body.data(), static_cast<int>(row.body.size()))) {
    m.text = body.text();
    m.reply_to = message_id(as_bytes(body.reply_to()));
    add_mentions(m, users_of(body));
  }
  add_quote(m);
  return m;
}

// ---- gaps ----

void Session::fetch_gaps(std::uint64_t now_ms) {
  if (queue_.crowded()) return;
  for (auto& [id, room] : rooms_.all()) {
    if (!room.member || room.fetching || room.timeline.missing() == 0 ||
        now_ms < room.fetch_from_ms || !held_.empty())
      continue;
    const bool jump = options_.follow == Follow::newest_first &&
                      (room.timeline.delivered() == 0 || room.timeline.missing() > kGapMendedWhole);
    pb::Request request;
    auto& history = *request.mutable_history();
    history.set_room(std::string(as_text(id.view())));
    history.set_from_room_seq(jump ? 0 : room.timeline.delivered() + 1);
    history.set_limit(jump ? kNewestPageMessages : kPageMessages);
    room.fetching = ask(request, {What::timeline, id, 0, jump});
  }
}

void Session::on_history(const Asked& asked, const pb::HistoryPage& page, std::uint64_t now_ms) {
  RoomState* room = rooms_.find(asked.room);
  if (room == nullptr) return;
  room->timeline.note_head(page.head_room_seq());
  if (asked.what == What::page) {
    if (room->audited) room->shown.head = std::max(room->shown.head, page.head_room_seq());
    for (auto& job : pages_) {
      if (job.token != asked.token) continue;
      job.asked = false;
      if (job.upper == 0) job.upper = room->shown.head + 1;
    }
    take_entries(*room, as_bytes(page.entries()), asked, people_questions_, now_ms);
    for (const auto& held : held_)
      for (auto& job : pages_)
        if (held.asked.what == What::page && job.token == held.asked.token) job.asked = true;
    return;
  }
  room->fetching = false;
  const std::uint64_t before = room->timeline.delivered();
  take_entries(*room, as_bytes(page.entries()), asked, people_questions_, now_ms);
  if (room->timeline.delivered() == before && held_.empty()) {
    log::warning("room {}: {} messages are in the log but the server does not give them out",
                 room->shown.name, room->timeline.missing());
    room->fetch_from_ms = now_ms + kFetchAgainMs;
  }
}

// ---- older pages ----

void Session::load_page(const RoomId& room, std::uint64_t before, std::uint32_t limit,
                        std::uint64_t token, PageContent content) {
  PageJob& job = pages_.emplace_back();
  job.room = room;
  job.before = job.upper = before;
  job.limit = std::max(1u, limit);
  job.token = token;
  job.content = content;
}

// The newest messages below job.upper that are cached without a hole, newest first, as many as the
// page is to hold of those that it is to hold: into job.found, on from where the last look ended.
void Session::look_for_rows(PageJob& job) {
  if (job.looked == 0 || job.generation != generation_) {
    job.looked = job.upper;
    job.generation = generation_;
    job.found.clear();
  }
  while (job.found.size() < job.limit) {
    const auto left = job.limit - static_cast<std::uint32_t>(job.found.size());
    const auto chunk = store_.cached_before(generation_, job.room, job.looked, left);
    for (const auto& row : chunk) {
      job.looked = row.room_seq;
      if (job.content == PageContent::raw || !is_change(row.kind)) job.found.push_back(row.id);
    }
    if (chunk.size() < left) return;
  }
}

// It is asked once more, not before `again_ms`: no answer is not one without entries.
void Session::unanswered(PageJob& job, std::uint64_t again_ms) {
  job.asked = false;
  job.lowest = 0;
  job.ask_from_ms = again_ms;
}

bool Session::finish_page(PageJob& job) {
  RoomState* room = rooms_.find(job.room);
  const bool live = options_.subscribe && options_.follow == Follow::newest_first;
  if (job.upper == 0) {
    if (room == nullptr && !welcomed_ && !live) return false;
    if (room != nullptr && room->audited) {
      if (welcomed_) ask_page(job, 0, job.limit);  // the answer says where the newest one is
      return false;
    }
    if (room == nullptr) job.upper = 1;
    // What is newer than what was given out comes by MessagesArrived.
    else if (live)
      job.upper = room->timeline.delivered() + 1;
    else if (welcomed_)
      job.upper = room->shown.head + 1;
    else
      return false;
  }
  // Above the head there is nothing, and nothing stands there without a hole.
  if (room != nullptr && !room->audited && job.looked == 0)
    job.upper = std::min(job.upper, std::max(room->shown.head, room->timeline.delivered()) + 1);
  look_for_rows(job);
  const std::uint64_t lowest = job.looked;
  const bool any = lowest != job.upper;
  const bool nothing_older = lowest <= 1 && (!live || welcomed_ || any) &&
                             (room == nullptr || any || room->shown.head == 0 || job.before == 1);
  const bool no_progress = job.lowest != 0 && lowest >= job.lowest;
  const bool cut = live && !welcomed_ && (job.before == 0 || any);
  if (job.found.size() < job.limit && lowest > 1 && !no_progress && !cut) {
    if (!welcomed_) return false;
    const auto missing = job.limit - static_cast<std::uint32_t>(job.found.size());
    const std::uint32_t least = job.lowest == 0 ? 1 : kPageMessages;
    ask_page(job, lowest, std::max(missing, least));
    if (job.asked) job.lowest = lowest;
    return false;
  }
  PageLoaded loaded{job.token, job.room, {}, nothing_older || no_progress, lowest};
  for (auto id = job.found.rbegin(); id != job.found.rend(); ++id)
    if (const auto row = store_.cached(generation_, job.room, *id); row && row->shown)
      loaded.messages.push_back(page_message(*row, job.content));
  if (job.before == 0)
    for (const auto& row : store_.outbox_of(job.room))
      if (job.content == PageContent::raw || !is_change(row.kind))
        loaded.messages.push_back(message_of(row, MessageState::queued));
  events_.push_back(std::move(loaded));
  return true;
}

void Session::ask_page(PageJob& job, std::uint64_t before, std::uint32_t limit) {
  pb::Request request;
  auto& history = *request.mutable_history();
  history.set_room(std::string(as_text(job.room.view())));
  history.set_from_room_seq(0);
  history.set_before(before);
  history.set_limit(std::clamp(limit, 1u, kPageMessages));
  job.asked = ask(request, {What::page, job.room, job.token});
}

void Session::run_pages(std::uint64_t now_ms) {
  std::erase_if(pages_, [&](PageJob& job) {
    return !job.asked && now_ms >= job.ask_from_ms && finish_page(job);
  });
}

}  // namespace tertulia::client
