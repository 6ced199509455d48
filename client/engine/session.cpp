#include "client/engine/session.hpp"

#include <algorithm>

#include "client/engine/mentions.hpp"
#include "common/base/clock.hpp"
#include "common/base/log.hpp"
#include "common/base/uuid7.hpp"

namespace tertulia::client {

namespace {
constexpr std::uint64_t kFindAfterMs = 2'000;
constexpr std::uint64_t kFindEveryMs = 60'000;
constexpr std::uint64_t kHelloMsMax = 10'000;
constexpr std::uint64_t kSilenceMsMax = 15'000;  // with something under way
constexpr std::uint64_t kNoAnswerMsMax = 60'000;  // to any submission, while others are answered
constexpr unsigned kPingsOpenMax = 3;
constexpr std::uint64_t kRoomsChangedMs = 200;  // at most one list in this time
constexpr std::uint64_t kAdoptMs = 5'000;
constexpr std::uint64_t kSettleMs = 50;           // for the broker to read our subscriptions
constexpr std::uint64_t kBroadcastMsMax = 3'000;  // to come up before it counts as blocked
constexpr std::uint64_t kBroadcastRenewMs = 20'000;
constexpr unsigned kBehindPongsMax = 3;
constexpr std::uint64_t kStuckMs = 200;
constexpr std::size_t kFramesPerTurn = 1024;

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines) out += line + "\n";
  return out;
}
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::size_t at = 0;
  for (std::size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
    out.push_back(text.substr(at, end - at));
  return out;
}
}  // namespace

std::optional<Enrolled> load_enrolled(Store& store) {
  const auto identity = store.fact("identity"), curve = store.fact("curve"),
             user = store.fact("user_id"), device = store.fact("device");
  if (!identity || !curve || !user || !device) return std::nullopt;
  Enrolled e;
  const auto identity_key = SignPublicKey::parse(*identity);
  const auto curve_key = CurvePublicKey::parse(*curve);
  const auto user_id = UserId::parse(*user);
  const auto device_id = DeviceId::parse(*device);
  if (!identity_key || !curve_key || !user_id || !device_id) return std::nullopt;
  e.identity = *identity_key;
  e.curve = *curve_key;
  e.server = crypto::server_id(e.identity);
  if (const auto card = wire::open_card(store.fact_text("card"), e.identity, e.server)) {
    e.curve = card->curve;
    e.next = card->next;
  }
  e.addresses = lines_of(store.fact_text("addresses"));
  e.account.server_name = store.fact_text("server_name");
  e.account.server_fingerprint = crypto::fingerprint(e.identity);
  e.account.user_id = *user_id;
  e.account.device = *device_id;
  e.account.user_name = store.fact_text("user_name");
  e.account.display_name = store.fact_text("display_name");
  e.account.role = store.fact_text("role");
  return e;
}

void save_enrolled(Store& store, const Enrolled& e) {
  store.set_fact("identity", e.identity.view());
  store.set_fact("curve", e.curve.view());
  store.set_fact("user_id", e.account.user_id.view());
  store.set_fact("device", e.account.device.view());
  store.set_fact("addresses", joined(e.addresses));
  store.set_fact("server_name", e.account.server_name);
  store.set_fact("user_name", e.account.user_name);
  store.set_fact("display_name", e.account.display_name);
  store.set_fact("role", e.account.role);
}

Session::Session(zmq::context_t& context, Store& store, Profile& profile,
                 const EngineOptions& options, Enrolled enrolled, const crypto::Seed& device_seed,
                 std::uint64_t process, EventQueue& queue, std::vector<Event>& events,
                 std::uint64_t now_ms)
    : store_(store),
      profile_(profile),
      options_(options),
      enrolled_(std::move(enrolled)),
      device_(device_seed),
      queue_(queue),
      events_(events),
      link_(context, {enrolled_.curve, device_.curve.public_key(), device_.curve.secret()}),
      finder_(enrolled_.server),
      outbox_(store, profile, process, options.read_only_outbox) {
  generation_ = std::max<std::uint64_t>(1, store_.fact_number("generation"));
  card_serial_ = store_.fact_number("card_serial");
  if (const auto log = merkle::parse_vkey(store_.fact_text("log_key"))) {
    const auto of_checkpoint = merkle::parse_vkey(store_.fact_text("checkpoint_key"));
    witness_ = Witness(of_checkpoint.value_or(*log), store_.fact_text("checkpoint"));
    witness_.follow(*log);
  }
  stored_checkpoint_ = witness_.verified_note();
  forked_ = store_.fact("log_forked").has_value();
  two_cards_ = store_.fact("two_cards").has_value();
  rooms_.load(store_, generation_, options_.follow, options_.since_room_seq);
  people_.load(store_);
  presence_.load(store_, enrolled_.account.user_id);
  events_.push_back(AccountChanged{enrolled_.account});
  tell_rooms(0);
  emit_outbox(outbox_.adopt(), MessageState::queued);
  adopt_at_ms_ = now_ms + kAdoptMs;
  set_targets();
  link_.dial_now(now_ms);
}

