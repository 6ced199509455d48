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

#include "common/crypto/keys.hpp"
#include "common/record/act.hpp"

namespace tertulia::client {

// ---- what the engine tells of ----

enum class LinkState { not_enrolled, connecting, online, offline, refused };

// Why the link is not whole; the window and the cli each have a sentence for every one.
enum class LinkProblem {
  none,
  unreachable,     // nothing answers at any address
  wrong_server,    // another server's key answers there (said after the third try)
  device_refused,  // the server does not know this device, or it was revoked
  server_full,     // it has as many connections as it may; tried again
  broadcast_blocked,  // commands work, broadcast does not: messages come by heads and fetch, in ≤ 5 s
  server_read_only,  // disk full or similar: reading goes on, sending waits
  log_forked,        // the server's log contradicts what was verified before: blocking, red
  log_rolled_back,   // the server's log is shorter than one it signed before
  two_cards,         // the server has signed two cards of one number: blocking, red
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
  static constexpr std::size_t size_bytes = 33;
  DeviceId device;
  SubmissionId submission;
  std::uint8_t index = 0;
  auto operator<=>(const MessageId&) const = default;
};
// device ‖ submission ‖ index, as bodies and the log have it; nullopt: not 33 bytes.
Bytes to_bytes(const MessageId& id);
std::optional<MessageId> message_id(ByteView bytes);

// Edits, deletes and reactions: they change an original and are no messages of their own to a reader.
inline bool is_change(std::uint8_t kind) { return kind >= 2 && kind <= 4; }

// What is known of a message that another one refers to.
struct Quote {
  std::uint64_t room_seq = 0;
  UserId sender;
  std::string sender_name;
  std::string sender_display;
  std::string text;  // as it stands now
  bool deleted = false;
};

struct Mention {
  UserId user;       // zero: the whole room
  std::string name;  // "room" for the whole room
};

// One emoji on a message, and who gave it, in the order in which they did.
struct Reaction {
  std::string emoji;
  std::vector<UserId> users;
  std::vector<std::string> user_names;
  bool own = false;  // this profile's user is among them
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
  std::string text;                   // of an original: as it stands now
  bool own = false;                   // written by this profile's user, on whatever device
  std::optional<MessageId> target;    // of a change: the original
  std::optional<MessageId> reply_to;  // of an original
  std::optional<Quote> quote;         // of target or reply_to, as far as it is cached
  std::vector<Mention> mentions;
  bool mentions_me = false;  // by name or as one of the room, and somebody else's

