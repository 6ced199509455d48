// Session: the conversation with the server of an enrolled profile: hello, pings, history, keys,
// people, checkpoints, sending and receiving. What was under way when the connection went is asked
// again on the next one; nothing that matters lives only in a socket.
//
// Network thread only. work() writes to the store without committing; the engine commits, hands the
// events out, and then calls send_waiting(): nothing is sent that is not in the store.
#pragma once

#include <set>
#include <unordered_map>

#include "client/engine/event_queue.hpp"
#include "client/engine/finder.hpp"
#include "client/engine/link.hpp"
#include "client/engine/outbox.hpp"
#include "client/engine/people.hpp"
#include "client/engine/presence.hpp"
#include "client/engine/rooms.hpp"
#include "client/engine/witness.hpp"
#include "common/wire/card.hpp"
#include "common/wire/device_link.hpp"
#include "common/wire/frame.hpp"

namespace tertulia::client {

// What a profile knows of its server and of itself.
struct Enrolled {
  SignPublicKey identity;
  CurvePublicKey curve;
  std::optional<wire::Card::Next> next;  // the key that takes the place of `curve`
  ServerId server;
  Account account;
  std::vector<std::string> addresses;  // the one that worked last first
};
std::string reason_of(const pb::Error& error);  // a sentence, whatever the server said
std::optional<Enrolled> load_enrolled(Store& store);
void save_enrolled(Store& store, const Enrolled& enrolled);

class Session {
 public:
  Session(zmq::context_t& context, Store& store, Profile& profile, const EngineOptions& options,
          Enrolled enrolled, const crypto::Seed& device_seed, std::uint64_t process,
          EventQueue& queue, std::vector<Event>& events, std::uint64_t now_ms);

  void add_to(std::vector<zmq::pollitem_t>& items) {
    link_.add_to(items);
    finder_.add_to(items);
  }
  std::uint64_t next_deadline_ms(std::uint64_t now_ms) const;
  void work(std::uint64_t now_ms);
  void send_waiting(std::uint64_t now_ms);
  LinkStatus status(std::uint64_t now_ms) const;

  void send(const std::vector<Outbox::Draft>& drafts);
  void retry(std::uint64_t local_id);
  void discard(std::uint64_t local_id);
  void save_draft(const RoomId& room, const std::string& text);
  void mark_read(const RoomId& room, std::uint64_t room_seq);
  void set_activity(Activity activity, std::uint64_t now_ms) {
    presence_.set_activity(activity, now_ms);
  }
  void typing(const RoomId& room, std::uint64_t now_ms) { presence_.typing(room, now_ms); }
  void share(std::optional<bool> presence, std::optional<bool> typing, std::uint64_t now_ms) {
    presence_.share(presence, typing, store_, now_ms);
  }
  void load_page(const RoomId& room, std::uint64_t before, std::uint32_t limit, std::uint64_t token,
                 PageContent content);
  void act(Act&& act, std::uint64_t token) { waiting_acts_.emplace_back(std::move(act), token); }
  void list(List&& what, std::uint64_t token) {
    waiting_lists_.emplace_back(std::move(what), token);
  }
  void link_device(const std::string& device_name, std::uint64_t token, std::uint64_t now_ms);
  void answer_link(bool let_in, std::uint64_t now_ms);
  // A card given by hand; empty: only says which one holds.
  CardAnswer give_card(const std::string& note, std::uint64_t now_ms);
  void reconnect_now(std::uint64_t now_ms);
  void set_server_address(const std::string& address, std::uint64_t now_ms);
  // Something waits that no quick answer will clear: it has to survive a power cut.
  bool stuck(std::uint64_t now_ms) const;
  // The store cannot be written: nothing can be taken in, so the connection goes and comes again.
  // After a rollback: what was taken and is not stored is asked for again.
  void store_failed(std::uint64_t now_ms);  // throws nothing
  void committed();  // what work() wrote is in the store
  Message message_of(const OutboxRow& row, MessageState state) const;
  // Of everybody that the server lists.
  std::vector<UserId> mentions_of(const std::string& text) const;

