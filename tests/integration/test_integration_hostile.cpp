// A member who does not keep to the protocol: each frame is refused with a typed error or dropped,
// nothing of it is in the log, and good neighbours notice nothing.
#include <random>

#include "common/base/uuid7.hpp"
#include "tests/integration/scenario.hpp"

namespace tertulia::test {

namespace {

constexpr std::size_t kCountOffset = 120;  // of the count byte in S (docs/log-format.md)
constexpr std::size_t kHeaderBytes = 41;   // of a text message in S
constexpr std::size_t kGrowthMaxKib = 30 * 1024;

// One broker for the whole suite: what one test leaves behind would show in the next.
struct Town {
  TestBroker broker;
  RawClient ana{broker.invite("ana")}, beto{broker.invite("beto")};
  RawClient mallory{broker.invite("mallory")};
  RoomId general;
  std::size_t rss_at_start = 0, files_at_start = 0;

  Town() {
    ana.join();
    beto.join();
    mallory.join();
    general = ana.device.room("general").id;
    for (int i = 0; i < 20; ++i) check_neighbours(ana, beto);
    rss_at_start = broker.process().rss_kib();
    files_at_start = broker.process().open_files();
  }
};

Town& town() {
  static Town one;
  return one;
}

// Every test ends like this: the neighbours talk, and the log holds nothing but theirs.
struct Neighbours {
  Town& t = town();
  RawClient& mallory = t.mallory;
  const RoomId general = t.general;
  std::vector<std::string> accepted;  // of mallory's, in this test

  Draft draft(const std::string& text) { return mallory.device.draft(general, {text}); }
  std::optional<pb::Reply> submit_signed(Draft& draft) {
    mallory.device.sign(draft);
    return mallory.submit(draft);
  }

