#include <algorithm>

#include "client/engine/session.hpp"
#include "common/base/clock.hpp"
#include "common/base/log.hpp"

namespace tertulia::client {

namespace {
constexpr std::uint64_t kPauseMs = 1'000;    // where the server names none
constexpr std::uint64_t kWitnessMs = 250;    // between consistency questions
constexpr std::uint64_t kPongFetchMs = 250;  // a broadcast that is on its way comes first
constexpr std::uint64_t kRolledBackHelloMs = 10'000;
constexpr std::uint64_t kPingMsMin = 100;
constexpr std::size_t kSentLatelyMax = 512;
constexpr std::uint32_t kNoticeJitterMs = 200;

}  // namespace

std::string reason_of(const pb::Error& error) {
  if (!error.text().empty()) return error.text();
  switch (error.code()) {
    case pb::NOT_A_MEMBER: return "You are not a member of this room.";
    case pb::NOT_PERMITTED: return "Your role does not allow this.";
    case pb::TOO_BIG: return "The message is too long.";
    case pb::BAD_BODY: return "The server does not accept this text.";
    case pb::CONFLICT: return "The server has another message under this message's id.";
    case pb::WRONG_SERVER: return "The message was written for another server.";
    default: return "The server refused the message.";
  }
}

bool Session::answers(What what, const pb::Reply& reply) {
  switch (what) {
    case What::hello: return reply.has_welcome();
    case What::ping: return reply.has_pong();
    case What::people: return reply.has_people();
    case What::room_keys: return reply.has_room_keys();
    case What::consistency: return reply.has_proof();
    case What::timeline:
    case What::page: return reply.has_history();
    case What::rooms: return reply.has_rooms();
    case What::members: return reply.has_members();
    case What::devices: return reply.has_devices();
    case What::link: return reply.has_link();
  }
  return false;
}

void Session::on_reply(const RequestId& id, const pb::Reply& reply, std::uint64_t now_ms) {
  if (reply.has_notice()) return on_notice(reply.notice(), now_ms);
  const auto at = asked_.find(id);
  if (at == asked_.end()) {
    if (acts_.contains(SubmissionId::from(id.view()))) return on_act_reply(id, reply, now_ms);
    // A submission's request id is its own id.
    const SubmissionId submission = SubmissionId::from(id.view());
    answered_ms_ = now_ms;
    if (reply.has_ack())
      on_ack(submission, reply.ack());
    else if (reply.has_error())
      on_send_error(submission, reply.error(), now_ms);
    return;
  }
  const Asked asked = at->second;
  asked_.erase(at);
  if (!reply.has_error() && !answers(asked.what, reply)) {
    pb::Error error;
    error.set_code(pb::BAD_REQUEST);
    error.set_text("The server's answer is not one to what was asked.");
    return on_request_error(asked, error, now_ms);
  }
  if (reply.has_error()) return on_request_error(asked, reply.error(), now_ms);
  std::uint64_t people_before = 0;
  switch (asked.what) {
    case What::hello: return on_welcome(reply.welcome(), now_ms);
    case What::ping:
      if ((asked.token & kSettles) != 0) settle_ping_open_ = false;
      return on_pong(asked, reply.pong(), now_ms);
    case What::people:
      people_open_ = false;
      people_before = people_.version();
      for (const auto& added : people_.add(reply.people(), store_, enrolled_.account.user_id))
        if (std::find(linked_here_.begin(), linked_here_.end(), added.device) == linked_here_.end())
          events_.push_back(added);
      rooms_dirty_ = true;  // direct rooms are called after people
      if (reply.people().more() && people_.version() > people_before) return ask_people();
      people_wanted_ = people_.version();
      take_held(now_ms);
      return;
    case What::room_keys:
      keys_asked_.erase(asked.room);
      rooms_.set_keys(reply.room_keys());
      return open_sealed(now_ms);
    case What::rooms:
    case What::members:
    case What::devices: return on_list(asked, reply);
    case What::link: return on_link_standing(asked, reply.link(), now_ms);
    case What::consistency: {
      std::vector<Hash> hashes;
      for (const auto& h : reply.proof().hashes())
        if (const auto hash = Hash::parse(as_bytes(h))) hashes.push_back(*hash);
      witness_.proof(hashes);
      look_at_witness(now_ms);
      return;
    }
    case What::timeline:
    case What::page: return on_history(asked, reply.history(), now_ms);
  }
}

void Session::on_request_error(const Asked& asked, const pb::Error& error, std::uint64_t now_ms) {
  log::info("the server refused a request: {} ({})", error.text(), static_cast<int>(error.code()));
  const std::uint64_t pause = std::max<std::uint64_t>(kPauseMs, error.retry_after_ms());
  switch (asked.what) {
    case What::hello:
      hello_open_ = false;
      if (error.code() == pb::BUSY || error.code() == pb::READ_ONLY) {
        hello_at_ms_ = now_ms + pause;
        return;
      }
      went_down();
      if (error.code() == pb::NOT_ALLOWED)
        link_.turned_away(now_ms, error.text());
      else
        link_.lost(now_ms, error.text());
      return;
    case What::ping: settle_ping_open_ = false; return;
    case What::people:
      people_open_ = false;
      people_at_ms_ = now_ms + pause;
      return;
    case What::room_keys:
      // What waited for the keys is a gap now, and will be fetched.
      keys_asked_.erase(asked.room);
      return open_sealed(now_ms);
    case What::consistency:
      witness_.no_answer();
      witness_at_ms_ = now_ms + pause;
      return;
    case What::rooms:
    case What::members:
    case What::devices: events_.push_back(ListRefused{asked.token, reason_of(error)}); return;
    case What::link: return on_link_error(asked, error, now_ms);
    case What::timeline:
      if (RoomState* room = rooms_.find(asked.room)) {
        room->fetching = false;
        room->fetch_from_ms = now_ms + pause;
      }
      return;
    case What::page:
      for (auto& job : pages_)
        if (job.token == asked.token) {
          job.asked = false;
          if (error.code() == pb::BUSY || error.code() == pb::READ_ONLY)
            unanswered(job, now_ms + pause);
          else if (job.looked > 0)
            job.lowest = job.looked;  // it ends with what there is
          else
            job.upper = 1;
        }
      return;
  }
}

void Session::open_sealed(std::uint64_t now_ms) {
  const std::vector<Bytes> frames = std::exchange(sealed_, {});
  sealed_bytes_ = 0;
  for (const auto& frame : frames) on_sealed(frame, false, now_ms);
}

void Session::on_notice(const pb::Notice& notice, std::uint64_t now_ms) {
  pb::RoomKeyList keys;
  *keys.mutable_keys() = notice.keys();
  rooms_.set_keys(keys);
  if (keys.keys_size() > 0) open_sealed(now_ms);
  if (!notice.card().empty()) take_card(notice.card());
  for (const auto& mark : notice.read())
    if (const auto id = RoomId::parse(as_bytes(mark.room()))) take_mark(*id, mark.room_seq());
  if (notice.link().has_ask() && hosted_ &&
      notice.link().curve_pk() == as_text(hosted_->key.view()))
    on_link_ask(notice.link().ask(), false, now_ms);
  const auto room = RoomId::parse(as_bytes(notice.typing_room()));
  const auto user = UserId::parse(as_bytes(notice.typing_user()));
  if (room && user) presence_.on_typing(*room, *user, now_ms);
  if (notice.rooms_version() == 0 || !welcomed_) return;
  // Each at a moment of his own: all members of a large room are told at once.
  const std::uint64_t jitter = randombytes_uniform(kNoticeJitterMs);
  hello_at_ms_ = std::min(hello_at_ms_, now_ms + jitter);
}

void Session::on_welcome(const pb::Welcome& w, std::uint64_t now_ms) {
  hello_open_ = false;
  if (take_card(w.card()) == CardVerdict::foreign)
    return lost(now_ms, "the server's card is not signed by its identity key");
  const bool first = !welcomed_;
  welcomed_ = ever_welcomed_ = true;
  settles_ = true;
  last_heard_ms_ = now_ms;

  witness_.offer_newest(w.checkpoint());
  rolled_back_ = witness_.trouble() == Witness::Trouble::rolled_back ? rolled_back_ + 1 : 0;
  // Once may be a snapshot that was taken a moment ago: asked again before it is said.
  if (rolled_back_ > 0) hello_at_ms_ = now_ms + (rolled_back_ == 1 ? kPauseMs : kRolledBackHelloMs);
  witness_at_ms_ = 0;

  Account& account = enrolled_.account;
  Account before = account;
  account.user_name = w.user_name();
  account.display_name = w.display_name();
  account.role = w.role();
  if (account.user_name != before.user_name || account.display_name != before.display_name ||
      account.role != before.role) {
    save_enrolled(store_, enrolled_);
    events_.push_back(AccountChanged{account});
  }
  rooms_.replace(w, store_, generation_);
  rooms_version_ = w.rooms_version();
  for (const auto& info : w.rooms()) {
    const auto id = RoomId::parse(as_bytes(info.room()));
    if (!id) continue;
    take_mark(*id, info.read_up_to());
    if (rooms_.find(*id)->shown.read_up_to > info.read_up_to()) presence_.has_read(*id, now_ms);
  }
  open_sealed(now_ms);
  rooms_dirty_ = true;
  for (const RoomId& id : outbox_.rooms()) fail_if_no_member(id);
  set_read_only(w.read_only(), w.read_only_reason());
  people_wanted_ = w.people_version();
  if (people_.version() == 0 || people_wanted_ != people_.version()) ask_people();
  if (options_.subscribe)
    link_.subscribe(broadcast_address(w.broadcast(), link_.address()), rooms_.topics(), now_ms);
  if (first) {
    ping_every_ms_ = std::max<std::uint64_t>(kPingMsMin, w.ping_every_ms());
    ping_at_ms_ = now_ms + ping_every_ms_;
    known_size_ = newer_known_size_ = 0;
    catching_up_ = true;
  } else if (link_.broadcast_up()) {
    settle_ping_at_ms_ = now_ms + kPongFetchMs;  // after new topics: what was said meanwhile
  }
  if (std::exchange(hello_again_, false))
    say_hello(now_ms);
  else
    tell_finished_acts();
}

void Session::on_pong(const Asked& asked, const pb::Pong& pong, std::uint64_t now_ms) {
  pings_open_ = 0;
  presence_.on_pong(pong, (asked.token & kCarriesMarks) != 0, now_ms, events_);
  witness_.offer(pong.checkpoint());
  // Heads may be a little older than the checkpoint beside them: one pong's size counts for the
  // question after the next.
  known_size_ = newer_known_size_;
  newer_known_size_ = std::max(newer_known_size_, claimed_size(pong.checkpoint()).value_or(0));
  bool behind = false;
  for (const auto& head : pong.heads()) {
    const auto id = RoomId::parse(as_bytes(head.room()));
    RoomState* room = id ? rooms_.find(*id) : nullptr;
    if (room == nullptr || !room->member) continue;
    if (head.head_room_seq() > room->shown.head) {
      room->shown.head = head.head_room_seq();
      rooms_dirty_ = true;
    }
    if (!options_.subscribe || head.head_room_seq() <= room->timeline.head()) continue;
    room->timeline.note_head(head.head_room_seq());
    room->fetch_from_ms = now_ms + (link_.broadcast_up() && !broadcast_blocked_ ? kPongFetchMs : 0);
    behind = true;
    if (catching_up_) room->caught_up_at = head.head_room_seq(), room->fetch_from_ms = 0;
  }
  if (behind) ++behind_pongs_;
  people_wanted_ = pong.people_version();
  // Notices tell it sooner; this is for one that was lost.
  const bool news = pong.rooms_version() != rooms_version_ || pong.card_serial() > card_serial_;
  if (news && !hello_open_) say_hello(now_ms);
  set_read_only(pong.read_only(), pong.read_only_reason());
}

void Session::set_read_only(bool read_only, const std::string& reason) {
  if (read_only_ && !read_only) outbox_.go_on(monotonic_ms());
  read_only_ = read_only;
  read_only_reason_ = reason;
}

void Session::ask_people() {
  if (people_open_ || monotonic_ms() < people_at_ms_) return;
  pb::Request request;
  request.mutable_people()->set_since_version(people_.version());
  people_open_ = ask(request, {What::people, {}});
  if (people_open_) ++people_questions_;
}

void Session::look_at_witness(std::uint64_t now_ms) {
  if (now_ms >= witness_at_ms_) {
    if (const auto range = witness_.next_question()) {
      pb::Request request;
      request.mutable_consistency()->set_old_size(range->old_size);
      request.mutable_consistency()->set_new_size(range->new_size);
      if (!ask(request, {What::consistency, {}})) witness_.no_answer();
      witness_at_ms_ = now_ms + kWitnessMs;
    }
  }
  if (witness_.trouble() == Witness::Trouble::forked && !forked_) {
    forked_ = true;
    store_.set_fact("log_forked", witness_.evidence());
    log::error(
        "the server's log contradicts what this device verified before; nothing is sent to it");
  }
  if (witness_.verified_note() != stored_checkpoint_) {
    stored_checkpoint_ = witness_.verified_note();
    store_.set_fact("checkpoint", stored_checkpoint_);
    store_.set_fact("checkpoint_key", merkle::to_vkey(witness_.verified_key()));
    if (view_stale_) {
      view_stale_ = false;
      outbox_.go_on(now_ms);
    }
  }
}

bool Session::may_send() const {
  return welcomed_ && !forked_ && !two_cards_ && rolled_back_ == 0 &&
         witness_.verified().has_value();
}

void Session::send_waiting(std::uint64_t now_ms) {
  if (!may_send()) return;
  send_acts(now_ms);
  const auto allowed = [this](const RoomId& id) {
    const RoomState* room = rooms_.find(id);
    return room != nullptr && room->member && room->key.has_value();
  };
  while (Outbox::Submission* s = outbox_.next_to_send(now_ms, allowed)) {
    record::Submission submission;
    submission.server = enrolled_.server;
    submission.device = device_.id;
    submission.room = s->room;
    submission.id = s->id;
    submission.seen_size = witness_.verified()->size;
    submission.seen_root = witness_.verified()->root;
    wire::SubmissionPayload payload;
    for (const auto& row : s->rows) {
      record::MessageHeader header;
      header.kind = static_cast<record::Kind>(row.kind);
      header.sent_at_ms = row.created_ms;
      if (row.target)
        header.target = {row.target->device, row.target->submission, row.target->index};
      header.commitment = record::commitment(row.salt, row.body);
      submission.messages.push_back(header);
      payload.parts.push_back({row.salt, row.body});
    }
    s->seen_size = submission.seen_size;
    const Bytes bytes = record::encode(submission);
    payload.submission = bytes;
    payload.signature = record::sign_submission(device_.signing, bytes);
    const Bytes frame =
        wire::seal_submission(*rooms_.find(s->room)->key, enrolled_.server, device_.id,
                              RequestId::from(s->id.view()), s->room, payload);
    if (!link_.send(frame)) {
      outbox_.again(s->id, now_ms, kPauseMs);
      return;
    }
  }
}

void Session::on_ack(const SubmissionId& id, const pb::Ack& ack) {
  witness_.offer(ack.checkpoint());
  const auto rows = outbox_.acked(id);
  if (rows.empty()) return;
  tell_sent(rows, ack.seq(), ack.first_room_seq(), ack.logged_at_ms());
  auto& local_ids = sent_lately_[id];
  for (const auto& row : rows) local_ids.push_back(row.local_id);
  sent_order_.push_back(id);
  if (sent_order_.size() > kSentLatelyMax) {
    sent_lately_.erase(sent_order_.front());
    sent_order_.pop_front();
  }
}

void Session::tell_sent(const std::vector<OutboxRow>& rows, std::uint64_t seq,
                        std::uint64_t first_room_seq, std::uint64_t logged_at_ms) {
  OutboxChanged changed;
  changed.messages.reserve(rows.size());
  for (const auto& row : rows) {
    Message m = message_of(row, MessageState::sent);
    m.seq = seq;
    m.room_seq = first_room_seq + row.index;
    m.logged_at_ms = logged_at_ms;
    changed.messages.push_back(std::move(m));
  }
  events_.push_back(std::move(changed));
  rooms_dirty_ = true;
}

void Session::on_send_error(const SubmissionId& id, const pb::Error& error, std::uint64_t now_ms) {
  const Outbox::Submission* s = outbox_.under_way(id);
  if (s == nullptr) return;
  const std::uint64_t pause = std::max<std::uint64_t>(1, error.retry_after_ms());
  switch (error.code()) {
    case pb::STALE_KEY: {
      RoomState* room = rooms_.find(s->room);
      const bool has_key = error.has_room_key() && room != nullptr;
      if (has_key)
        Rooms::set_key(*room, error.room_key());
      else
        hello_at_ms_ = now_ms;
      outbox_.again(id, now_ms, has_key ? 0 : kPauseMs);
      return;
    }
    case pb::STALE_VIEW:
      witness_.offer(error.checkpoint());
      witness_at_ms_ = 0;
      // A checkpoint that was verified since this one was signed may do already.
      view_stale_ = witness_.verified() && witness_.verified()->size <= s->seen_size;
      outbox_.again(id, now_ms, view_stale_ ? kPauseMs : 0);
      return;
    case pb::READ_ONLY:
      set_read_only(true, error.text());
      outbox_.again(id, now_ms, std::max(kPauseMs, pause));
      return;
    case pb::BUSY: outbox_.again(id, now_ms, pause); return;
    default: break;
  }
  if (error.code() == pb::NOT_A_MEMBER) hello_at_ms_ = now_ms;
  // The broker says these before it looks whether the submission is in the log, or because it is.
  const bool perhaps_logged = error.code() == pb::NOT_A_MEMBER ||
                              error.code() == pb::NOT_ALLOWED || error.code() == pb::CONFLICT;
  emit_outbox(outbox_.failed(id, reason_of(error), perhaps_logged), MessageState::failed);
}

void Session::emit_outbox(const std::vector<OutboxRow>& rows, MessageState state) {
  if (rows.empty()) return;
  OutboxChanged changed;
  changed.messages.reserve(rows.size());
  for (const auto& row : rows) changed.messages.push_back(message_of(row, state));
  events_.push_back(std::move(changed));
  rooms_dirty_ = true;
}

}  // namespace tertulia::client
