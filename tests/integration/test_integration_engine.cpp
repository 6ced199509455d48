// The engine as a window uses it: pages, echoes, drafts, the state of the link.
#include "client/engine/engine.hpp"
#include "client/engine/outbox.hpp"
#include "tests/integration/scenario.hpp"

namespace tertulia::test {

using namespace client;

namespace {
constexpr std::uint64_t kMsMax = 30'000;

// An engine and all that it has told.
class Window {
 public:
  explicit Window(const std::filesystem::path& profile) : engine(options(profile)) {
    engine.start();
  }

  // Draws events until the condition holds.
  bool until(const std::function<bool()>& condition) {
    return wait_until(
        [&] {
          draw();
          return condition();
        },
        kMsMax);
  }
  void draw() {
    std::vector<Event> events;
    engine.take_events(events);
    for (auto& event : events) std::visit(*this, event);
  }
  bool enrol(const std::string& invite) {
    engine.enrol(invite, "");
    return until([&] { return enrolled.has_value(); }) && enrolled->ok &&
           until([&] { return caught_up; });
  }
  bool online() {
    return until([&] { return link.state == LinkState::online && caught_up; });
  }
  const client::Room& general() const { return rooms.at(0); }
  std::vector<Message> page(std::uint64_t before, std::uint32_t limit, bool& complete) {
    const std::uint64_t token = ++token_;
    engine.load_page(general().id, before, limit, token);
    BOOST_REQUIRE(until([&] { return loaded && loaded->token == token; }));
    complete = loaded->complete;
    return loaded->messages;
  }

  void operator()(const LinkChanged& e) {
    link = e.status;
    if (link.state != LinkState::online) caught_up = false;
  }
  void operator()(const AccountChanged& e) { account = e.account; }
  void operator()(const ActFinished& e) { finished = e; }
  void operator()(const RoomsListed& e) { listed = e.rooms; }
  void operator()(const MembersListed& e) { members = e.members; }
  void operator()(const DevicesListed& e) { devices = e.devices; }
  void operator()(const PeopleListed&) {}
  void operator()(const ListRefused& e) { BOOST_TEST_MESSAGE(e.reason); }
  void operator()(const RoomsChanged& e) { rooms = e.rooms; }
  void operator()(const MessagesArrived& e) {
    arrived.insert(arrived.end(), e.messages.begin(), e.messages.end());
  }
  void operator()(const MessageChanged& e) { changed.push_back(e.message); }
  void operator()(const PageLoaded& e) { loaded = e; }
  void operator()(const OutboxChanged& e) {
    outbox.insert(outbox.end(), e.messages.begin(), e.messages.end());
  }
  void operator()(const OutboxDiscarded& e) { discarded = e.local_id; }
  void operator()(const EnrolFinished& e) { enrolled = e; }
  void operator()(const OutboxDrained&) { drained = true; }
  void operator()(const CaughtUp&) { caught_up = true; }
  void operator()(const PresenceChanged& e) {
    for (const auto& [user, activity] : e.people) presence[user] = activity;
  }
  void operator()(const TypingChanged& e) { typing = e.users; }
  void operator()(const ReadMarksTold&) {}
  void operator()(const CardAnswer&) {}
  void operator()(const EnrolWaiting&) {}
  void operator()(const DeviceLinkOpened&) {}
  void operator()(const DeviceLinkAsked&) {}
  void operator()(const DeviceLinkEnded&) {}
  void operator()(const DeviceAdded&) {}

  Engine engine;
  LinkStatus link;
  std::optional<Account> account;
  std::vector<client::Room> rooms;
  std::vector<Message> arrived, outbox, changed;
  std::optional<PageLoaded> loaded;
  std::optional<EnrolFinished> enrolled;
  std::optional<ActFinished> finished;
  std::optional<std::vector<client::Room>> listed;
  std::optional<std::vector<client::MemberEntry>> members;
  std::optional<std::vector<client::DeviceEntry>> devices;
  std::map<UserId, Activity> presence;
  std::vector<std::string> typing;
  std::uint64_t discarded = 0;
  bool drained = false, caught_up = false;