  // What the changes that are known make of an original (client/engine/fold.hpp).
  std::uint64_t edited_at_ms = 0;  // the log's time of the edit that holds; 0: none
  bool deleted = false;            // a tombstone: text, mentions and reactions are gone
  std::string deleted_by;          // user name
  std::vector<Reaction> reactions;
  MessageState state = MessageState::sent;
  std::string failure;  // English reason when state is failed
  bool stored = true;   // false: failed, and in no outbox: its words are the caller's to keep
};

struct Room {
  RoomId id;
  std::string name;
  std::string topic;
  std::uint64_t head = 0;        // newest room_seq in the log, as far as is known
  std::uint64_t read_up_to = 0;  // newest room_seq the user has seen
  std::uint64_t unsent = 0;      // rows of the outbox
  std::string draft;
  // As of the newest welcome; of a room that is only cached they are not known.
  record::RoomKind kind = record::RoomKind::public_room;
  record::Standing standing = record::Standing::member;
  bool archived = false;
  bool past_readable = true;
  std::uint32_t member_count = 0;
  std::vector<UserId> members;  // of a direct room
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
// New messages, in order of room_seq, each once; live or fetched, older pages not among them. Changes
// come as what they are; originals as the changes that came with them or before them have left them.
struct MessagesArrived {
  RoomId room;
  std::vector<Message> messages;
  bool after_gap;  // what lies between them and those that came before is only in pages
};
// A change arrived and its original is cached: how it stands now.
struct MessageChanged {
  Message message;
};
// Answer to load_page. complete: there is nothing older in the log. whole_from: the room_seq from which
// on everything below the one that was asked for is in it, or is a change.
struct PageLoaded {
  std::uint64_t token;
  RoomId room;
  std::vector<Message> messages;
  bool complete;
  std::uint64_t whole_from;
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
// A link is used: this device waits to be let in on the other one. code, once it is known: "123 456",
// which the other one shows too, if nobody came in between.
struct EnrolWaiting {
  std::string code;
};
struct OutboxDrained {};  // nothing of this process is left to send
struct CaughtUp {};       // after a (re)connect: every room is known up to its head, and what is
                          // said from now on arrives (subscribed, or known to be blocked)

// Answer to act(). room: the one that it made or is about.
struct ActFinished {
  std::uint64_t token;
  bool ok;
  std::string reason;  // English
  RoomId room;
};
// What a user does, by what his devices say of themselves. offline: not there, or not telling.
enum class Activity : std::uint8_t { offline = 0, away = 1, active = 2 };

// Answers to list().
struct Person {
  UserId id;
  std::string name;
  std::string display_name;
  std::string role;
  bool disabled = false;
  Activity activity{};
};
struct MemberEntry {
  Person person;
  record::Standing standing{};
};
struct DeviceEntry {
  DeviceId id;
  std::string name;
  std::uint64_t enrolled_seq = 0;
  bool revoked = false;
  bool by_administrator = false;   // added by an administrator to a user who had one already
  bool own = false;                // this profile's
  std::uint64_t last_seen_ms = 0;  // by the server's clock; 0: never
  bool held_by_server = false;     // a webhook: the server signs for it
};
struct RoomsListed {
  std::uint64_t token;
  std::vector<Room> rooms;  // that one may see; standing outsider: not in it
};
struct MembersListed {
  std::uint64_t token;
  RoomId room;
  std::vector<MemberEntry> members;
};
struct DevicesListed {
  std::uint64_t token;
  std::vector<DeviceEntry> devices;
};
struct PeopleListed {
  std::uint64_t token;
  std::vector<Person> people;
};
struct ListRefused {
  std::uint64_t token;
  std::string reason;
};

// link_device(): this is the string for the further device; it has expired at expires_at_ms.
struct DeviceLinkOpened {
  std::uint64_t token;
  std::string link;
  std::uint64_t expires_at_ms;  // wall clock
};
// A device has asked with that link, and proved that it holds it: answer_link() lets it in or not. The
// user compares the code with what that device shows.
struct DeviceLinkAsked {
  std::uint64_t token;
  std::string device_name;  // as it says
  std::string code;         // "123 456"
};
// ok: it is in. Else one sentence that says why nobody was let in; nothing was signed.
struct DeviceLinkEnded {
  std::uint64_t token;
  bool ok;
  std::string reason;
  DeviceId device;
};
// A further device of this user that was not there when this profile last looked.
struct DeviceAdded {
  DeviceId device;
  bool by_administrator = false;  // else another of his devices let it in
};

struct PresenceChanged {
  std::vector<std::pair<UserId, Activity>> people;  // with another activity than before
};
// Who is writing in a room now, oneself not among them; empty: nobody any more.
struct TypingChanged {
  RoomId room;
  std::vector<std::string> users;
};
struct ReadMarksTold {};  // the server knows how far this user has read

// Answer to server_card(). card: the newest that is known, as it was signed; empty: none yet.
struct CardAnswer {
  bool ok = false;
  std::string reason;  // English
  std::string card;
};

using Event =
    std::variant<CardAnswer, EnrolWaiting, DeviceLinkOpened, DeviceLinkAsked, DeviceLinkEnded,
                 DeviceAdded, PresenceChanged, TypingChanged, ReadMarksTold, ActFinished,
                 RoomsListed, MembersListed, DevicesListed, PeopleListed, ListRefused, LinkChanged,
                 AccountChanged, RoomsChanged, MessagesArrived, MessageChanged, PageLoaded,
                 OutboxChanged, OutboxDiscarded, EnrolFinished, OutboxDrained, CaughtUp>;

// ---- commands ----

// Acts of administration; users by their names. Who may do what: docs/permissions.md.
struct CreateRoom {
  std::string name;
  std::string topic;
  record::RoomKind kind = record::RoomKind::public_room;  // not direct
  bool past_readable = true;
  bool for_newcomers = false;
};
struct OpenDirect {
  std::vector<std::string> users;  // besides oneself; the same people have the same room
};
struct ChangeRoom {
  RoomId room;
  std::string name;   // empty: as it is
  std::string topic;  // empty: as it is
  std::optional<bool> archived;
  std::optional<bool> past_readable;
};
struct AddMember {
  RoomId room;
  std::string user;  // empty: oneself, which is to join
  record::Standing standing = record::Standing::member;
};
struct RemoveMember {
  RoomId room;
  std::string user;  // empty: oneself, which is to leave
};
struct SetStanding {
  RoomId room;
  std::string user;
  record::Standing standing{};
};
struct RevokeDevice {
  DeviceId device;
};
struct ChangeUser {
  std::string user;  // empty: oneself
  std::string display_name;
  std::optional<record::Role> role;
  std::optional<bool> disabled;
};
using Act = std::variant<CreateRoom, OpenDirect, ChangeRoom, AddMember, RemoveMember, SetStanding,
                         RevokeDevice, ChangeUser>;

struct ListRooms {};
struct ListMembers {
  RoomId room;
};
struct ListDevices {};  // one's own
struct ListPeople {};
using List = std::variant<ListRooms, ListMembers, ListDevices, ListPeople>;

// What an invite, or a link of another device, says before anything is sent anywhere.
struct InvitePreview {
  std::string server_name;
  std::string server_fingerprint;
  std::string user_name;  // empty: a class link
  std::vector<std::string> addresses;
  bool class_link = false;      // several people join by it, and each chooses a user name
  bool further_device = false;  // a link: this becomes a further device of that user
};
// nullopt, or one English sentence that says why nobody may be called that.
std::optional<std::string> user_name_fault(const std::string& user_name);
// nullopt: neither; reason then says what is wrong with it, in one English sentence.
std::optional<InvitePreview> preview_invite(const std::string& invite, std::string& reason);

// What send() is given. Kinds: 1 text, 2 edit (target, text), 3 delete (target), 4 reaction (target,
// text: the emoji; empty: takes back all of one's own there).
struct Draft {
  RoomId room;
  std::uint8_t kind = 1;
  std::string text;
  std::optional<MessageId> target;
  std::optional<MessageId> reply_to;            // kind 1
  std::optional<std::vector<UserId>> mentions;  // nullopt: those that the text names (mentions.hpp)
};

// Which messages a page holds.
enum class PageContent {
  folded,  // originals as they stand; changes are in them
  raw      // every message of the log as it was sent, but for the text of what was deleted
};

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
  std::vector<std::string> more_addresses;    // tried after the known ones; the pinned key decides
  std::vector<std::string> accepted_servers;  // fingerprints; not empty: invites of others are
                                              // refused, and more_addresses are of these servers
  bool find_by_avahi =
      false;  // where no known address answers, as the pinned server announces itself
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

