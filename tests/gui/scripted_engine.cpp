// The members of client::Engine, played from a script: linked into tertulia-window-preview instead
// of the engine, to bring the window into states that are hard to provoke with a real server.
// TERTULIA_SCENE: talk (default), locked (passphrase_of_the_script opens it), offline, forked,
// rolled_back, first_run, empty, no_rooms, burst, unread, device_added (two of them), store_fails (what
// is sent is not stored), numbered (each text with its number; TERTULIA_MESSAGES of them in a room). No
// thread of its own: every command is answered at once.
#include <cstdlib>
#include <iterator>
#include <map>
#include <mutex>
#include <set>

#include "client/engine/engine.hpp"
#include "client/engine/profile_lock.hpp"
#include "common/base/clock.hpp"
#include "common/wire/user_name.hpp"

namespace tertulia::client {
namespace {

constexpr std::uint64_t default_messages_per_room = 500;
constexpr std::uint64_t burst_messages = 10'000;
constexpr const char* invite_of_the_script = "tertulia://script";
constexpr const char* link_of_the_script = "tertulia://link";
constexpr const char* code_of_the_script = "123 456";
constexpr const char* passphrase_of_the_script = "correct horse";
constexpr const char* class_link_of_the_script = "tertulia://class";
constexpr const char* fingerprint = "1f3a 9c02 77de 4b10 c3a5 08ee 5d41 b6f9";

template <class Id>
Id numbered(std::uint8_t number) {
  Id id;
  id.bytes[0] = 1;
  id.bytes[15] = number;
  return id;
}

struct Person {
  const char* name;
  const char* display;
};
constexpr Person people[] = {
    {"ana", "Ana García"}, {"beto", "Beto"}, {"carmen", "Carmen Núñez"}, {"diego", "Diego R."}};
constexpr const char* room_names[] = {
    "general",     "secretaría",    "turno de noche",
    "laboratorio", "mantenimiento", "biblioteca",
    "comedor",     "dirección",     "guardia",
    "informática", "música",        "deportes",
    "primaria",    "secundaria",    "transporte",
    "compras",     "enfermería",    "obras y reformas del edificio norte",
    "ruido",       "avisos"};
constexpr const char* texts[] = {
    "Good morning! The delivery for the lab arrives at ten.",
    "¿Alguien puede abrir el almacén? Yo estoy en la otra punta.",
    "I can, give me five minutes.",
    "👍",
    "The printer on the second floor is out of toner again. I ordered two cartridges; until they "
    "are here please use the one beside the library, which also does A3 and double-sided pages.",
    "Gracias",
    "Notas de la reunión:\n1. Presupuesto aprobado\n2. La mudanza empieza el lunes\n3. Las llaves "
    "están en recepción",
    "<b>not bold</b> & https://example.org/a?b=c",
    "Perfect.",
    "Mañana hay simulacro de incendio a las 11:30 🔥"};

}  // namespace

struct Engine::Impl {
  EngineOptions options;
  std::string scene;
  std::uint64_t messages_per_room = default_messages_per_room;
  std::mutex mutex;
  std::vector<Event> events;
  std::vector<Room> rooms;
  std::map<RoomId, std::vector<Message>> logs;
  std::map<std::uint64_t, Message> outbox;
  std::uint64_t next_local = 1;
  Account account;
  std::set<DeviceId> tried;  // to be removed: the first try is refused

  void tell(Event event) {
    bool was_empty = false;
    {
      std::lock_guard lock(mutex);
      was_empty = events.empty();
      events.push_back(std::move(event));
    }
    if (was_empty) options.wake();
  }

  bool online() const { return scene != "offline"; }

  Message message(const RoomId& room, std::uint64_t room_seq) const {
    const std::uint64_t author = (room_seq / 3 + room_seq / 7) % std::size(people);
    Message m;
    m.room = room;
    m.seq = m.room_seq = room_seq;
    m.id.device = numbered<DeviceId>(static_cast<std::uint8_t>(author));
    m.sender = numbered<UserId>(static_cast<std::uint8_t>(author));
    m.sender_name = people[author].name;
    m.sender_display = people[author].display;
    m.text = texts[(room_seq * 7) % std::size(texts)];
    if (scene == "numbered") m.text = "#" + std::to_string(room_seq) + "# " + m.text;
    m.own = author == 0;
    m.logged_at_ms = m.sent_at_ms =
        wall_ms() - (messages_per_room - std::min(room_seq, messages_per_room)) * 7 * 60 * 1000;
    return m;
  }

