// Engine: everything a client is except its window. One network thread owns the sockets (DEALER,
// SUB) and the profile's SQLite store; the caller gives it commands and drains its events.
//
// Threads: construct, start() and stop() on one thread. Commands may be called from any thread and
// return at once. take_events() is for one thread, the consumer's. `wake` is called on the network
// thread when the event queue goes from empty to non-empty, and must only signal (a
// Glib::Dispatcher, an eventfd): 100,000 events cost one wake-up.
//
// What is durable when: send() is in the store before its OutboxChanged event comes back; a message
// stays there, under the same id, until the broker's ack says it is fsynced in the log.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/bytes.hpp"

namespace tertulia::client {

// ---- what the engine tells of ----

enum class LinkState { not_enrolled, connecting, online, offline, refused };

// Why the link is not whole; the window and the cli each have a sentence for every one.
enum class LinkProblem {
  none,
  unreachable,     // nothing answers at any address
  wrong_server,    // another server's key answers there (said after the third try)
  device_refused,  // the server does not know this device, or it was revoked
  broadcast_blocked,  // commands work, broadcast does not: messages come by heads and fetch, in ≤ 5 s
  server_read_only,  // disk full or similar: reading goes on, sending waits
  log_forked,        // the server's log contradicts what was verified before: blocking, red
  log_rolled_back,   // the server's log is shorter than one it signed before
  store_failed       // the local store cannot be written; detail says why
};

struct LinkStatus {
  LinkState state = LinkState::connecting;
  LinkProblem problem = LinkProblem::none;
  std::string detail;             // English, for logs and the cli; may be empty
  std::uint64_t retry_at_ms = 0;  // wall clock; 0: no countdown
};

enum class MessageState { queued, sent, failed };

// What a message refers to: (device, submission, index) names a message for ever.
struct MessageId {
  DeviceId device;
  SubmissionId submission;
  std::uint8_t index = 0;
  auto operator<=>(const MessageId&) const = default;
};

struct Message {
  RoomId room;
  std::uint64_t local_id = 0;  // of the outbox; own messages of this profile only, else 0
  std::uint64_t seq = 0;       // of its entry in the log; valid when room_seq > 0
  std::uint64_t room_seq = 0;  // 0 while it is not in the log
  MessageId id;
  UserId sender;
  std::string sender_name;  // the user name; the window shows sender_display
  std::string sender_display;
  std::uint8_t kind = 1;  // record::Kind
  std::uint64_t sent_at_ms = 0;
  std::uint64_t logged_at_ms = 0;
  std::string text;
  bool own = false;  // written by this profile's user, on whatever device
  MessageState state = MessageState::sent;
  std::string failure;  // English reason when state is failed
};

struct Room {
  RoomId id;
  std::string name;
  std::string topic;
  std::uint64_t head = 0;        // newest room_seq in the log, as far as is known
  std::uint64_t read_up_to = 0;  // newest room_seq the user has seen
  std::uint64_t unsent = 0;      // rows of the outbox
  std::string draft;
};

struct Account {
  std::string server_name;
  std::string server_fingerprint;  // 8 words of 4 hex digits: "1f3a 9c02 …" of the identity key
  UserId user_id;
  std::string user_name;
  std::string display_name;
  std::string role;
  DeviceId device;
};

// ---- events ----

struct LinkChanged {
  LinkStatus status;
};
struct AccountChanged {
  Account account;
};
struct RoomsChanged {
  std::vector<Room> rooms;
};  // the whole list, in the order to show
// New messages, in order of room_seq, each once; live or fetched, older pages not among them.
struct MessagesArrived {
  RoomId room;
  std::vector<Message> messages;
};
// Answer to load_page. complete: there is nothing older in the log.
struct PageLoaded {
  std::uint64_t token;
  RoomId room;
  std::vector<Message> messages;
  bool complete;
};
// An own message was queued, failed, discarded or sent; sent ones carry seq, room_seq, logged_at_ms.
struct OutboxChanged {
  std::vector<Message> messages;
};
struct OutboxDiscarded {
  std::uint64_t local_id;
  RoomId room;
};
// reason: one English sentence; unreachable: nobody answered, so nothing is said about the invite.
struct EnrolFinished {
  bool ok;
  std::string reason;
  bool unreachable = false;
};
struct OutboxDrained {};  // nothing of this process is left to send
struct CaughtUp {};       // after a (re)connect: every room is known up to its head, and what is
                          // said from now on arrives (subscribed, or known to be blocked)

using Event = std::variant<LinkChanged, AccountChanged, RoomsChanged, MessagesArrived, PageLoaded,
                           OutboxChanged, OutboxDiscarded, EnrolFinished, OutboxDrained, CaughtUp>;

// ---- commands ----

// What an invite says before anything is sent anywhere.
struct InvitePreview {
  std::string server_name;
  std::string server_fingerprint;
  std::string user_name;
  std::vector<std::string> addresses;
};
// nullopt: not an invite; reason then says what is wrong with it, in one English sentence.
std::optional<InvitePreview> preview_invite(const std::string& invite, std::string& reason);

// Which messages MessagesArrived brings.
enum class Follow {
  newest_first,  // from the cache's end on; when much was missed only the newest page, and room_seq
                 // jumps: the older ones come by load_page when the user scrolls there
  from_now,      // from the rooms' heads at the first welcome on, without a gap
  since          // from EngineOptions::since_room_seq on, without a gap
};

struct EngineOptions {
  std::filesystem::path profile;
  std::function<void()> wake;     // see above
  bool subscribe = true;          // false: no SUB socket (a program that only sends)
  bool read_only_outbox = false;  // true: neither sends nor adopts rows (a program that only reads)
  std::string server_address;     // not empty: tried before the known ones; the pinned key decides
  Follow follow = Follow::newest_first;
  std::uint64_t since_room_seq = 1;
  std::string program = "tertulia";  // name and version, for the administrator's eyes
  std::uint64_t enrol_timeout_ms = 20'000;
};

class Engine {
 public:
  explicit Engine(EngineOptions options);
  ~Engine();  // stop()s
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void start();  // opens the store (throws what the store's failure is), starts the thread
  void
  stop();  // flushes the store, closes the sockets, joins; what was not sent stays in the outbox

  // Replaces out by all events since the last call.
  void take_events(std::vector<Event>& out);

  // Uses the invite; display_name empty: the user name. Answers with EnrolFinished, then connects.
  void enrol(std::string invite, std::string display_name);
  // Returns the local_id at once; OutboxChanged(queued) follows when it is in the store.
  std::uint64_t send_text(const RoomId& room, std::string text);
  void retry(std::uint64_t local_id);
  void discard(std::uint64_t local_id);
  void save_draft(const RoomId& room, std::string text);
  void mark_read(const RoomId& room, std::uint64_t room_seq);
  // The newest `limit` messages with room_seq < before (0: the newest of all), from the cache or
  // the broker, oldest first; own unsent ones of the room at the end when before is 0.
  void load_page(const RoomId& room, std::uint64_t before, std::uint32_t limit,
                 std::uint64_t token);
  // Drop the connection's timers and try again now (network came back, resume from suspend).
  void reconnect_now();
  void set_server_address(std::string address);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::client