std::vector<std::string> Session::addresses_to_try() const {
  std::vector<std::string> out;
  const auto add = [&](const std::string& address) {
    const std::string normal = normalised_address(address);
    if (!normal.empty() && std::find(out.begin(), out.end(), normal) == out.end())
      out.push_back(normal);
  };
  add(options_.server_address);
  for (const auto& address : enrolled_.addresses) add(address);
  const auto& of = options_.accepted_servers;
  if (of.empty() ||
      std::find(of.begin(), of.end(), enrolled_.account.server_fingerprint) != of.end())
    for (const auto& address : options_.more_addresses) add(address);
  for (const auto& address : found_) add(address);
  return out;
}

void Session::set_server_address(const std::string& address, std::uint64_t now_ms) {
  const std::string normal = normalised_address(address);
  if (normal.empty()) {
    log::warning("not an address: {}", address);
    return;
  }
  std::erase(enrolled_.addresses, normal);
  enrolled_.addresses.insert(enrolled_.addresses.begin(), normal);
  store_.set_fact("addresses", joined(enrolled_.addresses));
  reconnect_now(now_ms);
}

void Session::reconnect_now(std::uint64_t now_ms) {
  went_down();
  link_.settled();
  set_targets();
  link_.dial_now(now_ms);
}

bool Session::ask(const pb::Request& request, const Asked& asked) {
  const RequestId id = random_request_id();
  const std::string content = request.SerializeAsString();
  if (!link_.send(wire::encode_command(wire::FrameType::request, id, as_bytes(content))))
    return false;
  asked_[id] = asked;
  return true;
}

void Session::say_hello(std::uint64_t now_ms) {
  pb::Request request;
  request.mutable_hello()->set_checkpoint(witness_.verified_note());
  request.mutable_hello()->set_program(options_.program);
  hello_open_ = ask(request, {What::hello, {}});
  hello_sent_ms_ = now_ms;
  hello_at_ms_ = hello_open_ ? UINT64_MAX : now_ms + 100;
}

void Session::came_up(std::uint64_t now_ms) {
  last_heard_ms_ = now_ms;
  if (enrolled_.addresses.empty() || enrolled_.addresses.front() != link_.address()) {
    std::erase(enrolled_.addresses, link_.address());
    enrolled_.addresses.insert(enrolled_.addresses.begin(), link_.address());
    store_.set_fact("addresses", joined(enrolled_.addresses));
  }
  say_hello(now_ms);
}

void Session::went_down() {
  asked_.clear();
  settles_ = false;
  welcomed_ = hello_open_ = people_open_ = catching_up_ = settle_ping_open_ = false;
  hello_at_ms_ = ping_at_ms_ = settle_ping_at_ms_ = UINT64_MAX;
  pings_open_ = behind_pongs_ = 0;
  broadcast_blocked_ = read_only_ = view_stale_ = false;
  witness_.no_answer();
  presence_.went_down();
  for (auto& [id, room] : rooms_.all()) room.fetching = false;
  for (auto& job : pages_)
    if (job.asked) unanswered(job, 0);
  held_.clear();
  held_bytes_ = 0;
  sealed_.clear();
  sealed_bytes_ = 0;
  keys_asked_.clear();
  outbox_.connection_lost();
  for (auto& [id, p] : acts_) p.at_ms = 0;  // sent again, under the same id
  if (hosted_) hosted_->at_ms = 0;
  tell_link_ended();
  hello_again_ = false;
  tell_finished_acts();
}

void Session::lost(std::uint64_t now_ms, const std::string& why) {
  log::info("connection dropped: {}", why);
  went_down();
  set_targets();
  link_.lost(now_ms, why);
}