 private:
  enum class What {
    hello,
    ping,
    people,
    room_keys,
    consistency,
    timeline,
    page,
    rooms,
    members,
    devices,
    link
  };
  struct Asked {
    What what = What::ping;
    RoomId room{};
    std::uint64_t token = 0;  // of a page or a list; of a ping: kSettles, kCarriesMarks
    bool jump = false;        // of a timeline: the newest page
    bool live = false;        // a broadcast; changes of what it brings come behind it
  };
  static constexpr std::uint64_t kSettles = 1;       // its pong ends the catching up
  static constexpr std::uint64_t kCarriesMarks = 2;  // its pong says that marks are known
  struct PageJob {
    RoomId room;
    std::uint64_t before = 0;  // as asked by the caller
    std::uint64_t upper = 0;   // 0: not known yet
    std::uint32_t limit = 0;
    std::uint64_t token = 0;
    PageContent content = PageContent::folded;
    bool asked = false;
    std::uint64_t ask_from_ms = 0;  // monotonic: not before
    std::uint64_t lowest = 0;       // when it was last asked: no progress ends it
    // What is cached from upper down to `looked`, newest first: it is not read again for each answer.
    std::uint64_t looked = 0;  // 0: at nothing yet
    std::uint64_t generation = 0;
    std::vector<MessageId> found;
  };
  // Entries whose author's device is not known yet.
  struct Held {
    RoomId room;
    Bytes entries;
    Asked asked;  // what brought them; what == timeline for broadcasts too
    std::uint64_t people_question = 0;
  };

  // session.cpp: the connection and its timers
  void came_up(std::uint64_t now_ms);
  void went_down();
  void lost(std::uint64_t now_ms, const std::string& why);
  bool ask(const pb::Request& request, const Asked& asked);
  void say_hello(std::uint64_t now_ms);
  void receive(std::uint64_t now_ms);
  void watch_link(std::uint64_t now_ms);
  void find_server(std::uint64_t now_ms);
  void watch_broadcast(std::uint64_t now_ms);
  void ping(std::uint64_t now_ms);
  void say_caught_up();
  void tell_rooms(std::uint64_t now_ms);
  std::vector<std::string> addresses_to_try() const;

  // session_replies.cpp: what the server answers
  static bool answers(What what, const pb::Reply& reply);
  void on_reply(const RequestId& id, const pb::Reply& reply, std::uint64_t now_ms);
  void on_welcome(const pb::Welcome& welcome, std::uint64_t now_ms);
  void on_pong(const Asked& asked, const pb::Pong& pong, std::uint64_t now_ms);
  void on_request_error(const Asked& asked, const pb::Error& error, std::uint64_t now_ms);
  void on_ack(const SubmissionId& id, const pb::Ack& ack);
  void on_send_error(const SubmissionId& id, const pb::Error& error, std::uint64_t now_ms);
  void look_at_witness(std::uint64_t now_ms);
  void ask_people();
  void fail_if_no_member(const RoomId& room);  // what waits to be sent there
  void read_again();
  // Rows of one submission, which is in the log.
  void tell_sent(const std::vector<OutboxRow>& rows, std::uint64_t seq,
                 std::uint64_t first_room_seq, std::uint64_t logged_at_ms);
  void emit_outbox(const std::vector<OutboxRow>& rows, MessageState state);
  void set_read_only(bool read_only, const std::string& reason);
  bool may_send() const;

  // session_cards.cpp: the server's card and its keys
  enum class CardVerdict { taken, known, older, foreign, contradicts };
  CardVerdict take_card(const std::string& note);
  void follow_log_key(const merkle::NoteKey& log);
  void take_card_of_other_process(std::uint64_t now_ms);
  void set_targets();  // addresses and keys for the next round of dialling

