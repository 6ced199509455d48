#include "client/engine/engine.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include "client/engine/enrolment.hpp"
#include "client/engine/session.hpp"
#include "common/base/clock.hpp"
#include "common/base/log.hpp"
#include "common/base/queue.hpp"
#include "common/wire/user_name.hpp"

namespace tertulia::client {

namespace {
constexpr std::uint64_t kSyncMs = 300;        // a row that stays queued survives a power cut then
constexpr std::uint64_t kIdleSyncMs = 2'000;  // after the last write
constexpr std::uint64_t kStoreRetryMs = 2'000;
constexpr unsigned kProcessShift = 40;  // local_id = process << 40 | counter

constexpr std::size_t kReactionBytesMax = 64;
constexpr const char* kTooLong = "The message is too long.";
constexpr auto kText = static_cast<std::uint8_t>(record::Kind::text);
constexpr auto kEdit = static_cast<std::uint8_t>(record::Kind::edit);
constexpr auto kErase = static_cast<std::uint8_t>(record::Kind::erase);
constexpr auto kReaction = static_cast<std::uint8_t>(record::Kind::reaction);

struct Send {
  std::uint64_t local_id;
  Draft draft;
};
struct Retry {
  std::uint64_t local_id;
};
struct Discard {
  std::uint64_t local_id;
};
struct SaveDraft {
  RoomId room;
  std::string text;
};
struct MarkRead {
  RoomId room;
  std::uint64_t room_seq;
};
struct SetActivity {
  Activity activity;
};
struct TypingIn {
  RoomId room;
};
struct Share {
  std::optional<bool> presence, typing;
};
struct LoadPage {
  RoomId room;
  std::uint64_t before;
  std::uint32_t limit;
  std::uint64_t token;
  PageContent content;
};
struct Enrol {
  std::string invite;
  std::string display_name;
  std::string user_name;
};
struct GiveCard {
  std::string note;
};
struct LinkDevice {
  std::string device_name;
  std::uint64_t token;
};
struct AnswerLink {
  bool let_in;
};
struct ReconnectNow {};
struct SetAddress {
  std::string address;
};
struct DoAct {
  Act act;
  std::uint64_t token;
};
struct AskList {
  List what;
  std::uint64_t token;
};
using Command =
    std::variant<GiveCard, DoAct, AskList, Send, Retry, Discard, SaveDraft, MarkRead, LoadPage,
                 Enrol, LinkDevice, AnswerLink, SetActivity, TypingIn, Share, ReconnectNow,
                 SetAddress>;

std::vector<std::string> addresses_of(const wire::Invite& invite, const std::string& typed,
                                      const std::vector<std::string>& more) {
  std::vector<std::string> out;
  const auto add = [&](const std::string& address) {
    const auto normal = normalised_address(address);
    if (!normal.empty() && std::find(out.begin(), out.end(), normal) == out.end())
      out.push_back(normal);
  };
  add(typed);
  for (const auto& address : invite.addresses) add(address);
  for (const auto& address : more) add(address);
  return out;
}
// What the broker would refuse; nullptr: nothing that can be seen from here.
const char* fault_of(const Draft& draft) {
  if (draft.text.size() > record::body_bytes_max) return kTooLong;
  if (!is_valid_utf8(as_bytes(draft.text))) return "The message is not UTF-8.";
  if (draft.kind != kText && !is_change(draft.kind))
    return "This kind of message is not written so.";
  if (is_change(draft.kind) != draft.target.has_value())
    return "An edit, a delete and a reaction have a target, and nothing else has.";
  if (draft.reply_to && draft.kind != kText) return "Only a text is a reply.";
  if (draft.text.empty() && (draft.kind == kText || draft.kind == kEdit))
    return "The text is empty.";
  if (!draft.text.empty() && draft.kind == kErase) return "A delete has no text.";
  if (draft.text.size() > kReactionBytesMax && draft.kind == kReaction)
    return "A reaction is at most 64 bytes of text.";
  return nullptr;
}
}  // namespace

std::optional<InvitePreview> preview_invite(const std::string& invite, std::string& reason) {
  const auto admission = read_admission(invite);
  if (!admission) {
    reason = wire::invite_error_text(admission.error());
    return std::nullopt;
  }
  const wire::Invite& to = admission->to;
  return InvitePreview{to.server_name,     crypto::fingerprint(to.identity),
                       to.user_name,       to.addresses,
                       to.is_class_link(), admission->link.has_value()};
}

std::optional<std::string> user_name_fault(const std::string& user_name) {
  return wire::user_name_fault(user_name);
}

// The network thread and what it owns: all members but options, commands, events, stopping and
// next_local are the network thread's once it runs.
struct Engine::Impl {
  explicit Impl(EngineOptions o)
      : options(std::move(o)),
        commands(SIZE_MAX),
        events(options.wake) {}