void Session::receive(std::uint64_t now_ms) {
  zmq::message_t message;
  for (std::size_t n = 0; n < kFramesPerTurn && link_.receive(message); ++n) {
    last_heard_ms_ = now_ms;
    const auto frame = wire::decode_command(view(message));
    pb::Reply reply;
    if (!frame || frame->type != wire::FrameType::reply ||
        !reply.ParseFromArray(frame->content.data(), static_cast<int>(frame->content.size()))) {
      log::warning("the server sent a frame of {} bytes that is not a reply; dropped",
                   message.size());
      continue;
    }
    on_reply(frame->request, reply, now_ms);
  }
  for (std::size_t n = 0; n < kFramesPerTurn && link_.receive_broadcast(message); ++n) {
    behind_pongs_ = 0;
    broadcast_blocked_ = false;
    on_broadcast(view(message), now_ms);
  }
}

// A broker that restarts is back before this; then a search, and another one from time to time.
void Session::find_server(std::uint64_t now_ms) {
  const bool unreachable = !link_.up() && (link_.problem() == LinkProblem::unreachable ||
                                           link_.problem() == LinkProblem::wrong_server);
  if (!unreachable)
    unreachable_since_ms_ = 0;
  else if (unreachable_since_ms_ == 0)
    unreachable_since_ms_ = now_ms;
  if (unreachable && options_.find_by_avahi &&
      now_ms >= std::max(unreachable_since_ms_ + kFindAfterMs, find_at_ms_)) {
    finder_.start(now_ms);
    find_at_ms_ = now_ms + kFindEveryMs;
  }
  auto found = finder_.work(now_ms);
  if (!found || link_.up()) return;
  found_.clear();
  const std::vector<std::string> known = addresses_to_try();
  found_ = std::move(*found);
  const std::vector<std::string> all = addresses_to_try();
  link_.set_addresses(all);
  if (all.size() == known.size()) return;
  log::info("the server is announced at {}", all.back());
  link_.dial_now(now_ms);
}

void Session::work(std::uint64_t now_ms) {
  if (reread_) read_again();
  find_server(now_ms);
  const Link::Change change = link_.work(now_ms);
  if (change.went_down) {
    went_down();
    set_targets();
  }
  if (change.came_up) came_up(now_ms);
  if (change.broadcast_came_up) {
    settle_ping_at_ms_ = now_ms + kSettleMs;
    broadcast_blocked_ = false;
    behind_pongs_ = 0;
  }
  receive(now_ms);
  watch_link(now_ms);
  if (welcomed_) {
    watch_broadcast(now_ms);
    look_at_witness(now_ms);
    if (people_wanted_ != people_.version() || !held_.empty()) ask_people();
    begin_waiting(now_ms);
    if (options_.subscribe) fetch_gaps(now_ms);
    say_caught_up();
  }
  watch_hosted(now_ms);
  run_pages(now_ms);
  tell_changed(now_ms);
  if (now_ms >= adopt_at_ms_) {
    adopt_at_ms_ = now_ms + kAdoptMs;
    emit_outbox(outbox_.adopt(), MessageState::queued);
    take_card_of_other_process(now_ms);
  }
  if (rooms_dirty_ && now_ms >= rooms_told_ms_ + kRoomsChangedMs) tell_rooms(now_ms);
  presence_.tell(
      now_ms,
      [&](const UserId& user) {
        const StoredPerson* person = people_.person(user);
        return person == nullptr ? nullptr : &person->name;
      },
      events_);
  const bool unsent = !outbox_.empty();
  if (had_unsent_ && !unsent) events_.push_back(OutboxDrained{});
  had_unsent_ = unsent;
}

void Session::tell_rooms(std::uint64_t now_ms) {
  rooms_dirty_ = false;
  rooms_told_ms_ = now_ms;
  const auto unsent = store_.unsent_counts();
  auto shown = rooms_.shown();
  for (auto& room : shown) {
    name_direct(room);
    const auto at = unsent.find(room.id);
    room.unsent = at == unsent.end() ? 0 : at->second;
  }
  events_.push_back(RoomsChanged{std::move(shown)});
}