  void fill() {
    const std::uint64_t usual = scene == "empty" ? 0 : default_messages_per_room;
    for (std::size_t i = 0; i < std::size(room_names) && scene != "no_rooms"; ++i) {
      Room room;
      const std::uint64_t count = i == 0 && scene == "numbered" ? messages_per_room : usual;
      room.id = numbered<RoomId>(static_cast<std::uint8_t>(i + 1));
      room.name = room_names[i];
      room.topic = i == 0 ? "Everyone, everything" : "";
      room.head = count;
      room.read_up_to = count - (count == 0 ? 0 : (i % 5 == 2 ? 3 * i : i % 5 == 4 ? 1 : 0));
      if (i == 0 && scene == "unread") room.read_up_to = count - 40;
      auto& log = logs[room.id];
      for (std::uint64_t seq = 1; seq <= count; ++seq) log.push_back(message(room.id, seq));
      rooms.push_back(room);
    }
    if (scene == "offline") {
      add_unsent("Llego diez minutos tarde, empezad sin mí.", MessageState::queued, "");
      add_unsent("The file is on the shared drive.", MessageState::failed,
                 "You are not a member of this room.");
      rooms[0].unsent = 2;
    }
  }

  Message& add_unsent(const std::string& text, MessageState state, const std::string& failure) {
    const std::uint64_t id = next_local++;
    Message& m = outbox[id];
    m.room = rooms[0].id;
    m.local_id = id;
    m.sender = account.user_id;
    m.sender_display = account.display_name;
    m.sent_at_ms = wall_ms();
    m.text = text;
    m.own = true;
    m.state = state;
    m.failure = failure;
    return m;
  }

