#include "client/engine/engine.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include "client/engine/enrolment.hpp"
#include "client/engine/session.hpp"
#include "common/base/clock.hpp"
#include "common/base/log.hpp"
#include "common/base/queue.hpp"

namespace tertulia::client {

namespace {
constexpr std::uint64_t kSyncMs = 300;        // a row that stays queued survives a power cut then
constexpr std::uint64_t kIdleSyncMs = 2'000;  // after the last write
constexpr std::uint64_t kStoreRetryMs = 2'000;
constexpr unsigned kProcessShift = 40;  // local_id = process << 40 | counter
constexpr std::size_t kTextBytesMax = record::body_bytes_max - 16;

struct SendText {
  Outbox::Draft draft;
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
struct LoadPage {
  RoomId room;
  std::uint64_t before;
  std::uint32_t limit;
  std::uint64_t token;
};
struct Enrol {
  std::string invite;
  std::string display_name;
};
struct ReconnectNow {};
struct SetAddress {
  std::string address;
};
using Command = std::variant<SendText, Retry, Discard, SaveDraft, MarkRead, LoadPage, Enrol,
                             ReconnectNow, SetAddress>;

std::vector<std::string> addresses_of(const wire::Invite& invite, const std::string& typed) {
  std::vector<std::string> out;
  for (const auto* address : {&typed})
    if (const auto normal = normalised_address(*address); !normal.empty()) out.push_back(normal);
  for (const auto& address : invite.addresses) {
    const auto normal = normalised_address(address);
    if (!normal.empty() && std::find(out.begin(), out.end(), normal) == out.end())
      out.push_back(normal);
  }
  return out;
}
}  // namespace

std::optional<InvitePreview> preview_invite(const std::string& invite, std::string& reason) {
  const auto decoded = wire::decode_invite(invite);
  if (!decoded) {
    reason = wire::invite_error_text(decoded.error());
    return std::nullopt;
  }
  return InvitePreview{decoded->server_name, crypto::fingerprint(decoded->identity),
                       decoded->user_name, decoded->addresses};
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
  void send(const std::vector<Outbox::Draft>& drafts);
  void refuse(const Outbox::Draft& draft, const std::string& reason);
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
  auto invite = wire::decode_invite(command.invite);
  if (!invite) return refuse_with(wire::invite_error_text(invite.error()));
  auto addresses = addresses_of(*invite, options.server_address);
  if (addresses.empty()) return refuse_with("This invite holds no address that can be used.");
  std::optional<crypto::Seed> seed;
  try {
    seed = profile->make_device_seed();
  } catch (const std::exception& e) {
    return refuse_with(std::string("The device's key cannot be kept: ") + e.what());
  }
  const std::string name = command.display_name.empty() ? invite->user_name : command.display_name;
  enrolment.emplace(*context, std::move(*invite), name, *seed, std::move(addresses), now_ms,
                    options.enrol_timeout_ms);
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
  e.addresses = addresses_of(invite, outcome.address);
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

void Engine::Impl::refuse(const Outbox::Draft& draft, const std::string& reason) {
  OutboxRow row;
  row.local_id = draft.local_id;
  row.room = draft.room;
  row.created_ms = wall_ms();
  row.failed = true;
  row.failure = reason;
  Message m;
  if (session) m = session->message_of(row, MessageState::failed);
  m.local_id = draft.local_id;
  m.room = draft.room;
  m.text = draft.text;
  m.state = MessageState::failed;
  m.failure = reason;
  pending.push_back(OutboxChanged{{std::move(m)}});
}

void Engine::Impl::send(const std::vector<Outbox::Draft>& drafts) {
  std::vector<Outbox::Draft> good;
  for (const auto& draft : drafts) {
    if (!session)
      refuse(draft, "This profile is not enrolled.");
    else if (draft.text.size() > kTextBytesMax)
      refuse(draft, "The message is too long.");
    else if (!is_valid_utf8(as_bytes(draft.text)))
      refuse(draft, "The message is not UTF-8.");
    else
      good.push_back(draft);
  }
  if (good.empty()) return;
  try {
    session->send(good);
  } catch (const StoreError& e) {
    store_broke(e.what(), monotonic_ms());
    for (const auto& draft : good) refuse(draft, std::string("It cannot be stored: ") + e.what());
  }
}

void Engine::Impl::obey(Command& command, std::uint64_t now_ms) {
  if (const auto* invite = std::get_if<Enrol>(&command)) return enrol(*invite, now_ms);
  if (!session) return;
  struct {
    Session& session;
    std::uint64_t now_ms;
    void operator()(const Retry& c) { session.retry(c.local_id); }
    void operator()(const Discard& c) { session.discard(c.local_id); }
    void operator()(const SaveDraft& c) { session.save_draft(c.room, c.text); }
    void operator()(const MarkRead& c) { session.mark_read(c.room, c.room_seq); }
    void operator()(const LoadPage& c) { session.load_page(c.room, c.before, c.limit, c.token); }
    void operator()(const SetAddress& c) { session.set_server_address(c.address, now_ms); }
    void operator()(const ReconnectNow&) { session.reconnect_now(now_ms); }
    void operator()(const SendText&) {}  // collected by the caller
    void operator()(const Enrol&) {}     // above
  } to{*session, now_ms};
  std::visit(to, command);
}

// Messages that stand side by side in the queue are stored together.
void Engine::Impl::obey(std::vector<Command>& many, std::uint64_t now_ms) {
  std::vector<Outbox::Draft> drafts;
  for (auto& command : many) {
    if (auto* text = std::get_if<SendText>(&command)) {
      drafts.push_back(std::move(text->draft));
      continue;
    }
    if (!drafts.empty()) send(std::exchange(drafts, {}));
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
    if (enrolment)
      if (const auto outcome = enrolment->work(now_ms)) end_enrolment(*outcome, now_ms);
    store->commit();
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
      if (const auto* text = std::get_if<SendText>(&command)) refuse(text->draft, store_failure);
      if (std::holds_alternative<Enrol>(command))
        pending.push_back(EnrolFinished{false, store_failure});
    }
    events.push(pending);
  }
}

Engine::Engine(EngineOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Engine::~Engine() { stop(); }

void Engine::start() {
  Impl& i = *impl_;
  crypto::crypto_start();
  i.profile.emplace(i.options.profile);
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
  i.thread = std::thread([&i] { i.run(); });
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
void Engine::enrol(std::string invite, std::string display_name) {
  impl_->commands.push_always(Enrol{std::move(invite), std::move(display_name)});
}
std::uint64_t Engine::send_text(const RoomId& room, std::string text) {
  const std::uint64_t local_id = ++impl_->next_local;
  impl_->commands.push_always(SendText{{local_id, room, std::move(text)}});
  return local_id;
}
void Engine::retry(std::uint64_t local_id) { impl_->commands.push_always(Retry{local_id}); }
void Engine::discard(std::uint64_t local_id) { impl_->commands.push_always(Discard{local_id}); }
void Engine::save_draft(const RoomId& room, std::string text) {
  impl_->commands.push_always(SaveDraft{room, std::move(text)});
}
void Engine::mark_read(const RoomId& room, std::uint64_t room_seq) {
  impl_->commands.push_always(MarkRead{room, room_seq});
}
void Engine::load_page(const RoomId& room, std::uint64_t before, std::uint32_t limit,
                       std::uint64_t token) {
  impl_->commands.push_always(LoadPage{room, before, limit, token});
}
void Engine::reconnect_now() { impl_->commands.push_always(ReconnectNow{}); }
void Engine::set_server_address(std::string address) {
  impl_->commands.push_always(SetAddress{std::move(address)});
}

}  // namespace tertulia::client