void Session::watch_link(std::uint64_t now_ms) {
  if (!link_.up()) return;
  if (hello_open_ && now_ms >= hello_sent_ms_ + kHelloMsMax)
    return lost(now_ms, "the server does not answer");
  if (now_ms >= hello_at_ms_) say_hello(now_ms);
  const std::uint64_t oldest = outbox_.oldest_under_way_ms();
  if (oldest != UINT64_MAX && now_ms >= oldest + kSilenceMsMax &&
      now_ms >= last_heard_ms_ + kSilenceMsMax)
    return lost(now_ms, "no answer to what was sent");
  // Pings are answered and submissions are not: an answer was lost, and nothing else would bring it
  if (oldest != UINT64_MAX && now_ms >= std::max(oldest, answered_ms_) + kNoAnswerMsMax)
    return lost(now_ms, "no answer to what was sent");
  const bool news = pings_open_ == 0 && presence_.has_news(now_ms);
  if (!welcomed_ || (now_ms < ping_at_ms_ && now_ms < settle_ping_at_ms_ && !news)) return;
  if (pings_open_ >= kPingsOpenMax) return lost(now_ms, "no answer to three pings");
  ping(now_ms);
}

void Session::ping(std::uint64_t now_ms) {
  pb::Request request;
  request.mutable_ping()->set_known_size(known_size_);
  const bool settles = now_ms >= settle_ping_at_ms_;
  std::uint64_t token = settles ? kSettles : 0;
  const auto read_up_to = [&](const RoomId& id) { return rooms_.find(id)->shown.read_up_to; };
  if (presence_.fill(*request.mutable_ping(), read_up_to)) token |= kCarriesMarks;
  if (!ask(request, {What::ping, {}, token})) return;
  ++pings_open_;
  ping_at_ms_ = now_ms + ping_every_ms_;
  if (settles) {
    settle_ping_at_ms_ = UINT64_MAX;
    settle_ping_open_ = true;
  }
}

void Session::watch_broadcast(std::uint64_t now_ms) {
  if (!options_.subscribe) return;
  if (!link_.broadcast_up() && now_ms >= link_.broadcast_since_ms() + kBroadcastMsMax)
    broadcast_blocked_ = true;
  if (link_.broadcast_up() && behind_pongs_ >= kBehindPongsMax) broadcast_blocked_ = true;
  if (broadcast_blocked_ && now_ms >= link_.broadcast_made_ms() + kBroadcastRenewMs) {
    behind_pongs_ = 0;
    link_.renew_broadcast(now_ms);
  }
}

void Session::say_caught_up() {
  if (!catching_up_) return;
  if (options_.subscribe) {
    const bool settled =
        link_.broadcast_up() && settle_ping_at_ms_ == UINT64_MAX && !settle_ping_open_;
    if (!settled && !broadcast_blocked_) return;
    for (const auto& [id, room] : rooms_.all())
      if (room.member && room.timeline.delivered() < room.caught_up_at) return;
  }
  catching_up_ = false;
  events_.push_back(CaughtUp{});
}

std::uint64_t Session::next_deadline_ms(std::uint64_t now_ms) const {
  std::uint64_t next =
      std::min({link_.next_deadline_ms(), adopt_at_ms_, outbox_.next_deadline_ms(now_ms)});
  if (rooms_dirty_) next = std::min(next, rooms_told_ms_ + kRoomsChangedMs);
  if (!changed_.empty()) next = std::min(next, changed_from_ms_);
  next = std::min(next, finder_.next_deadline_ms());
  if (!link_.up() && options_.find_by_avahi && unreachable_since_ms_ != 0)
    next = std::min(next, std::max(unreachable_since_ms_ + kFindAfterMs, find_at_ms_));
  if (link_ended_) next = std::min(next, link_ended_by_ms_);
  if (hosted_ && !hosted_->let_in) next = std::min(next, hosted_->until_ms);
  if (hosted_ && welcomed_) next = std::min(next, hosted_->at_ms);
  next = std::min(next, presence_.next_deadline_ms(!welcomed_ || pings_open_ > 0));
  if (!link_.up()) return next;
  if (may_send())
    for (const auto& [id, p] : acts_) next = std::min(next, p.at_ms);
  next = std::min({next, ping_at_ms_, settle_ping_at_ms_, hello_at_ms_});
  if (welcomed_ && !people_open_ && (people_wanted_ != people_.version() || !held_.empty()))
    next = std::min(next, people_at_ms_);
  if (hello_open_) next = std::min(next, hello_sent_ms_ + kHelloMsMax);
  if (welcomed_ && options_.subscribe) {
    if (!link_.broadcast_up() && !broadcast_blocked_)
      next = std::min(next, link_.broadcast_since_ms() + kBroadcastMsMax);
    for (const auto& [id, room] : const_cast<Rooms&>(rooms_).all())
      if (room.member && !room.fetching && room.timeline.missing() > 0 && held_.empty())
        next = std::min(next, std::max(room.fetch_from_ms, now_ms + (queue_.crowded() ? 50 : 0)));
  }
  for (const auto& job : pages_)
    if (!job.asked && job.ask_from_ms > now_ms) next = std::min(next, job.ask_from_ms);
  if (welcomed_ && witness_.has_question()) next = std::min(next, witness_at_ms_);
  return next;
}