  const EngineOptions options;
  Queue<Command> commands;
  EventQueue events;
  std::atomic<bool> stopping{false};
  std::atomic<std::uint64_t> next_local{0};

  std::optional<crypto::Seed> unlocked;
  std::optional<Profile> profile;
  std::optional<Store> store;
  std::uint64_t process = 0;
  std::optional<zmq::context_t> context;
  std::optional<Session> session;
  std::optional<Enrolment> enrolment;
  std::vector<Event> pending;  // handed out after the commit
  std::string store_failure;
  std::uint64_t store_failed_at_ms = 0;
  std::uint64_t idle_sync_at_ms = 0;
  std::uint64_t sync_at_ms = UINT64_MAX;
  std::optional<LinkStatus> told;
  std::thread thread;

  void run();
  void turn(std::uint64_t now_ms);
  void wait(std::uint64_t now_ms);
  void obey(std::vector<Command>& many, std::uint64_t now_ms);
  void obey(Command& command, std::uint64_t now_ms);
  void send(std::vector<Send>& written);
  void refuse(const Send& command, const std::string& reason);
  void enrol(const Enrol& command, std::uint64_t now_ms);
  void end_enrolment(const Enrolment::Outcome& outcome, std::uint64_t now_ms);
  void open_session(std::uint64_t now_ms);
  void store_broke(const std::string& what, std::uint64_t now_ms);
  void sync(std::uint64_t now_ms);
  void refuse_all();
  void tell_status(std::uint64_t now_ms);
};

void Engine::Impl::open_session(std::uint64_t now_ms) {
  auto enrolled = load_enrolled(*store);
  if (!enrolled) return;
  const auto seed = profile->device_seed();
  if (!seed || crypto::DeviceKeys(*seed).id != enrolled->account.device)
    throw std::runtime_error((profile->directory() / "device.key").string() +
                             " is missing or is not the key that this profile was enrolled with");
  session.emplace(*context, *store, *profile, options, std::move(*enrolled), *seed, process, events,
                  pending, now_ms);
}

void Engine::Impl::enrol(const Enrol& command, std::uint64_t now_ms) {
  const auto refuse_with = [&](std::string reason) {
    pending.push_back(EnrolFinished{false, std::move(reason)});
  };
  if (session) return refuse_with("This profile is already enrolled.");
  if (enrolment) return refuse_with("An invite is being used already.");
  auto admission = read_admission(command.invite);
  if (!admission) return refuse_with(wire::invite_error_text(admission.error()));
  const wire::Invite& to = admission->to;
  if (!to.is_class_link() && !command.user_name.empty())
    return refuse_with("The name of this invite is chosen already.");
  if (to.is_class_link())
    if (auto fault = wire::user_name_fault(command.user_name))
      return refuse_with(std::move(*fault));
  const auto& accepted = options.accepted_servers;
  if (!accepted.empty() && std::find(accepted.begin(), accepted.end(),
                                     crypto::fingerprint(to.identity)) == accepted.end())
    return refuse_with(
        "This invite is of a server that your administrator does not allow on this computer.");
  auto addresses = addresses_of(to, options.server_address, options.more_addresses);
  if (addresses.empty()) return refuse_with("This invite holds no address that can be used.");
  std::optional<crypto::Seed> seed;
  try {
    seed = profile->make_device_seed();
  } catch (const std::exception& e) {
    return refuse_with(std::string("The device's key cannot be kept: ") + e.what());
  }
  enrolment.emplace(*context, std::move(*admission),
                    Enrolment::Names{command.user_name, command.display_name}, *seed,
                    std::move(addresses), now_ms, options.enrol_timeout_ms);
}

void Engine::Impl::end_enrolment(const Enrolment::Outcome& outcome, std::uint64_t now_ms) {
  const wire::Invite invite = enrolment->invite();
  enrolment.reset();
  if (!outcome.ok) {
    pending.push_back(EnrolFinished{false, outcome.reason, outcome.unreachable});
    return;
  }
  const auto device = DeviceId::parse(as_bytes(outcome.enrolled.device()));
  const auto user = UserId::parse(as_bytes(outcome.enrolled.user_id()));
  const auto seed = profile->device_seed();
  if (!device || !user || !seed || *device != crypto::DeviceKeys(*seed).id) {
    pending.push_back(EnrolFinished{false, "The server enrolled another device than this one."});
    return;
  }
  Enrolled e;
  e.identity = invite.identity;
  e.curve = invite.server_curve;
  e.server = crypto::server_id(e.identity);
  e.addresses = addresses_of(invite, outcome.address, {});
  e.account.server_name = invite.server_name;
  e.account.server_fingerprint = crypto::fingerprint(e.identity);
  e.account.user_id = *user;
  e.account.user_name = outcome.enrolled.user_name();
  e.account.display_name = outcome.enrolled.user_name();
  e.account.role = outcome.enrolled.role();
  e.account.device = *device;
  try {
    save_enrolled(*store, e);
    store->commit();
  } catch (const StoreError& error) {
    // The server has this device; the same invite brings the same answer to the same key.
    pending.push_back(EnrolFinished{false, std::string("It cannot be stored: ") + error.what()});
    throw;
  }
  pending.push_back(EnrolFinished{true, {}});
  open_session(now_ms);
}

void Engine::Impl::refuse(const Send& command, const std::string& reason) {
  const Draft& draft = command.draft;
  OutboxRow row;
  row.local_id = command.local_id;
  row.room = draft.room;
  row.kind = draft.kind;
  row.target = draft.target;
  row.created_ms = wall_ms();
  row.failed = true;
  row.failure = reason;
  Message m;
  if (session) m = session->message_of(row, MessageState::failed);
  m.local_id = command.local_id;
  m.room = draft.room;
  m.kind = draft.kind;
  m.target = draft.target;
  m.reply_to = draft.reply_to;
  m.text = draft.text;
  m.state = MessageState::failed;
  m.failure = reason;
  m.stored = false;
  pending.push_back(OutboxChanged{{std::move(m)}});
}

void Engine::Impl::send(std::vector<Send>& written) {
  std::vector<Outbox::Draft> good;
  std::vector<const Send*> stored;
  for (auto& command : written) {
    Draft& draft = command.draft;
    if (!session) {
      refuse(command, "This profile is not enrolled.");
    } else if (const char* fault = fault_of(draft)) {
      refuse(command, fault);
    } else {
      Outbox::Draft row{command.local_id, draft.room,     draft.text, draft.kind,
                        draft.target,     draft.reply_to, {}};
      if (draft.mentions)
        row.mentions = *draft.mentions;
      else if (draft.kind == kText || draft.kind == kEdit)
        row.mentions = session->mentions_of(draft.text);
      if (Outbox::body_of(row).size() > record::body_bytes_max) {
        refuse(command, kTooLong);
        continue;
      }
      good.push_back(std::move(row));
      stored.push_back(&command);
    }
  }
  if (good.empty()) return;
  try {
    session->send(good);
  } catch (const StoreError& e) {
    store_broke(e.what(), monotonic_ms());
    for (const Send* command : stored)
      refuse(*command, std::string("It cannot be stored: ") + e.what());
  }
}

void Engine::Impl::obey(Command& command, std::uint64_t now_ms) {
  if (const auto* invite = std::get_if<Enrol>(&command)) return enrol(*invite, now_ms);
  if (!session) return;
  struct {
    Session& session;
    std::vector<Event>& pending;
    std::uint64_t now_ms;
    void operator()(const GiveCard& c) { pending.push_back(session.give_card(c.note, now_ms)); }
    void operator()(DoAct& c) { session.act(std::move(c.act), c.token); }
    void operator()(AskList& c) { session.list(std::move(c.what), c.token); }
    void operator()(const Retry& c) { session.retry(c.local_id); }
    void operator()(const Discard& c) { session.discard(c.local_id); }
    void operator()(const SaveDraft& c) { session.save_draft(c.room, c.text); }
    void operator()(const MarkRead& c) { session.mark_read(c.room, c.room_seq); }
    void operator()(const SetActivity& c) { session.set_activity(c.activity, now_ms); }
    void operator()(const TypingIn& c) { session.typing(c.room, now_ms); }
    void operator()(const Share& c) { session.share(c.presence, c.typing, now_ms); }
    void operator()(const LoadPage& c) {
      session.load_page(c.room, c.before, c.limit, c.token, c.content);
    }
    void operator()(const SetAddress& c) { session.set_server_address(c.address, now_ms); }
    void operator()(const LinkDevice& c) { session.link_device(c.device_name, c.token, now_ms); }
    void operator()(const AnswerLink& c) { session.answer_link(c.let_in, now_ms); }
    void operator()(const ReconnectNow&) { session.reconnect_now(now_ms); }
    void operator()(const Send&) {}   // collected by the caller
    void operator()(const Enrol&) {}  // above
  } to{*session, pending, now_ms};
  std::visit(to, command);
}

// Messages that stand side by side in the queue are stored together.
void Engine::Impl::obey(std::vector<Command>& many, std::uint64_t now_ms) {
  std::vector<Send> drafts;
  for (auto& command : many) {
    if (auto* draft = std::get_if<Send>(&command)) {
      drafts.push_back(std::move(*draft));
      continue;
    }
    if (!drafts.empty()) send(drafts);
    drafts.clear();
    obey(command, now_ms);
  }
  if (!drafts.empty()) send(drafts);
}

void Engine::Impl::store_broke(const std::string& what, std::uint64_t now_ms) {
  store->rollback();
  if (store_failure.empty()) log::error("the store cannot be written: {}", what);
  store_failure = what;
  store_failed_at_ms = now_ms;
  if (session) session->store_failed(now_ms);
}

void Engine::Impl::tell_status(std::uint64_t now_ms) {
  LinkStatus status;
  if (session)
    status = session->status(now_ms);
  else
    status.state = LinkState::not_enrolled;
  if (!store_failure.empty()) {
    status.problem = LinkProblem::store_failed;
    status.detail = store_failure;
  }
  // A countdown that moved by less than a second is the same countdown.
  const auto same_time = [](std::uint64_t a, std::uint64_t b) {
    return a > b ? a - b < 1000 : b - a < 1000;
  };
  if (told && told->state == status.state && told->problem == status.problem &&
      told->detail == status.detail && same_time(told->retry_at_ms, status.retry_at_ms))
    return;
  told = status;
  pending.push_back(LinkChanged{status});
}

void Engine::Impl::wait(std::uint64_t now_ms) {
  std::vector<zmq::pollitem_t> items;
  items.push_back({nullptr, commands.fd(), ZMQ_POLLIN, 0});
  std::uint64_t next = sync_at_ms;
  if (session) {
    session->add_to(items);
    next = std::min(next, session->next_deadline_ms(now_ms));
  }
  if (enrolment) {
    enrolment->add_to(items);
    next = std::min(next, enrolment->next_deadline_ms());
  }
  if (!store_failure.empty()) next = std::min(next, store_failed_at_ms + kStoreRetryMs);
  const std::uint64_t now = monotonic_ms();
  const auto timeout =
      next == UINT64_MAX
          ? std::chrono::milliseconds{-1}
          : std::chrono::milliseconds{next > now ? std::min<std::uint64_t>(next - now, 60'000) : 0};
  // A signal that this thread took ends the wait, and nothing else.
  if (zmq_poll(items.data(), static_cast<int>(items.size()), timeout.count()) < 0 &&
      zmq_errno() != EINTR)
    throw zmq::error_t();
}

// Syncing costs milliseconds in which nothing is answered: it waits until nothing is written any
// more, unless rows stay unsent or the WAL has grown.
void Engine::Impl::sync(std::uint64_t now_ms) {
  if (!store->unsynced()) return;
  if (store->take_written()) {
    idle_sync_at_ms = now_ms + kIdleSyncMs;
    sync_at_ms = std::min(sync_at_ms, now_ms + kSyncMs);
  }
  const bool stuck = now_ms >= sync_at_ms && session && session->stuck(now_ms);
  if (now_ms >= sync_at_ms) sync_at_ms = stuck ? UINT64_MAX : idle_sync_at_ms;
  if (!stuck && now_ms < idle_sync_at_ms && !store->wal_large()) return;
  store->sync();
  sync_at_ms = UINT64_MAX;
}

void Engine::Impl::turn(std::uint64_t now_ms) {
  std::vector<Command> many;
  commands.take_all(many);
  try {
    obey(many, now_ms);
    if (session) session->work(now_ms);
    if (enrolment) {
      const auto outcome = enrolment->work(now_ms);
      if (const auto code = enrolment->take_waiting()) pending.push_back(EnrolWaiting{*code});
      if (outcome) end_enrolment(*outcome, now_ms);
    }
    store->commit();
    if (session) session->committed();
    sync(now_ms);
    if (!store_failure.empty() && now_ms >= store_failed_at_ms + kStoreRetryMs) {
      store->set_number("store_works_ms", wall_ms());
      store->commit();
      store_failure.clear();
      log::notice("the store can be written again");
    }
  } catch (const StoreError& e) {
    store_broke(e.what(), now_ms);
    sync_at_ms = UINT64_MAX;
  }
  tell_status(now_ms);
  events.push(pending);
  if (session && store_failure.empty()) session->send_waiting(now_ms);
}

void Engine::Impl::run() {
  try {
    while (!stopping) {
      wait(monotonic_ms());
      turn(monotonic_ms());
    }
    turn(monotonic_ms());  // what was commanded before stop() is stored
  } catch (const std::exception& e) {
    log::error("the network thread ends: {}", e.what());
    store_failure = e.what();
    tell_status(monotonic_ms());
    events.push(pending);
    refuse_all();
  }
}

// The thread's work has failed for good: whoever still writes is told that it is not kept.
void Engine::Impl::refuse_all() {
  zmq_pollitem_t item{nullptr, commands.fd(), ZMQ_POLLIN, 0};
  std::vector<Command> many;
  while (!stopping) {
    if (zmq_poll(&item, 1, -1) < 0 && zmq_errno() != EINTR) return;
    commands.take_all(many);
    for (const auto& command : many) {
      if (const auto* draft = std::get_if<Send>(&command)) refuse(*draft, store_failure);
      if (std::holds_alternative<Enrol>(command))
        pending.push_back(EnrolFinished{false, store_failure});
    }
    events.push(pending);
  }
}

Engine::Engine(EngineOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Engine::~Engine() { stop(); }

void Engine::unlock(const crypto::Seed& device_seed) { impl_->unlocked = device_seed; }

void Engine::start() {
  try {
    open();
  } catch (...) {
    // Who is told so may stay on the screen for long, and holds nothing of the profile meanwhile
    impl_->session.reset();
    impl_->context.reset();
    impl_->store.reset();
    impl_->profile.reset();
    throw;
  }
  impl_->thread = std::thread([i = impl_.get()] { i->run(); });
}

void Engine::open() {
  Impl& i = *impl_;
  crypto::crypto_start();
  i.profile.emplace(i.options.profile, i.unlocked);
  i.store.emplace(*i.profile);
  i.process = i.store->next_process();
  i.profile->hold_process_lock(i.process);
  i.store->commit();
  i.next_local = i.process << kProcessShift;
  i.context.emplace(1);
  i.open_session(monotonic_ms());
  i.store->commit();
  i.tell_status(monotonic_ms());
  i.events.push(i.pending);
}

void Engine::stop() {
  Impl& i = *impl_;
  if (!i.thread.joinable()) return;
  i.stopping = true;
  i.commands.wake();
  i.thread.join();
  i.session.reset();
  i.enrolment.reset();
  i.context.reset();
  try {
    i.store->commit();
    i.store->sync();
  } catch (const StoreError& e) {
    log::error("closing the store: {}", e.what());
  }
  i.store.reset();
  i.profile.reset();
}

void Engine::take_events(std::vector<Event>& out) { impl_->events.take(out); }
void Engine::enrol(std::string invite, std::string display_name, std::string user_name) {
  impl_->commands.push_always(
      Enrol{std::move(invite), std::move(display_name), std::move(user_name)});
}
std::uint64_t Engine::send(Draft draft) {
  const std::uint64_t local_id = ++impl_->next_local;
  impl_->commands.push_always(Send{local_id, std::move(draft)});
  return local_id;
}
std::uint64_t Engine::send_text(const RoomId& room, std::string text) {
  Draft draft;
  draft.room = room;
  draft.text = std::move(text);
  return send(std::move(draft));
}
void Engine::act(Act act, std::uint64_t token) {
  impl_->commands.push_always(DoAct{std::move(act), token});
}
void Engine::list(List what, std::uint64_t token) {
  impl_->commands.push_always(AskList{std::move(what), token});
}
void Engine::retry(std::uint64_t local_id) { impl_->commands.push_always(Retry{local_id}); }
void Engine::discard(std::uint64_t local_id) { impl_->commands.push_always(Discard{local_id}); }
void Engine::save_draft(const RoomId& room, std::string text) {
  impl_->commands.push_always(SaveDraft{room, std::move(text)});
}
void Engine::mark_read(const RoomId& room, std::uint64_t room_seq) {
  impl_->commands.push_always(MarkRead{room, room_seq});
}
void Engine::set_activity(Activity activity) { impl_->commands.push_always(SetActivity{activity}); }
void Engine::typing(const RoomId& room) { impl_->commands.push_always(TypingIn{room}); }
void Engine::share(std::optional<bool> presence, std::optional<bool> typing) {
  impl_->commands.push_always(Share{presence, typing});
}
void Engine::load_page(const RoomId& room, std::uint64_t before, std::uint32_t limit,
                       std::uint64_t token, PageContent content) {
  impl_->commands.push_always(LoadPage{room, before, limit, token, content});
}
void Engine::link_device(std::string device_name, std::uint64_t token) {
  impl_->commands.push_always(LinkDevice{std::move(device_name), token});
}
void Engine::answer_link(bool let_in) { impl_->commands.push_always(AnswerLink{let_in}); }
void Engine::server_card(std::string note) {
  impl_->commands.push_always(GiveCard{std::move(note)});
}
void Engine::reconnect_now() { impl_->commands.push_always(ReconnectNow{}); }
void Engine::set_server_address(std::string address) {
  impl_->commands.push_always(SetAddress{std::move(address)});
}

}  // namespace tertulia::client
