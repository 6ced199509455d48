// The engine before a server that does, on purpose, what a broker does by chance or never: a frame that
// comes before its key, keys of several rooms at once, two cards of one number.
#include <sys/resource.h>

#include <csignal>
#include <zmq.hpp>

#include "client/engine/engine.hpp"
#include "common/base/clock.hpp"
#include "common/base/uuid7.hpp"
#include "common/merkle/checkpoint.hpp"
#include "common/merkle/tree.hpp"
#include "common/wire/card.hpp"
#include "common/wire/invite.hpp"
#include "common/wire/tertulia.pb.h"
#include "tests/integration/scenario.hpp"

namespace tertulia::test {

using namespace client;

namespace {

constexpr std::uint64_t kMsMax = 30'000;

std::string text_of(ByteView bytes) { return std::string(as_text(bytes)); }

struct ScriptedRoom {
  RoomId id;
  Topic topic;
  std::string name;
  crypto::RoomKey key{crypto::Seed::random()};
  std::uint64_t head = 0;
};

// One client, one thread: answers whenever the test waits.
class ScriptedServer {
 public:
  ScriptedServer() {
    for (auto* socket : {&router_, &xpub_}) {
      socket->set(zmq::sockopt::linger, 0);
      socket->set(zmq::sockopt::curve_server, 1);
      socket->set(zmq::sockopt::curve_secretkey, zmq::const_buffer(transport.secret().data(), 32));
      socket->bind("tcp://127.0.0.1:*");
    }
    for (const char* name : {"uno", "dos"}) {
      ScriptedRoom room;
      randombytes_buf(room.id.data(), room.id.size());
      randombytes_buf(room.topic.data(), room.topic.size());
      room.name = name;
      rooms.push_back(room);
    }
    randombytes_buf(user_.data(), user_.size());
    card.server = server;
    card.serial = 1;
    card.identity = identity.public_key();
    card.curve = transport.public_key();
    card.log = {origin_, log.public_key()};
  }

  std::string invite() {
    wire::Invite i;
    i.identity = identity.public_key();
    i.server_curve = transport.public_key();
    i.seed = crypto::Seed::random();
    i.user = user_;
    i.server_name = "guion";
    i.user_name = "ana";
    i.addresses = {router_.get(zmq::sockopt::last_endpoint)};
    return wire::encode_invite(i);
  }

  void work() {
    zmq::message_t routing, frame, topic;
    while (xpub_.recv(topic, zmq::recv_flags::dontwait))
      if (topic.size() == 17) subscribed_.insert(topic.to_string().substr(1));
    while (router_.recv(routing, zmq::recv_flags::dontwait)) {
      if (!router_.recv(frame)) return;
      peer_ = routing.to_string();
      const auto command =
          wire::decode_command({static_cast<const std::uint8_t*>(frame.data()), frame.size()});
      pb::Request request;
      if (!command || command->type != wire::FrameType::request ||
          !request.ParseFromArray(command->content.data(),
                                  static_cast<int>(command->content.size()))) {
        ++submissions;
        continue;
      }
      answer(command->request, request);
    }
  }
  bool is_subscribed() const { return subscribed_.size() == rooms.size(); }

