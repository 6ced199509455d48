// When a room gets a new key, who is told of it, and who is not.
#include "broker/log/log.hpp"
#include "tests/unit/log_fixture.hpp"

namespace tertulia::broker {

namespace {

using record::Act;
using record::Kind;
using record::Tag;

struct RoomKeysFixture : test::LogFixture {
  test::Member ana = enrol("ana"), beto = enrol("beto"), carla = enrol("carla");

  RoomId make_room(const std::string& name, bool past_readable) {
    RoomId id;
    randombytes_buf(id.data(), id.size());
    Act act;
    act.set(Tag::room, id)
        .set_number(Tag::room_kind, static_cast<std::uint64_t>(record::RoomKind::private_room))
        .set_number(Tag::flags, past_readable ? record::flag_past_readable : 0)
        .set(Tag::user_id, ana.user);
    pb::ActNames names;
    names.set_room_name(name);
    do_act(Kind::room_create, std::move(act), names);
    return id;
  }
  CommitResult do_act(Kind kind, Act act, pb::ActNames names = {}) {
    ActCommand c;
    c.kind = kind;
    c.act = std::move(act);
    c.names = std::move(names);
    c.ran.unix_user = "root";
    bool done = false;
    c.done = [&](bool ok, const std::string& why) {
      BOOST_TEST(ok, why);
      done = ok;
    };
    CommitResult result = append(std::move(c));
    for (const auto& callback : result.callbacks) callback();
    BOOST_REQUIRE(done);
    return result;
  }
  CommitResult member(Kind kind, const RoomId& room, const test::Member& who) {
    Act act;
    act.set(Tag::room, room).set(Tag::user_id, who.user);
    return do_act(kind, std::move(act));
  }
  std::shared_ptr<const RoomKeys> keys(const RoomId& room) const {
    return cell.load()->room(room)->keys;
  }
  // The keys that this result's notices bring to that device.
  static std::vector<pb::RoomKey> told(const CommitResult& result, const test::Member& who) {
    std::vector<pb::RoomKey> out;
    for (const Outgoing& o : result.answers) {
      if (o.to == nullptr ||
          std::find(o.to->begin(), o.to->end(), who.keys.curve.public_key()) == o.to->end())
        continue;
      const pb::Reply reply = reply_of(o);
      for (const auto& key : reply.notice().keys()) out.push_back(key);
    }
    return out;
  }
  static bool is_key(const std::string& bytes, const crypto::RoomKey& key) {
    return bytes == as_text(key.key.view());
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_log_room_keys, RoomKeysFixture)

BOOST_AUTO_TEST_CASE(who_is_removed_gets_nothing_and_who_stays_gets_the_new_key) {
  const RoomId room = make_room("obra", true);
  member(Kind::member_add, room, beto);
  member(Kind::member_add, room, carla);
  const auto before = keys(room);
  const auto result = member(Kind::member_remove, room, carla);
  BOOST_CHECK(keys(room)->current.id != before->current.id);
  BOOST_TEST(told(result, carla).empty());
  const auto for_beto = told(result, beto);
  BOOST_REQUIRE(for_beto.size() == 1u);
  BOOST_TEST(is_key(for_beto[0].key(), keys(room)->current));
  BOOST_TEST(is_key(for_beto[0].previous(), before->current));  // what is under way is not lost
}

BOOST_AUTO_TEST_CASE(a_revoked_device_and_a_disabled_user_bring_new_keys_to_all_their_rooms) {
  const RoomId one = make_room("uno", true), two = make_room("dos", true),
               other = make_room("otra", true);
  for (const RoomId& room : {one, two}) member(Kind::member_add, room, carla);
  const auto id = [&](const RoomId& room) { return keys(room)->current.id; };
  auto first = id(one), second = id(two);
  const auto third = id(other);
  Act revoke;
  revoke.set(Tag::device, carla.keys.id);
  auto result = do_act(Kind::device_revoke, std::move(revoke));
  BOOST_CHECK(id(one) != first);
  BOOST_CHECK(id(two) != second);
  BOOST_CHECK(id(other) == third);
  BOOST_TEST(told(result, carla).empty());
  BOOST_TEST(told(result, ana).size() == 3u);  // general, too
  first = id(one);
  Act disable;
  disable.set(Tag::user_id, carla.user).set_number(Tag::state, 1);
  result = do_act(Kind::user_change, std::move(disable));
  BOOST_CHECK(id(one) != first);
  BOOST_CHECK(id(other) == third);
  BOOST_TEST(told(result, ana).size() == 3u);
}

BOOST_AUTO_TEST_CASE(who_joins_a_room_with_a_closed_past_gets_no_key_of_before) {
  const RoomId closed = make_room("cerrada", false), open = make_room("abierta", true);
  const auto before = keys(closed), open_before = keys(open);
  const auto result = member(Kind::member_add, closed, beto);
  BOOST_CHECK(keys(closed)->current.id != before->current.id);
  for (const auto* who : {&ana, &beto}) {
    const auto got = told(result, *who);
    BOOST_REQUIRE(got.size() == 1u);
    BOOST_TEST(is_key(got[0].key(), keys(closed)->current));
    BOOST_TEST(got[0].previous().empty());
  }
  // What ana had sealed is still opened
  BOOST_REQUIRE(keys(closed)->previous);
  BOOST_CHECK(keys(closed)->previous->id == before->current.id);
  member(Kind::member_add, open, beto);
  BOOST_CHECK(keys(open)->current.id == open_before->current.id);
}

BOOST_AUTO_TEST_CASE(the_first_message_a_day_later_is_under_a_new_key_that_comes_before_it) {
  const auto before = keys(general());
  send(ana, {"hoy"});
  BOOST_CHECK(keys(general())->current.id == before->current.id);
  now_ms += 24ull * 3600 * 1000;
  const auto result = append(submission(ana, general(), {"mañana"}));
  BOOST_CHECK(keys(general())->current.id != before->current.id);
  // Answers and notices go out before what is published, and that is sealed under the new key
  BOOST_TEST(told(result, beto).size() == 1u);
  BOOST_REQUIRE(result.committed.entries.size() == 1u);
  BOOST_CHECK(result.committed.directory->room(general())->keys->current.id ==
              keys(general())->current.id);
}

BOOST_AUTO_TEST_CASE(each_start_brings_new_keys) {
  const auto before = keys(general())->current.id;
  open();
  BOOST_CHECK(keys(general())->current.id != before);
  BOOST_CHECK(!keys(general())->previous);
}

BOOST_AUTO_TEST_CASE(a_removal_from_a_room_of_many_is_one_small_notice) {
  const RoomId room = make_room("plaza", true);
  for (const auto* who : {&beto, &carla}) member(Kind::member_add, room, *who);
  const auto result = member(Kind::member_remove, room, carla);
  std::size_t with_keys = 0;
  for (const Outgoing& o : result.answers)
    if (o.to != nullptr && reply_of(o).notice().keys_size() > 0) {
      ++with_keys;
      BOOST_TEST(o.frame.size() < 256u);
    }
  BOOST_TEST(with_keys == 1u);  // one frame, whoever it goes to: no question, no answer
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::broker