  // The key of a profile that has a passphrase (profile_lock.hpp); before start().
  void unlock(const crypto::Seed& device_seed);
  void start();  // opens the store (throws what the store's failure is), starts the thread
  void
  stop();  // flushes the store, closes the sockets, joins; what was not sent stays in the outbox

  // Replaces out by all events since the last call.
  void take_events(std::vector<Event>& out);

  // Uses the invite, or the link of another device, which says EnrolWaiting, perhaps for minutes.
  // display_name empty: as the administrator has it, or the user name; a link has none. user_name: of a
  // class link, and only then. Answers with EnrolFinished, then connects; one that was refused may
  // be used again at once, with another name.
  void enrol(std::string invite, std::string display_name, std::string user_name = {});
  // Returns the local_id at once; OutboxChanged(queued) follows when it is in the store.
  std::uint64_t send(Draft draft);
  std::uint64_t send_text(const RoomId& room, std::string text);
  void retry(std::uint64_t local_id);
  void discard(std::uint64_t local_id);
  void save_draft(const RoomId& room, std::string text);
  // Follows the user to his other devices; ReadMarksTold when the server knows.
  void mark_read(const RoomId& room, std::uint64_t room_seq);
  // What others are told of this user, where he shares it and the server does. Not called: nothing.
  void set_activity(Activity activity);
  // He is writing in that room; may be called at each key.
  void typing(const RoomId& room);
  // What this profile tells; kept in it. nullopt: as it is.
  void share(std::optional<bool> presence, std::optional<bool> typing);
  // The newest `limit` messages with room_seq < before (0: the newest of all), from the cache or
  // the broker, oldest first; own unsent ones of the room at the end when before is 0. An auditor may
  // name a room that RoomsListed has told of: the record says that he reads it.
  void load_page(const RoomId& room, std::uint64_t before, std::uint32_t limit, std::uint64_t token,
                 PageContent content = PageContent::folded);
  // Signs the act and has it written to the log; ActFinished says whether it is there. It is tried
  // again after a broken connection, under the same id, as long as this engine lives.
  void act(Act act, std::uint64_t token);
  // Asks the server, answers with the event of the list, or ListRefused.
  void list(List what, std::uint64_t token);
  // Opens a link for a further device of this user, for ten minutes at most: DeviceLinkOpened, then
  // DeviceLinkAsked, then DeviceLinkEnded. device_name: how it is to be called; empty: as it says
  // itself. One at a time: another one ends the first.
  void link_device(std::string device_name, std::uint64_t token);
  // Lets in the device that asked, or nobody (before it has asked, too).
  void answer_link(bool let_in);
  // A card of the server by hand, when a change of its keys was missed; empty: only asks for the known
  // one. CardAnswer says whether it was taken.
  void server_card(std::string note);
  // Drop the connection's timers and try again now (network came back, resume from suspend).
  void reconnect_now();
  void set_server_address(std::string address);

 private:
  void open();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tertulia::client