  // session_acts.cpp: acts of administration, and lists of rooms, members, devices
  struct PendingAct {
    std::uint64_t token = 0;
    record::Kind kind{};
    RoomId room;  // that it makes or is about
    Bytes act, body;
    Salt salt;
    std::uint64_t created_ms = 0;
    std::uint64_t seen_size = 0;  // of the last try
    std::uint64_t at_ms = 0;      // monotonic: not before; UINT64_MAX: an answer is awaited
  };
  void begin_waiting(std::uint64_t now_ms);
  void begin_act(const Act& act, std::uint64_t token);
  void queue_act(record::Kind kind, const RoomId& room, Bytes act, const pb::Body& words,
                 std::uint64_t token);
  void begin_list(const List& what, std::uint64_t token);
  void send_acts(std::uint64_t now_ms);
  void on_act_reply(const RequestId& id, const pb::Reply& reply, std::uint64_t now_ms);
  void finish_act(const SubmissionId& id, bool ok, std::string reason, std::uint64_t now_ms);
  void tell_finished_acts();
  void name_direct(Room& room) const;
  void on_list(const Asked& asked, const pb::Reply& reply);
  void on_notice(const pb::Notice& notice, std::uint64_t now_ms);
  void open_sealed(std::uint64_t now_ms);

  // session_links.cpp: letting a further device of this user in
  struct HostedLink {
    std::uint64_t number = 0;  // of this session's links; answers carry it
    std::uint64_t token = 0;
    std::string device_name;  // empty: as it says itself
    crypto::Seed seed = crypto::Seed::random();
    CurvePublicKey key = crypto::invite_curve_key(seed).public_key();
    record::LinkNonce nonce;
    std::uint64_t until_ms = 0;  // monotonic
    std::uint64_t at_ms = 0;     // to be declared then; UINT64_MAX: it is, on this connection
    bool told = false;           // the caller has the string
    struct Asking {
      record::LinkedPair pair;
      Signature signature;
      std::string name;
    };
    std::optional<Asking> asking;
    bool let_in = false;  // the act is on its way
  };
  void declare_link(bool ended, std::uint64_t now_ms);
  void on_link_standing(const Asked& asked, const pb::LinkStanding& standing, std::uint64_t now_ms);
  void on_link_ask(const pb::LinkAsk& ask, bool has_nonce, std::uint64_t now_ms);
  void on_link_error(const Asked& asked, const pb::Error& error, std::uint64_t now_ms);
  void watch_hosted(std::uint64_t now_ms);
  void end_link(bool ok, std::string reason, std::uint64_t now_ms);
  void tell_link_ended();
  std::string link_text() const;

  // session_messages.cpp: what was said
  void on_broadcast(ByteView frame, std::uint64_t now_ms);
  void on_sealed(ByteView frame, bool keep, std::uint64_t now_ms);
  void on_history(const Asked& asked, const pb::HistoryPage& page, std::uint64_t now_ms);
  void take_entries(RoomState& room, ByteView bytes, const Asked& asked,
                    std::uint64_t people_question, std::uint64_t now_ms);
  void hold(const RoomId& room, ByteView bytes, const Asked& asked, std::uint64_t people_question);
  void take_mark(const RoomId& room, std::uint64_t room_seq);
  void take_held(std::uint64_t now_ms);
  void settle(const RoomId& room, const record::Leaf& leaf);
  bool keep_sealed(ByteView frame);
  void keep_for_welcome(ByteView frame, const wire::DownFrame& down, bool keep,
                        std::uint64_t now_ms);
  Stretch verified(RoomState& room, const record::Entry& entry, bool live);
  Message message_of(const CachedMessage& cached) const;
  void name_sender(Message& message) const;
  void fetch_gaps(std::uint64_t now_ms);
  void run_pages(std::uint64_t now_ms);
  bool finish_page(PageJob& job);
  static void unanswered(PageJob& job, std::uint64_t again_ms);
  void ask_page(PageJob& job, std::uint64_t before, std::uint32_t limit);
  void look_for_rows(PageJob& job);

  // session_changes.cpp: what changes make of messages
  void keep(RoomState& room, CachedMessage& message, bool live);
  Message page_message(const CachedMessage& cached, PageContent content) const;
  // reactions: of a quote, only its words are shown.
  void apply_changes(Message& message, bool reactions) const;
  void add_quote(Message& message) const;
  void add_mentions(Message& message, const std::vector<UserId>& users) const;
  std::string name_of(const UserId& user) const;
  void tell_changed(std::uint64_t now_ms);

  Store& store_;
  Profile& profile_;
  const EngineOptions& options_;
  Enrolled enrolled_;
  const crypto::DeviceKeys device_;
  EventQueue& queue_;
  std::vector<Event>& events_;  // handed out after the commit