  void tell_link() {
    LinkStatus status;
    status.state = LinkState::online;
    if (scene == "offline") {
      status = {LinkState::offline, LinkProblem::unreachable, "no answer", wall_ms() + 27'000};
    } else if (scene == "forked") {
      status = {LinkState::refused, LinkProblem::log_forked,
                "checkpoint 4711 is not an extension of checkpoint 4702", 0};
    } else if (scene == "rolled_back") {
      status = {LinkState::refused, LinkProblem::log_rolled_back, "size 4700, signed before: 4711",
                0};
    }
    tell(LinkChanged{status});
  }

  void enter() {
    fill();
    tell(AccountChanged{account});
    tell(RoomsChanged{rooms});
    tell_link();
    if (scene == "device_added") {
      tell(DeviceAdded{numbered<DeviceId>(7), true});
      tell(DeviceAdded{numbered<DeviceId>(8), false});
    }
  }

  void burst() {
    std::vector<Message> all;
    auto& log = logs[rooms[0].id];
    for (std::uint64_t i = 0; i < burst_messages; ++i) {
      log.push_back(message(rooms[0].id, log.size() + 1));
      all.push_back(log.back());
    }
    rooms[0].head = log.size();
    tell(MessagesArrived{rooms[0].id, std::move(all), false});
  }
};

std::optional<InvitePreview> preview_invite(const std::string& invite, std::string& reason) {
  if (invite == invite_of_the_script) {
    return InvitePreview{"Colegio San Martín", fingerprint, "ana", {"tcp://192.0.2.7:5570"}, false};
  }
  if (invite == link_of_the_script) {
    return InvitePreview{"Colegio San Martín", fingerprint, "ana", {"tcp://192.0.2.7:5570"}, false, true};
  }
  if (invite == class_link_of_the_script)
    return InvitePreview{"Colegio San Martín", fingerprint, "", {"tcp://192.0.2.7:5570"}, true};
  reason = "This is not an invite: it does not start with tertulia://.";
  return std::nullopt;
}

std::optional<std::string> user_name_fault(const std::string& user_name) {
  return wire::user_name_fault(user_name);
}

Engine::Engine(EngineOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
  const char* scene = std::getenv("TERTULIA_SCENE");
  impl_->scene = scene != nullptr ? scene : "talk";
  if (const char* count = std::getenv("TERTULIA_MESSAGES"))
    impl_->messages_per_room = std::stoull(count);
  impl_->account = {"Colegio San Martín", fingerprint, numbered<UserId>(0),  "ana",
                    "Ana García",         "member",    numbered<DeviceId>(0)};
}

Engine::~Engine() = default;

bool profile_is_locked(const std::filesystem::path&) {
  const char* scene = std::getenv("TERTULIA_SCENE");
  return scene != nullptr && (std::string_view(scene) == "locked" ||
                              std::string_view(scene) == "start_fails_unlocked");
}
Result<crypto::Seed, UnlockError> unlock_profile(const std::filesystem::path&,
                                                 const Passphrase& passphrase) {
  if (passphrase.text() != passphrase_of_the_script) return fail(UnlockError::wrong_passphrase);
  return crypto::Seed::random();
}
const char* unlock_error_text(UnlockError) { return "The passphrase is not right."; }
void Engine::unlock(const crypto::Seed&) {}

void Engine::start() {
  if (impl_->scene.starts_with("start_fails"))
    throw std::runtime_error("cannot open /home/ana/.local/share/tertulia/store.db: disk I/O error");
  if (impl_->scene == "first_run") {
    impl_->tell(LinkChanged{{LinkState::not_enrolled, LinkProblem::none, "", 0}});
  } else {
    impl_->enter();
  }
}

void Engine::stop() {}

void Engine::take_events(std::vector<Event>& out) {
  out.clear();
  std::lock_guard lock(impl_->mutex);
  out.swap(impl_->events);
}

void Engine::enrol(std::string invite, std::string display_name, std::string user_name) {
  if (invite == link_of_the_script) {
    impl_->tell(EnrolWaiting{code_of_the_script});
    return;
  }
  if (user_name == "beto") {
    impl_->tell(EnrolFinished{false, "The name beto is taken, or looks like beto."});
    return;
  }
  if (display_name == "refused") {
    impl_->tell(EnrolFinished{false, "This invite was used already."});
    return;
  }
  impl_->tell(EnrolFinished{true, ""});
  impl_->enter();
}

std::uint64_t Engine::send(Draft draft) { return send_text(draft.room, std::move(draft.text)); }

std::uint64_t Engine::send_text(const RoomId& room, std::string text) {
  Message& m = impl_->add_unsent(text, MessageState::queued, "");
  m.room = room;
  const std::uint64_t id = m.local_id;
  const auto refuse = [&](const char* reason) {
    m.state = MessageState::failed;
    m.failure = reason;
    m.stored = false;
    impl_->tell(OutboxChanged{{m}});
    impl_->outbox.erase(id);
  };
  if (text.starts_with("too long")) {
    refuse("The message is too long.");
    return id;
  }
  if (impl_->scene == "store_fails") {
    refuse("It cannot be stored: disk full");
    impl_->tell(LinkChanged{{LinkState::online, LinkProblem::store_failed, "disk full", 0}});
    return id;
  }
  impl_->tell(OutboxChanged{{m}});
  if (text == "burst") impl_->burst();
  if (impl_->online()) {
    auto& log = impl_->logs[room];
    m.room_seq = m.seq = log.size() + 1;
    m.logged_at_ms = wall_ms();
    m.state = MessageState::sent;
    log.push_back(m);
    impl_->tell(OutboxChanged{{m}});
    impl_->outbox.erase(id);
  }
  return id;
}

void Engine::retry(std::uint64_t local_id) {
  Message& m = impl_->outbox.at(local_id);
  m.state = MessageState::queued;
  m.failure.clear();
  impl_->tell(OutboxChanged{{m}});
}

void Engine::discard(std::uint64_t local_id) {
  const RoomId room = impl_->outbox.at(local_id).room;
  impl_->outbox.erase(local_id);
  impl_->tell(OutboxDiscarded{local_id, room});
}

void Engine::save_draft(const RoomId&, std::string) {}

void Engine::list(List, std::uint64_t token) {
  impl_->tell(DevicesListed{token, {{numbered<DeviceId>(7), "Portátil de la sala", 12, false, true},
                                    {numbered<DeviceId>(8), "", 13}}});
}

void Engine::act(Act act, std::uint64_t token) {
  const bool is_first_try = impl_->tried.insert(std::get<RevokeDevice>(act).device).second;
  if (is_first_try)
    impl_->tell(ActFinished{token, false, "Your role does not allow this.", {}});
  else
    impl_->tell(ActFinished{token, true, "", {}});
}
void Engine::set_activity(Activity) {}

void Engine::mark_read(const RoomId& room, std::uint64_t room_seq) {
  for (auto& known : impl_->rooms) {
    if (known.id == room) known.read_up_to = room_seq;
  }
  impl_->tell(RoomsChanged{impl_->rooms});
}

void Engine::load_page(const RoomId& room, std::uint64_t before, std::uint32_t limit,
                       std::uint64_t token, PageContent) {
  const auto& log = impl_->logs[room];
  const std::size_t end = before == 0 ? log.size() : std::min<std::size_t>(before - 1, log.size());
  const std::size_t begin = end > limit ? end - limit : 0;
  std::vector<Message> page(log.begin() + static_cast<std::ptrdiff_t>(begin),
                            log.begin() + static_cast<std::ptrdiff_t>(end));
  if (before == 0) {
    for (const auto& [id, m] : impl_->outbox) {
      if (m.room == room) page.push_back(m);
    }
  }
  impl_->tell(PageLoaded{token, room, std::move(page), begin == 0, begin + 1});
}

void Engine::reconnect_now() { impl_->tell_link(); }
void Engine::set_server_address(std::string) {}

}  // namespace tertulia::client