  // An entry of somebody else, sealed under that key.
  void publish(ScriptedRoom& room, const crypto::RoomKey& key, const std::string& text) {
    record::Submission s;
    s.server = server;
    s.device = author.id;
    s.room = room.id;
    s.id = last_ = next_uuid7(last_, wall_ms());
    record::Body body;
    randombytes_buf(body.salt.data(), body.salt.size());
    pb::Body words;
    words.set_text(text);
    const std::string bytes = words.SerializeAsString();
    body.bytes.assign(bytes.begin(), bytes.end());
    record::MessageHeader header;
    header.kind = record::Kind::text;
    header.sent_at_ms = wall_ms();
    header.commitment = record::commitment(body.salt, body.bytes);
    s.messages.push_back(header);
    const Bytes signed_bytes = record::encode(s);
    const Bytes leaf = record::encode_leaf(seq_++, ++room.head, wall_ms(), signed_bytes, {},
                                           record::sign_submission(author.signing, signed_bytes));
    Bytes entries;
    record::append_entry(entries, leaf, {body});
    wire::DownHeader down;
    down.count = 1;
    down.key = key.id;
    down.first_room_seq = room.head;
    const Bytes frame = wire::seal_down(room.topic, down, key, server, room.id, entries);
    xpub_.send(zmq::const_buffer(frame.data(), frame.size()));
  }
  void notice(const pb::Notice& notice) {
    pb::Reply reply;
    *reply.mutable_notice() = notice;
    send(RequestId{}, reply);
  }
  static void fill(const ScriptedRoom& room, pb::RoomKey& out) {
    out.set_room(text_of(room.id.view()));
    out.set_key(text_of(room.key.key.view()));
  }
  void answer_keys() {
    for (const auto& [request, room] : keys_wanted) {
      pb::Reply reply;
      auto& list = *reply.mutable_room_keys();
      for (const auto& r : rooms)
        if (r.id == room) fill(r, *list.add_keys());
      send(request, reply);
    }
    keys_wanted.clear();
  }

  const crypto::SigningKey identity{crypto::Seed::random()}, log{crypto::Seed::random()};
  const crypto::CurveKey transport{crypto::Seed::random()};
  const ServerId server = crypto::server_id(identity.public_key());
  const crypto::DeviceKeys author{crypto::Seed::random()};
  std::vector<ScriptedRoom> rooms;
  wire::Card card;
  std::vector<std::pair<RequestId, RoomId>> keys_wanted;  // not answered yet
  std::size_t submissions = 0;

 private:
  void send(const RequestId& id, const pb::Reply& reply) {
    const Bytes frame =
        wire::encode_command(wire::FrameType::reply, id, as_bytes(reply.SerializeAsString()));
    router_.send(zmq::const_buffer(peer_.data(), peer_.size()), zmq::send_flags::sndmore);
    router_.send(zmq::const_buffer(frame.data(), frame.size()));
  }
  void answer(const RequestId& id, const pb::Request& request) {
    pb::Reply reply;
    switch (request.what_case()) {
      case pb::Request::kEnrol: {
        const auto sign = SignPublicKey::from(as_bytes(request.enrol().sign_pk()));
        const auto curve = CurvePublicKey::from(as_bytes(request.enrol().curve_pk()));
        auto& e = *reply.mutable_enrolled();
        e.set_device(text_of(crypto::device_id(sign, curve).view()));
        e.set_user_id(text_of(user_.view()));
        e.set_user_name("ana");
        e.set_role("member");
        break;
      }
      case pb::Request::kHello: welcome(*reply.mutable_welcome()); break;
      case pb::Request::kPing:
        reply.mutable_pong()->set_checkpoint(checkpoint());
        reply.mutable_pong()->set_people_version(1);
        reply.mutable_pong()->set_rooms_version(1);
        reply.mutable_pong()->set_card_serial(card.serial);
        break;
      case pb::Request::kPeople: people(*reply.mutable_people()); break;
      case pb::Request::kRoomKeys:
        keys_wanted.emplace_back(id, RoomId::from(as_bytes(request.room_keys().room())));
        return;
      default:
        reply.mutable_error()->set_code(pb::BUSY);
        reply.mutable_error()->set_retry_after_ms(60'000);
    }
    send(id, reply);
  }
  std::string checkpoint() const {
    return merkle::sign_checkpoint({origin_, 7, merkle::leaf_hash({})}, log);
  }
  void welcome(pb::Welcome& w) {
    w.set_card(wire::sign_card(card, identity));
    w.set_checkpoint(checkpoint());
    const std::string at = xpub_.get(zmq::sockopt::last_endpoint);
    w.set_broadcast("tcp://*" + at.substr(at.rfind(':')));
    w.set_user_id(text_of(user_.view()));
    w.set_user_name("ana");
    w.set_role("member");
    w.set_people_version(1);
    w.set_rooms_version(1);
    w.set_ping_every_ms(500);
    for (const auto& room : rooms) {
      auto& info = *w.add_rooms();
      info.set_room(text_of(room.id.view()));
      info.set_name(room.name);
      info.set_kind(1);
      info.set_sub_topic(text_of(room.topic.view()));
      info.set_standing(1);
      info.set_head_room_seq(room.head);
      fill(room, *info.mutable_key());
    }
  }
  void people(pb::PeoplePage& page) const {
    page.set_version(1);
    UserId other = user_;
    other.bytes[0] ^= 1;
    auto& person = *page.add_people();
    person.set_user_id(text_of(other.view()));
    person.set_name("beto");
    person.set_role("member");
    auto& device = *page.add_devices();
    device.set_device(text_of(author.id.view()));
    device.set_user_id(text_of(other.view()));
    device.set_sign_pk(text_of(author.signing.public_key().view()));
    device.set_curve_pk(text_of(author.curve.public_key().view()));
    device.set_enrolled_seq(1);
  }

  zmq::context_t context_;
  zmq::socket_t router_{context_, zmq::socket_type::router};
  zmq::socket_t xpub_{context_, zmq::socket_type::xpub};
  const std::string origin_ = merkle::log_origin("guion", server, 1);
  UserId user_;
  std::string peer_;
  std::set<std::string> subscribed_;
  SubmissionId last_;
  std::uint64_t seq_ = 7;
};

struct Scene {
  TempDir dir;
  ScriptedServer server;
  Engine engine{[this] {
    EngineOptions o;
    o.profile = dir / "ana";
    return o;
  }()};
  std::vector<std::string> texts;
  LinkStatus link;
  bool enrolled = false, caught_up = false;