  Link link_;
  Finder finder_;
  std::vector<std::string> found_;          // by finder_, last
  std::uint64_t unreachable_since_ms_ = 0;  // 0: it is not
  std::uint64_t find_at_ms_ = 0;            // not before
  Rooms rooms_;
  People people_;
  Presence presence_;
  Outbox outbox_;
  Witness witness_;
  std::uint64_t generation_ = 1;
  std::uint64_t card_serial_ = 0;

  std::unordered_map<RequestId, Asked> asked_;
  bool welcomed_ = false;  // on this connection
  bool reread_ = false;    // what is known of the store may be ahead of it
  bool settles_ = false;   // by a welcome that is not in the store yet
  bool ever_welcomed_ = false;
  std::uint64_t hello_sent_ms_ = 0;
  std::uint64_t hello_at_ms_ = UINT64_MAX;  // say it again then
  bool hello_open_ = false;
  std::uint64_t last_heard_ms_ = 0;
  std::uint64_t answered_ms_ = 0;  // when a submission last was

  std::uint64_t ping_every_ms_ = 5'000;
  std::uint64_t ping_at_ms_ = UINT64_MAX;
  unsigned pings_open_ = 0;
  std::uint64_t known_size_ = 0;  // log size up to which all heads are known
  std::uint64_t newer_known_size_ = 0;
  std::vector<std::pair<Act, std::uint64_t>> waiting_acts_;
  std::vector<std::pair<List, std::uint64_t>> waiting_lists_;
  std::map<SubmissionId, PendingAct> acts_;
  std::vector<ActFinished> finished_acts_;  // told with the next welcome
  std::optional<HostedLink> hosted_;
  std::uint64_t links_made_ = 0;
  // How the last one ended: told when the server has heard of it, so that it is not lost with us.
  std::optional<DeviceLinkEnded> link_ended_;
  std::uint64_t link_end_number_ = 0;
  std::uint64_t link_ended_by_ms_ = 0;  // told then in any case
  std::vector<DeviceId> linked_here_;   // let in by this session: no news to its user
  bool hello_again_ = false;         // the open one may be answered with a state from before an act
  std::uint64_t rooms_version_ = 0;  // of the newest welcome

  bool catching_up_ = false;       // CaughtUp has yet to be said
  bool settle_ping_open_ = false;  // the ping after the SUB came up is not answered yet
  std::uint64_t settle_ping_at_ms_ = UINT64_MAX;
  bool broadcast_blocked_ = false;
  unsigned behind_pongs_ = 0;  // in a row that told more than SUB had brought

  std::uint64_t people_wanted_ = 0;     // version that a pong or welcome told
  std::uint64_t people_questions_ = 0;  // asked so far
  bool people_open_ = false;
  std::uint64_t people_at_ms_ = 0;  // no question before
  std::vector<Held> held_;
  std::size_t held_bytes_ = 0;
  std::vector<Bytes> sealed_;    // broadcasts under a key that is not known yet
  std::set<RoomId> keys_asked_;  // their rooms
  std::uint64_t inbox_hello_ms_ = 0;  // monotonic: none sooner because of an inbox's frame
  std::size_t sealed_bytes_ = 0;

  std::uint64_t witness_at_ms_ = 0;  // no consistency question before
  std::string stored_checkpoint_;
  bool view_stale_ = false;   // submissions wait for a newer verified checkpoint
  unsigned rolled_back_ = 0;  // welcomes in a row that showed a shorter log
  bool forked_ = false;
  bool two_cards_ = false;  // of one serial
  bool read_only_ = false;
  std::string read_only_reason_;

  std::set<std::pair<RoomId, MessageId>> changed_;  // originals that are to be told of as they are now
  std::uint64_t changed_from_ms_ = 0;               // monotonic: not before
  std::vector<PageJob> pages_;
  bool rooms_dirty_ = false;
  std::uint64_t rooms_told_ms_ = 0;
  bool had_unsent_ = false;
  std::uint64_t adopt_at_ms_ = 0;
  std::uint64_t refused_entries_ = 0;
  // Local ids of what was acked lately, so that its echo is known for it.
  std::unordered_map<SubmissionId, std::vector<std::uint64_t>> sent_lately_;
  std::deque<SubmissionId> sent_order_;
};

}  // namespace tertulia::client