bool Session::stuck(std::uint64_t now_ms) const {
  if (outbox_.empty()) return false;
  const std::uint64_t oldest = outbox_.oldest_under_way_ms();
  return !welcomed_ || oldest == UINT64_MAX || now_ms >= oldest + kStuckMs;
}

LinkStatus Session::status(std::uint64_t now_ms) const {
  LinkStatus s;
  if (welcomed_) {
    s.state = LinkState::online;
    if (rolled_back_ > 1) {
      s.problem = LinkProblem::log_rolled_back;
      s.detail = "the server's log is shorter than one that it signed before";
    } else if (read_only_) {
      s.problem = LinkProblem::server_read_only;
      s.detail = read_only_reason_;
    } else if (broadcast_blocked_) {
      s.problem = LinkProblem::broadcast_blocked;
      s.detail = "broadcasts from " + link_.broadcast_at() + " do not arrive";
    }
  } else {
    s.problem = link_.problem();
    s.detail = link_.detail();
    s.state = s.problem == LinkProblem::none ? LinkState::connecting
              : s.problem == LinkProblem::device_refused || s.problem == LinkProblem::wrong_server
                  ? LinkState::refused
                  : LinkState::offline;
    const std::uint64_t retry = link_.retry_at_ms();
    if (retry > now_ms) s.retry_at_ms = wall_ms() + (retry - now_ms);
  }
  if (two_cards_) {
    s.problem = LinkProblem::two_cards;
    s.detail = "the server has signed two different cards of one number";
  }
  if (forked_) {
    s.problem = LinkProblem::log_forked;
    s.detail = "the server's log contradicts what this device verified before";
  }
  return s;
}

void Session::send(const std::vector<Outbox::Draft>& drafts) {
  emit_outbox(outbox_.queue(drafts, wall_ms()), MessageState::queued);
  had_unsent_ = true;
  for (const auto& draft : drafts) fail_if_no_member(draft.room);
}

void Session::fail_if_no_member(const RoomId& id) {
  if (!welcomed_) return;
  const RoomState* room = rooms_.find(id);
  if (room == nullptr || !room->member)
    emit_outbox(outbox_.fail_room(id, "You are not a member of this room."), MessageState::failed);
}

std::vector<UserId> Session::mentions_of(const std::string& text) const {
  if (text.find('@') == std::string::npos) return {};
  std::vector<Mentionable> people;
  people.reserve(people_.all().size());
  for (const auto& [id, person] : people_.all()) people.push_back({id, person.name});
  return client::mentions_of(text, people);
}

void Session::retry(std::uint64_t local_id) {
  const auto rows = outbox_.retry(local_id, wall_ms());
  emit_outbox(rows, MessageState::queued);
  if (!rows.empty()) fail_if_no_member(rows[0].room);
}

void Session::discard(std::uint64_t local_id) {
  if (const auto room = outbox_.discard(local_id)) {
    events_.push_back(OutboxDiscarded{local_id, *room});
    rooms_dirty_ = true;
  } else if (const auto row = store_.outbox_row(local_id)) {
    // It may be in the log already: it stays, and the window shows what it is.
    emit_outbox({*row}, MessageState::queued);
  }
}

void Session::save_draft(const RoomId& id, const std::string& text) {
  if (RoomState* room = rooms_.find(id)) room->shown.draft = text;
  store_.set_draft(id, text);
}

void Session::mark_read(const RoomId& id, std::uint64_t room_seq) {
  const RoomState* room = rooms_.find(id);
  if (room == nullptr || room_seq <= room->shown.read_up_to) return;
  take_mark(id, room_seq);
  if (welcomed_) presence_.has_read(id, monotonic_ms());
}

void Session::take_mark(const RoomId& id, std::uint64_t room_seq) {
  RoomState* room = rooms_.find(id);
  if (room == nullptr || room_seq <= room->shown.read_up_to) return;
  // Changes are seen on their originals: those that follow are read too.
  room->shown.read_up_to = store_.last_change_after(generation_, id, room_seq);
  store_.set_read(id, room->shown.read_up_to);
  rooms_dirty_ = true;
}

}  // namespace tertulia::client