  Scene() {
    crypto::crypto_start();
    engine.start();
    engine.enrol(server.invite(), "");
    BOOST_REQUIRE(until([&] { return enrolled && caught_up && server.is_subscribed(); }));
  }
  bool until(const std::function<bool()>& condition, std::uint64_t ms = kMsMax) {
    return wait_until(
        [&] {
          server.work();
          std::vector<Event> events;
          engine.take_events(events);
          for (const auto& event : events) {
            if (const auto* e = std::get_if<EnrolFinished>(&event)) enrolled = e->ok;
            if (std::holds_alternative<CaughtUp>(event)) caught_up = true;
            if (const auto* e = std::get_if<LinkChanged>(&event)) link = e->status;
            if (const auto* e = std::get_if<MessagesArrived>(&event))
              for (const auto& m : e->messages) texts.push_back(m.text);
          }
          return condition();
        },
        ms);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(engine_keys)

BOOST_FIXTURE_TEST_CASE(a_frame_that_comes_before_its_key_is_kept_and_opened_when_the_key_comes,
                        Scene) {
  auto& room = server.rooms[0];
  room.key = crypto::RoomKey(crypto::Seed::random());
  server.publish(room, room.key, "uno");
  server.publish(room, room.key, "dos");
  BOOST_REQUIRE(until([&] { return !server.keys_wanted.empty(); }));
  BOOST_TEST(server.keys_wanted.size() == 1u);  // asked once
  BOOST_TEST(texts.empty());
  server.answer_keys();
  BOOST_REQUIRE(until([&] { return texts.size() == 2; }));
  const std::vector<std::string> wanted{"uno", "dos"};
  BOOST_TEST(texts == wanted, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_notice_brings_the_key_too_and_rooms_are_asked_for_one_by_one, Scene) {
  for (auto& room : server.rooms) {
    room.key = crypto::RoomKey(crypto::Seed::random());
    server.publish(room, room.key, room.name);
  }
  BOOST_REQUIRE(until([&] { return server.keys_wanted.size() == 2; }));
  pb::Notice notice;
  ScriptedServer::fill(server.rooms[0], *notice.add_keys());
  server.notice(notice);
  BOOST_REQUIRE(until([&] { return texts.size() == 1; }));
  BOOST_TEST(texts[0] == "uno");
  server.answer_keys();
  BOOST_REQUIRE(until([&] { return texts.size() == 2; }));
  BOOST_TEST(texts[1] == "dos");
}

BOOST_FIXTURE_TEST_CASE(what_was_sealed_under_the_key_of_before_is_opened_though_nobody_tells_it,
                        Scene) {
  auto& room = server.rooms[0];
  const crypto::RoomKey before = room.key;
  room.key = crypto::RoomKey(crypto::Seed::random());
  pb::Notice notice;
  ScriptedServer::fill(room, *notice.add_keys());
  server.notice(notice);
  server.publish(room, before, "aún con la de antes");
  server.publish(room, room.key, "con la nueva");
  BOOST_REQUIRE(until([&] { return texts.size() == 2; }));
  BOOST_TEST(server.keys_wanted.empty());
}

BOOST_FIXTURE_TEST_CASE(two_cards_of_one_number_stop_all_sending, Scene) {
  BOOST_REQUIRE(until([&] { return link.state == LinkState::online; }));
  wire::Card other = server.card;
  other.addresses = {"tcp://192.0.2.1:5570"};
  pb::Notice notice;
  notice.set_card(wire::sign_card(other, server.identity));
  server.notice(notice);
  BOOST_REQUIRE(until([&] { return link.problem == LinkProblem::two_cards; }));
  const std::size_t before = server.submissions;
  engine.send_text(server.rooms[0].id, "nunca");
  BOOST_TEST(!until([&] { return server.submissions > before; }, 2'000));
  BOOST_TEST((link.problem == LinkProblem::two_cards));
}

// While it lives no file of this process grows: a full disk, as far as SQLite sees.
class NoFileGrows {
 public:
  NoFileGrows() {
    ::signal(SIGXFSZ, SIG_IGN);
    BOOST_REQUIRE_EQUAL(::getrlimit(RLIMIT_FSIZE, &before_), 0);
    const rlimit none{1, before_.rlim_max};
    BOOST_REQUIRE_EQUAL(::setrlimit(RLIMIT_FSIZE, &none), 0);
  }
  ~NoFileGrows() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, SIG_DFL);
  }
  NoFileGrows(const NoFileGrows&) = delete;
  NoFileGrows& operator=(const NoFileGrows&) = delete;

 private:
  rlimit before_{};
};

BOOST_FIXTURE_TEST_CASE(a_card_that_could_not_be_stored_is_taken_when_it_comes_again, Scene) {
  BOOST_REQUIRE(until([&] { return link.state == LinkState::online; }));
  ++server.card.serial;
  server.card.addresses = {"tcp://192.0.2.1:5570"};
  pb::Notice notice;
  notice.set_card(wire::sign_card(server.card, server.identity));
  bool was_two_cards = false;
  const auto watched = [&](const auto& condition) {
    return until([&] {
      was_two_cards = was_two_cards || link.problem == LinkProblem::two_cards;
      return condition();
    });
  };
  {
    const NoFileGrows full;
    server.notice(notice);
    BOOST_REQUIRE(watched([&] { return link.problem == LinkProblem::store_failed; }));
  }
  BOOST_REQUIRE(watched([&] {
    return link.state == LinkState::online && link.problem == LinkProblem::none;
  }));
  server.notice(notice);
  const std::size_t before = server.submissions;
  engine.send_text(server.rooms[0].id, "se dice");
  BOOST_TEST(watched([&] { return server.submissions > before; }));
  BOOST_TEST(!was_two_cards);
}

BOOST_FIXTURE_TEST_CASE(a_card_by_a_foreign_key_or_with_a_lower_number_changes_nothing, Scene) {
  wire::Card next = server.card;
  next.serial = 9;
  next.curve = crypto::CurveKey(crypto::Seed::random()).public_key();
  pb::Notice notice;
  notice.set_card(wire::sign_card(next, crypto::SigningKey(crypto::Seed::random())));
  server.notice(notice);
  next.serial = 0;
  notice.set_card(wire::sign_card(next, server.identity));
  server.notice(notice);
  server.publish(server.rooms[0], server.rooms[0].key, "sigue");
  BOOST_REQUIRE(until([&] { return texts.size() == 1; }));
  engine.reconnect_now();
  caught_up = false;
  BOOST_REQUIRE(until([&] { return caught_up; }));
  BOOST_TEST((link.problem == LinkProblem::none));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