 private:
  static EngineOptions options(const std::filesystem::path& profile) {
    EngineOptions out;
    out.profile = profile;
    return out;
  }
  std::uint64_t token_ = 0;
};

std::string numbered_lines(int count) {
  std::string out;
  for (int i = 1; i <= count; ++i) out += fmt::format("línea {}\n", i);
  return out;
}
}  // namespace

BOOST_AUTO_TEST_SUITE(engine)

BOOST_AUTO_TEST_CASE(two_windows_see_who_is_there_who_writes_and_what_the_other_device_has_read) {
  TestBroker broker;
  Window ana(broker.temp() / "ana"), laptop(broker.temp() / "laptop"), beto(broker.temp() / "beto");
  BOOST_REQUIRE(ana.enrol(broker.invite("ana")));
  BOOST_REQUIRE(laptop.enrol(broker.invite("ana")));
  BOOST_REQUIRE(beto.enrol(broker.invite("beto")));
  const RoomId room = beto.general().id;
  const UserId user = beto.account->user_id;

  beto.engine.set_activity(Activity::active);
  BOOST_TEST(ana.until([&] { return ana.presence[user] == Activity::active; }));
  beto.engine.set_activity(Activity::away);
  BOOST_TEST(ana.until([&] { return ana.presence[user] == Activity::away; }));
  beto.engine.share(false, std::nullopt);
  BOOST_TEST(ana.until([&] { return ana.presence[user] == Activity::offline; }));

  const std::vector<std::string> only_beto{"beto"};
  beto.engine.typing(room);
  BOOST_TEST(ana.until([&] { return ana.typing == only_beto; }));
  beto.engine.send_text(room, "ya está");
  BOOST_TEST(ana.until([&] { return ana.typing.empty(); }));  // what he wrote has come

  BOOST_TEST(laptop.until([&] { return laptop.general().head == 1u; }));
  BOOST_TEST(laptop.general().read_up_to == 0u);
  ana.engine.mark_read(room, 1);
  BOOST_TEST(laptop.until([&] { return laptop.general().read_up_to == 1u; }));
}

BOOST_AUTO_TEST_CASE(what_was_read_offline_is_told_on_the_next_connection) {
  TestBroker broker;
  Cli beto{broker.temp(), "beto"};
  beto.enrol(broker.invite("beto"));
  BOOST_REQUIRE(beto.run({"send", "general", "leed"}).code == 0);
  {
    Window ana(broker.temp() / "ana");
    BOOST_REQUIRE(ana.enrol(broker.invite("ana")));
    BOOST_TEST((broker.stop() == 0));
    BOOST_REQUIRE(ana.until([&] { return ana.link.state != LinkState::online; }));
    ana.engine.mark_read(ana.general().id, 1);
    BOOST_REQUIRE(ana.until([&] { return ana.general().read_up_to == 1u; }));
  }
  broker.start();
  Window laptop(broker.temp() / "laptop"), ana(broker.temp() / "ana");
  BOOST_REQUIRE(laptop.enrol(broker.invite("ana")));
  BOOST_REQUIRE(ana.online());
  BOOST_TEST(laptop.until([&] { return laptop.general().read_up_to == 1u; }));
}

BOOST_AUTO_TEST_CASE(a_new_window_gets_the_newest_page_and_the_past_on_demand) {
  TestBroker broker;
  Cli ana{broker.temp(), "ana"};
  ana.enrol(broker.invite("ana"));
  BOOST_REQUIRE(ana.run({"send", "general", "-"}, numbered_lines(1'200)).code == 0);

  Window beto(broker.temp() / "beto");
  BOOST_REQUIRE(beto.link.state != LinkState::online);
  BOOST_REQUIRE(beto.enrol(broker.invite("beto")));
  BOOST_TEST(beto.arrived.size() <= 200u);
  BOOST_TEST(beto.arrived.back().room_seq == 1'200u);

  bool complete = false;
  std::vector<Message> all = beto.page(0, 50, complete);
  BOOST_TEST(all.size() == 50u);
  while (!complete && all.size() < 2'000) {
    auto older = beto.page(all.front().room_seq, 300, complete);
    BOOST_REQUIRE((complete || !older.empty()));
    all.insert(all.begin(), older.begin(), older.end());
  }
  BOOST_REQUIRE(all.size() == 1'200u);
  for (std::size_t i = 0; i < all.size(); ++i) {
    BOOST_REQUIRE(all[i].room_seq == i + 1);
    BOOST_REQUIRE(all[i].text == fmt::format("línea {}", i + 1));
    BOOST_REQUIRE(all[i].sender_name == "ana");
  }
  // A page may be asked for that ends above the newest message
  const auto newest = beto.page(1'230, 50, complete);
  BOOST_REQUIRE(newest.size() == 50u);
  BOOST_TEST(newest.back().room_seq == 1'200u);
  BOOST_TEST(!complete);
  // Once more, without the broker: from the cache.
  beto.engine.stop();
  broker.stop();
  Window again(broker.temp() / "beto");
  again.draw();
  BOOST_TEST(again.page(0, 1'200, complete).size() == 1'200u);
  BOOST_TEST(complete);
}

BOOST_AUTO_TEST_CASE(a_message_that_is_changed_thousands_of_times_stops_no_window) {
  TestBroker broker({.config_more = "[limits]\nuser_changes_per_message_max = 10000\n"});
  RawClient mallory{broker.invite("mallory")};
  mallory.join();
  Window beto(broker.temp() / "beto");
  BOOST_REQUIRE(beto.enrol(broker.invite("beto")));
  Draft original = mallory.device.draft(beto.general().id, {"original"});
  mallory.device.sign(original);
  BOOST_REQUIRE(mallory.submit(original).value().has_ack());
  const record::MessageRef target{mallory.device.keys.id, original.submission.id, 0};
  const auto change = [&](record::Kind kind, const std::vector<std::string>& texts) {
    Draft d = mallory.device.draft(beto.general().id, texts);
    for (auto& message : d.submission.messages) {
      message.kind = kind;
      message.target = target;
    }
    mallory.device.sign(d);
    const auto answer = mallory.submit(d);
    BOOST_REQUIRE_MESSAGE(answer.value().has_ack(), answer->error().text());
  };
  const std::string long_text(32'000, 'x');
  for (int i = 0; i < 100; ++i)
    change(record::Kind::edit, std::vector<std::string>(5, long_text + std::to_string(i)));
  for (int i = 0; i < 80; ++i) {
    std::vector<std::string> emoji;
    for (int j = 0; j < 64; ++j) emoji.push_back(fmt::format("{}", 64 * i + j));
    change(record::Kind::reaction, emoji);
  }
  const auto good = [&](const Message& m) {
    return m.text == long_text + "99" && m.reactions.size() == 5'120u;
  };
  BOOST_TEST(beto.until([&] { return !beto.changed.empty() && good(beto.changed.back()); }));
  bool complete = false;
  auto page = beto.page(0, 20, complete);
  BOOST_REQUIRE(page.size() == 1u);
  BOOST_TEST(good(page[0]));
  // To a newcomer it is one message, behind pages of changes
  Window carla(broker.temp() / "carla");
  BOOST_REQUIRE(carla.enrol(broker.invite("carla")));
  page = carla.page(0, 20, complete);
  BOOST_REQUIRE(page.size() == 1u);
  BOOST_TEST(good(page[0]));
  BOOST_TEST(complete);
  // A reaction in front of another message costs it nothing of its own
  BOOST_REQUIRE(mallory.submit(beto.general().id, {"sigo aquí"}).value().has_ack());
  BOOST_TEST(carla.until([&] { return !carla.arrived.empty() && carla.arrived.back().text == "sigo aquí"; }));
}

BOOST_AUTO_TEST_CASE(what_a_new_direct_room_says_is_counted_for_no_other_one) {
  TestBroker broker;
  Cli ana{broker.temp(), "ana"}, carla{broker.temp(), "carla"};
  ana.enrol(broker.invite("ana"));
  carla.enrol(broker.invite("carla"));
  Window beto(broker.temp() / "beto");
  BOOST_REQUIRE(beto.enrol(broker.invite("beto")));
  const auto direct_with = [&](Cli& who, const std::string& text) {
    const Ran made = who.run({"direct", "beto"});
    BOOST_REQUIRE_MESSAGE(made.code == 0, made.err);
    const Ran sent = who.run({"send", "@beto", text});
    BOOST_REQUIRE_MESSAGE(sent.code == 0, sent.err);
  };
  direct_with(ana, "uno");
  const auto heard = [&](const std::string& text) {
    return std::any_of(beto.arrived.begin(), beto.arrived.end(),
                       [&](const Message& m) { return m.text == text; });
  };
  BOOST_REQUIRE(beto.until([&] { return heard("uno"); }));
  for (int i = 0; i < 3; ++i) direct_with(carla, fmt::format("dos {}", i));
  BOOST_REQUIRE(beto.until([&] { return heard("dos 2") && beto.rooms.size() == 3u; }));
  // One from ana and three from carla, and the heads say nothing else
  const auto head_with = [&](std::uint64_t head) {
    return std::count_if(beto.rooms.begin(), beto.rooms.end(), [&](const client::Room& room) {
      return room.kind == record::RoomKind::direct && room.head == head;
    });
  };
  BOOST_TEST(beto.until([&] { return head_with(3) == 1; }));
  BOOST_TEST(head_with(1) == 1);
}

BOOST_AUTO_TEST_CASE(what_failed_and_is_in_the_log_all_the_same_is_told_as_sent) {
  TestBroker broker;
  const auto here = broker.temp() / "ana", before = broker.temp() / "before";
  {
    Window ana(here);
    BOOST_REQUIRE(ana.enrol(broker.invite("ana")));
    ana.engine.stop();
  }
  std::filesystem::copy(here, before, std::filesystem::copy_options::recursive);
  client::Message sent;
  {
    Window ana(here);
    BOOST_REQUIRE(ana.online());
    ana.engine.send_text(ana.general().id, "¿Ha llegado?");
    BOOST_REQUIRE(ana.until([&] {
      return !ana.outbox.empty() && ana.outbox.back().state == MessageState::sent;
    }));
    sent = ana.outbox.back();
    ana.engine.stop();
  }
  // The profile as it was if the ack had been lost, and ana put out of the room
  constexpr std::uint64_t local_id = 77;
  {
    client::Profile profile(before);
    client::Store store(profile);
    client::OutboxRow row;
    row.local_id = local_id;
    row.room = sent.room;
    row.submission = sent.id.submission;
    row.index = sent.id.index;
    client::Outbox::Draft draft;
    draft.text = sent.text;
    row.body = client::Outbox::body_of(draft);
    row.failed = row.perhaps_logged = true;
    row.failure = "You are not a member of this room.";
    store.put(1, row);
    store.commit();
  }
  Window ana(before);
  BOOST_TEST(ana.until([&] {
    return std::any_of(ana.outbox.begin(), ana.outbox.end(), [&](const Message& m) {
      return m.local_id == local_id && m.state == MessageState::sent &&
             m.room_seq == sent.room_seq && m.text == sent.text;
    });
  }));
  ana.engine.retry(local_id);  // there is nothing to be tried again
  bool complete = false;
  BOOST_TEST(ana.page(0, 10, complete).size() == 1u);
}

BOOST_AUTO_TEST_CASE(what_is_written_offline_goes_once_when_the_server_is_back) {
  TestBroker broker;
  Window ana(broker.temp() / "ana");
  BOOST_REQUIRE(ana.enrol(broker.invite("ana")));
  broker.stop();
  BOOST_REQUIRE(ana.until([&] { return ana.link.state == LinkState::offline; }));
  const auto first = ana.engine.send_text(ana.general().id, "sin conexión");
  const auto second = ana.engine.send_text(ana.general().id, "todavía");
  BOOST_REQUIRE(ana.until([&] { return ana.outbox.size() == 2; }));
  BOOST_TEST((ana.outbox[0].state == MessageState::queued));
  broker.start();
  BOOST_REQUIRE(ana.until([&] { return ana.drained && ana.arrived.size() == 2; }));
  BOOST_TEST(ana.arrived[0].local_id == first);
  BOOST_TEST(ana.arrived[1].local_id == second);
  BOOST_TEST(ana.arrived[0].own);
  BOOST_REQUIRE(ana.outbox.size() == 4u);
  BOOST_TEST((ana.outbox[2].state == MessageState::sent));
  BOOST_TEST(ana.outbox[2].room_seq == ana.arrived[0].room_seq);
  BOOST_TEST((ana.outbox[2].id == ana.arrived[0].id));
  BOOST_TEST(broker.verify() == "");
}

BOOST_AUTO_TEST_CASE(drafts_and_read_marks_outlive_the_window) {
  TestBroker broker;
  {
    Window ana(broker.temp() / "ana");
    BOOST_REQUIRE(ana.enrol(broker.invite("ana")));
    ana.engine.save_draft(ana.general().id, "a medio escr");
    ana.engine.mark_read(ana.general().id, 7);
    ana.engine.stop();
  }
  Window ana(broker.temp() / "ana");
  ana.draw();
  BOOST_REQUIRE(ana.rooms.size() == 1u);  // told by start(), before any connection
  BOOST_TEST(ana.general().draft == "a medio escr");
  BOOST_TEST(ana.general().read_up_to == 7u);
  BOOST_TEST(ana.account->user_name == "ana");
}

BOOST_AUTO_TEST_CASE(a_message_that_cannot_be_sent_fails_with_a_reason_and_can_be_dropped) {
  TestBroker broker;
  Window ana(broker.temp() / "ana");
  BOOST_REQUIRE(ana.enrol(broker.invite("ana")));
  RoomId nowhere;
  nowhere.bytes[3] = 9;
  const auto id = ana.engine.send_text(nowhere, "hola");
  BOOST_REQUIRE(ana.until(
      [&] { return !ana.outbox.empty() && ana.outbox.back().state == MessageState::failed; }));
  BOOST_TEST(ana.outbox.back().failure.find("not a member") != std::string::npos);
  ana.engine.discard(id);
  BOOST_REQUIRE(ana.until([&] { return ana.discarded == id; }));
}

BOOST_AUTO_TEST_CASE(a_window_that_was_closed_long_ago_jumps_to_the_newest_page) {
  TestBroker broker;
  Cli beto{broker.temp(), "beto"};
  beto.enrol(broker.invite("beto"));
  BOOST_REQUIRE(beto.run({"send", "general", "-"}, numbered_lines(30)).code == 0);
  {
    Window ana(broker.temp() / "ana");
    BOOST_REQUIRE(ana.enrol(broker.invite("ana")));
    BOOST_TEST(ana.arrived.size() == 30u);
  }
  BOOST_REQUIRE(beto.run({"send", "general", "-"}, numbered_lines(3'000)).code == 0);
  Window ana(broker.temp() / "ana");
  BOOST_REQUIRE(ana.online());
  BOOST_TEST(ana.arrived.size() <= 200u);
  BOOST_TEST(ana.arrived.back().room_seq == 3'030u);
  // The hole between what was cached and the newest page is mended by the pages that cross it.
  bool complete = false;
  const auto page = ana.page(ana.arrived.front().room_seq, 2'999, complete);
  BOOST_REQUIRE(!page.empty());
  for (std::size_t i = 1; i < page.size(); ++i)
    BOOST_REQUIRE(page[i].room_seq == page[i - 1].room_seq + 1);
  BOOST_TEST(page.front().room_seq == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