  void teardown() {
    BOOST_TEST(t.broker.process().running(), t.broker.err());
    if (!t.broker.process().running()) return;
    check_neighbours(t.ana, t.beto);
    check_neighbours(t.beto, t.ana);
    const auto all = t.ana.whole_history(general);
    check_dense(all);
    std::vector<std::string> of_mallory;
    for (const auto& message : all)
      if (message.id.device == mallory.device.keys.id) of_mallory.push_back(message.text);
    BOOST_TEST(of_mallory.size() == before + accepted.size());
    before = of_mallory.size();
  }
  static inline std::size_t before = 0;
};

void check_refused(const std::optional<pb::Reply>& reply, pb::ErrorCode code) {
  BOOST_TEST(is_error(reply, code),
             "wanted " << pb::ErrorCode_Name(code) << ", got " << describe(reply));
  if (reply && reply->has_error()) BOOST_TEST(!reply->error().text().empty());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hostile)

BOOST_FIXTURE_TEST_CASE(a_submission_with_any_one_byte_changed_is_refused, Neighbours) {
  // Each is a submission of its own, so that no refusal hides behind an id that is known
  const std::size_t bytes = mallory.device.submission_frame(general, {"flip"}, {}).size();
  std::size_t answers = 0;
  mallory.pump(0);
  for (std::size_t at = 0; at < bytes; ++at) {
    Bytes frame = mallory.device.submission_frame(general, {"flip"}, random_request_id());
    frame.at(at) = static_cast<std::uint8_t>(frame[at] ^ (1u << (at % 8)));
    BOOST_REQUIRE(mallory.send(frame));
  }
  Bytes in;
  BOOST_REQUIRE(wait_until(
      [&] {
        while (mallory.dealer()->receive(in)) {
          const auto reply = RawDevice::read_reply(in);
          BOOST_REQUIRE(reply);
          BOOST_REQUIRE(reply->second.has_error());
          ++answers;
        }
        return answers >= bytes;
      },
      60'000));
  BOOST_TEST(answers == bytes);
}

BOOST_FIXTURE_TEST_CASE(a_wrong_signature_is_refused, Neighbours) {
  Draft d = draft("forged");
  mallory.device.sign(d);
  d.signature.bytes[10] ^= 1;
  check_refused(mallory.submit(d), pb::BAD_SIGNATURE);
  // A signature by another device's key is no better
  t.ana.device.sign(d);
  check_refused(mallory.submit(d), pb::BAD_SIGNATURE);
}

BOOST_FIXTURE_TEST_CASE(a_body_that_was_not_signed_is_refused, Neighbours) {
  Draft d = draft("one thing");
  mallory.device.sign(d);
  d.bodies[0].back() ^= 1;
  check_refused(mallory.submit(d), pb::BAD_COMMITMENT);
  d = draft("one thing");
  mallory.device.sign(d);
  d.salts[0].bytes[0] ^= 1;
  check_refused(mallory.submit(d), pb::BAD_COMMITMENT);
}

BOOST_FIXTURE_TEST_CASE(another_device_room_or_server_in_what_was_signed_is_refused, Neighbours) {
  Draft d = draft("as ana");
  d.submission.device = t.ana.device.keys.id;
  check_refused(submit_signed(d), pb::BAD_FRAME);

  d = draft("elsewhere");
  d.submission.room.bytes[3] ^= 1;
  mallory.device.sign(d);
  const RequestId request = random_request_id();
  const auto& key = mallory.device.rooms.at(general).keys.front();
  BOOST_REQUIRE(mallory.send(mallory.device.seal_as(d, request, general, key)));
  check_refused(mallory.wait_reply(request), pb::BAD_FRAME);
  const RequestId second = random_request_id();
  BOOST_REQUIRE(mallory.send(mallory.device.seal_as(d, second, d.submission.room, key)));
  check_refused(mallory.wait_reply(second), pb::NOT_A_MEMBER);

  d = draft("another server");
  d.submission.server.bytes[0] ^= 1;
  check_refused(submit_signed(d), pb::WRONG_SERVER);
}

BOOST_FIXTURE_TEST_CASE(a_key_that_is_not_the_rooms_gets_the_right_one, Neighbours) {
  Draft d = draft("old key");
  mallory.device.sign(d);
  const RequestId request = random_request_id();
  BOOST_REQUIRE(mallory.send(
      mallory.device.seal_as(d, request, general, crypto::RoomKey(crypto::Seed::random()))));
  const auto answer = mallory.wait_reply(request);
  check_refused(answer, pb::STALE_KEY);
  BOOST_REQUIRE(answer->error().has_room_key());
  const auto again = mallory.submit(d);
  BOOST_REQUIRE_MESSAGE(again && again->has_ack(), describe(again));
  accepted.emplace_back("old key");
}

BOOST_FIXTURE_TEST_CASE(too_many_messages_or_none_are_refused, Neighbours) {
  Draft d = mallory.device.draft(general, numbered("m", 64));
  mallory.device.sign(d);
  const Bytes last(d.bytes.end() - kHeaderBytes, d.bytes.end());
  d.bytes[kCountOffset] = 65;
  d.bytes.insert(d.bytes.end(), last.begin(), last.end());
  d.salts.push_back(d.salts.back());
  d.bodies.push_back(d.bodies.back());
  d.signature = record::sign_submission(mallory.device.keys.signing, d.bytes);
  check_refused(mallory.submit(d), pb::BAD_FRAME);

  d = draft("none");
  mallory.device.sign(d);
  d.bytes.resize(kCountOffset + 1);
  d.bytes[kCountOffset] = 0;
  d.salts.clear();
  d.bodies.clear();
  d.signature = record::sign_submission(mallory.device.keys.signing, d.bytes);
  check_refused(mallory.submit(d), pb::BAD_FRAME);
}

BOOST_FIXTURE_TEST_CASE(bodies_that_are_empty_too_big_or_not_text_are_refused, Neighbours) {
  Draft d = mallory.device.draft(general, {""});
  check_refused(submit_signed(d), pb::BAD_BODY);
  d = mallory.device.draft(general, {std::string(record::body_bytes_max + 1, 'x')});
  check_refused(submit_signed(d), pb::TOO_BIG);
  // Field 1 of two bytes that are no UTF-8
  d = mallory.device.draft_bodies(general, {Bytes{0x0a, 0x02, 0xc3, 0x28}});
  check_refused(submit_signed(d), pb::BAD_BODY);
  d = mallory.device.draft_bodies(general, {Bytes{0xff, 0xff, 0xff}});
  check_refused(submit_signed(d), pb::BAD_BODY);
  d = mallory.device.draft_bodies(general, {Bytes{}});
  check_refused(submit_signed(d), pb::BAD_BODY);
}

BOOST_FIXTURE_TEST_CASE(a_view_of_the_log_that_is_not_the_logs_is_refused, Neighbours) {
  Draft d = draft("another past");
  d.submission.seen_root.bytes[5] ^= 1;
  const auto answer = submit_signed(d);
  check_refused(answer, pb::STALE_VIEW);
  BOOST_TEST(!answer->error().checkpoint().empty());
  const SubmissionId first = d.submission.id;
  d = draft("the future");
  d.submission.id = first;
  d.submission.seen_size += 1'000'000;
  check_refused(submit_signed(d), pb::STALE_VIEW);
  Draft behind = draft("behind it");
  check_refused(submit_signed(behind), pb::BUSY);
  d = draft("as it is");
  d.submission.id = first;
  BOOST_TEST(submit_signed(d).value().has_ack());
  BOOST_TEST(mallory.submit(behind).value().has_ack());
  accepted = {"as it is", "behind it"};
}

BOOST_FIXTURE_TEST_CASE(references_to_what_is_not_there_are_refused, Neighbours) {
  pb::Body body;
  body.set_text("👍");
  const std::string bytes = body.SerializeAsString();
  Draft d = mallory.device.draft_bodies(general, {Bytes(bytes.begin(), bytes.end())},
                                        record::Kind::reaction);
  d.submission.messages[0].target = {t.ana.device.keys.id, d.submission.id, 0};
  check_refused(submit_signed(d), pb::BAD_REFERENCE);
}

BOOST_FIXTURE_TEST_CASE(frames_that_are_too_big_are_refused_or_cut_off, Neighbours) {
  Bytes frame = wire::encode_command(wire::FrameType::submission, random_request_id(),
                                     Bytes(wire::up_frame_bytes_max, 7));
  BOOST_REQUIRE(mallory.send(frame));
  check_refused(mallory.wait_reply(RequestId::from(ByteView(frame).subspan(2, 16))), pb::TOO_BIG);
  // 10 MiB: above what the socket takes; the connection ends, and only this one
  BOOST_REQUIRE(mallory.send(Bytes(10 * 1024 * 1024, 7)));
  BOOST_TEST(wait_until([&] { return mallory.dealer()->counts().disconnected > 0; }, 20'000));
  mallory.disconnect();
  mallory.rejoin();
}

BOOST_FIXTURE_TEST_CASE(a_message_of_a_thousand_parts_is_dropped, Neighbours) {
  BOOST_REQUIRE(mallory.send_parts(std::vector<Bytes>(1000, Bytes(1000, 7))));
  const Bytes good = mallory.device.submission_frame(general, {"second part"}, random_request_id());
  BOOST_REQUIRE(mallory.send_parts({good, good}));
  const auto answer = mallory.hello();
  BOOST_TEST((answer && answer->has_welcome()), describe(answer));
}

BOOST_FIXTURE_TEST_CASE(frames_that_are_no_frames_are_refused_or_dropped, Neighbours) {
  std::mt19937 random(20261123);
  for (std::size_t bytes = 0; bytes < 60; ++bytes) {
    Bytes frame(bytes);
    for (auto& b : frame) b = static_cast<std::uint8_t>(random());
    BOOST_REQUIRE(mallory.send(frame));
  }
  const RequestId as_reply = random_request_id();
  BOOST_REQUIRE(mallory.send(wire::encode_command(wire::FrameType::reply, as_reply, {})));
  check_refused(mallory.wait_reply(as_reply), pb::BAD_FRAME);
  const RequestId newer = random_request_id();
  Bytes frame = wire::encode_command(wire::FrameType::request, newer, {});
  frame[0] = 99;
  BOOST_REQUIRE(mallory.send(frame));
  check_refused(mallory.wait_reply(newer), pb::BAD_FRAME);
}

BOOST_FIXTURE_TEST_CASE(random_requests_each_get_an_answer, Neighbours) {
  std::mt19937 random(20261123);
  std::vector<RequestId> asked;
  // Bytes at random, and real requests with one byte changed, cut or doubled
  pb::Request history;
  history.mutable_history()->set_room(std::string(as_text(general.view())));
  history.mutable_history()->set_limit(10);
  history.mutable_history()->set_from_room_seq(1);
  const std::vector<std::string> seeds{
      history.SerializeAsString(), mallory.device.hello_request().SerializeAsString(),
      mallory.device.enrol_request("M", "laptop").SerializeAsString()};
  const int count = std::getenv("TERTULIA_LONG") != nullptr ? 200'000 : 3'000;
  for (int i = 0; i < count; ++i) {
    std::string content;
    if (i % 2 == 0) {
      content.resize(random() % 200);
      for (auto& c : content) c = static_cast<char>(random());
    } else {
      content = seeds[random() % seeds.size()];
      const std::size_t at = random() % content.size();
      if (random() % 3 == 0)
        content.resize(at);
      else if (random() % 2 == 0)
        content += content;
      else
        content[at] = static_cast<char>(random());
    }
    asked.push_back(random_request_id());
    BOOST_REQUIRE(mallory.send(
        wire::encode_command(wire::FrameType::request, asked.back(), as_bytes(content))));
    if (asked.size() < 100) continue;
    for (const auto& id : asked) BOOST_REQUIRE(mallory.wait_reply(id));
    asked.clear();
  }
  for (const auto& id : asked) BOOST_REQUIRE(mallory.wait_reply(id));
}

BOOST_FIXTURE_TEST_CASE(numbers_out_of_range_are_refused, Neighbours) {
  const auto room = std::string(as_text(general.view()));
  pb::Request r;
  r.mutable_history()->set_room(room);
  r.mutable_history()->set_limit(1'000'000);
  check_refused(mallory.ask(r), pb::BAD_REQUEST);
  r.mutable_history()->set_limit(0);
  check_refused(mallory.ask(r), pb::BAD_REQUEST);
  r.mutable_history()->set_limit(1000);
  r.mutable_history()->set_from_room_seq(UINT64_MAX);
  const auto beyond = mallory.ask(r);
  BOOST_REQUIRE_MESSAGE(beyond, "no answer to a history from the last possible number");
  r.mutable_history()->set_room("short");
  check_refused(mallory.ask(r), pb::BAD_REQUEST);
  r.mutable_history()->set_room(std::string(16, 'x'));
  check_refused(mallory.ask(r), pb::NOT_A_MEMBER);
  r.mutable_consistency()->set_old_size(0);
  r.mutable_consistency()->set_new_size(UINT64_MAX);
  check_refused(mallory.ask(r), pb::BAD_REQUEST);
  r.mutable_inclusion()->set_seq(UINT64_MAX);
  r.mutable_inclusion()->set_size(UINT64_MAX);
  check_refused(mallory.ask(r), pb::BAD_REQUEST);
}

BOOST_FIXTURE_TEST_CASE(an_enrolled_device_cannot_enrol_and_an_invite_can_do_nothing_else,
                        Neighbours) {
  check_refused(mallory.ask(mallory.device.enrol_request("M", "laptop")), pb::NOT_ALLOWED);
  RawClient guest(t.broker.invite("guest"));
  guest.own_secret = guest.device.invite_key.secret();
  guest.connect();
  check_refused(guest.hello(), pb::NOT_ALLOWED);
  guest.device.rooms = mallory.device.rooms;
  check_refused(guest.submit(general, {"not yet"}), pb::NOT_ALLOWED);
}

BOOST_AUTO_TEST_CASE(after_all_that_the_broker_has_not_grown) {
  Town& t = town();
  t.mallory.disconnect();
  const std::size_t grown =
      t.broker.process().rss_kib() - std::min(t.rss_at_start, t.broker.process().rss_kib());
  BOOST_TEST_MESSAGE("resident: " << t.rss_at_start << " KiB, and " << grown << " KiB more after");
#ifndef TERTULIA_SANITIZED
  BOOST_TEST(grown < kGrowthMaxKib);
#endif
  // Connections of those who left are closed
  BOOST_TEST(
      wait_until([&] { return t.broker.process().open_files() <= t.files_at_start + 4; }, 30'000));
  BOOST_TEST(t.broker.stop().value_or(-1) == 0);
  BOOST_TEST(t.broker.verify() == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
