// Strict both ways: whatever a decoder accepts is exactly what the encoder writes for it.
#include <boost/test/unit_test.hpp>

#include "common/record/leaf.hpp"
#include "tests/unit/filled.hpp"
#include "tests/unit/mutations.hpp"

using namespace tertulia;
using namespace tertulia::record;
using tertulia::test::each_mutation;
using tertulia::test::filled;

namespace {

struct Samples {
  Samples() { crypto::crypto_start(); }

  Submission submission(std::initializer_list<Kind> kinds) const {
    Submission s{filled<ServerId>(1),
                 filled<DeviceId>(2),
                 filled<RoomId>(3),
                 filled<SubmissionId>(4),
                 5,
                 filled<Hash>(6),
                 {}};
    for (Kind kind : kinds) {
      MessageHeader m;
      m.kind = kind;
      m.sent_at_ms = 1'800'000'000'000;
      if (kind == Kind::edit || kind == Kind::erase || kind == Kind::reaction)
        m.target = {filled<DeviceId>(7), filled<SubmissionId>(8), 63};
      m.commitment = commitment(body.salt, body.bytes);
      s.messages.push_back(m);
    }
    return s;
  }
  // An act of every kind, with all its tags.
  static Act act(Kind kind, std::initializer_list<Tag> tags) {
    static const Tag ids16[] = {Tag::user_id, Tag::invite_id, Tag::device, Tag::room,
                                Tag::linked_by};
    static const Tag keys32[] = {Tag::sign_pk,     Tag::curve_pk, Tag::card_hash,
                                 Tag::identity_pk, Tag::log_pk,   Tag::old_root};
    Act a;
    for (Tag tag : tags) {
      if (std::find(std::begin(ids16), std::end(ids16), tag) != std::end(ids16))
        a.set(tag, Bytes(16, 9));
      else if (std::find(std::begin(keys32), std::end(keys32), tag) != std::end(keys32))
        a.set(tag, Bytes(32, 9));
      else if (tag == Tag::enrol_signature || tag == Tag::link_signature)
        a.set(tag, Bytes(64, 9));
      else if (tag == Tag::target)
        a.set(tag, Bytes(33, 9));
      else
        a.set_number(tag, 1);
    }
    BOOST_REQUIRE_MESSAGE(decode_act(kind, encode(a)), kind_name(kind));
    return a;
  }
  Body body{BodyState::present, filled<Salt>(10), Bytes{1, 2, 3}};
};

constexpr std::size_t kCount = 120;  // of the count in S

bool same(ByteView a, ByteView b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

}  // namespace

BOOST_FIXTURE_TEST_SUITE(common_record, Samples)

BOOST_AUTO_TEST_CASE(a_submission_decodes_only_from_its_one_encoding) {
  const Bytes good =
      encode(submission({Kind::text, Kind::edit, Kind::erase, Kind::reaction, Kind::file}));
  BOOST_REQUIRE(decode_submission(good));
  int accepted = 0;
  each_mutation(good, [&](ByteView changed) {
    const auto decoded = decode_submission(changed);
    if (!decoded) return;
    ++accepted;
    BOOST_REQUIRE(same(encode(*decoded), changed));
  });
  BOOST_TEST(accepted > 100);  // ids and hashes may hold anything
}

BOOST_AUTO_TEST_CASE(the_bounds_of_a_submission) {
  Submission s = submission({Kind::text});
  s.messages.assign(64, s.messages[0]);
  BOOST_TEST(decode_submission(encode(s)).has_value());
  Bytes more = encode(s);
  more[kCount] = 65;
  more.insert(more.end(), more.end() - 41, more.end());
  BOOST_TEST((decode_submission(more).error() == SubmissionError::too_many_messages));
  more[kCount] = 0;
  BOOST_TEST((decode_submission(more).error() == SubmissionError::malformed));
  Bytes unknown = encode(submission({Kind::text}));
  unknown[kCount + 1] = 6;
  BOOST_TEST((decode_submission(unknown).error() == SubmissionError::unknown_kind));
  Bytes target = encode(submission({Kind::edit}));
  target[kCount + 1 + 1 + 8 + 32] = 64;  // the target's index
  BOOST_TEST((decode_submission(target).error() == SubmissionError::malformed));
  // An act stands alone.
  Submission two = submission({Kind::user_add, Kind::user_add});
  BOOST_TEST(!decode_submission(encode(two)));
}

BOOST_AUTO_TEST_CASE(a_signature_is_over_the_label_and_all_bytes) {
  const crypto::SigningKey key(crypto::Seed::random());
  const Bytes good = encode(submission({Kind::text}));
  const Signature s = sign_submission(key, good);
  BOOST_TEST(verify_submission(key.public_key(), good, s));
  BOOST_TEST(!crypto::verify(key.public_key(), good, s));
  Bytes changed = good;
  changed[40] ^= 1;
  BOOST_TEST(!verify_submission(key.public_key(), changed, s));
}

BOOST_AUTO_TEST_CASE(what_counts_as_the_same_content) {
  const Submission a = submission({Kind::text, Kind::file});
  Submission b = a;
  b.seen_size = 99;
  b.seen_root = filled<Hash>(99);
  BOOST_TEST(same_content(a, b));
  b.messages[1].commitment.bytes[0] ^= 1;
  BOOST_TEST(!same_content(a, b));
  b = a;
  b.room.bytes[0] ^= 1;
  BOOST_TEST(!same_content(a, b));
  b = a;
  b.messages.pop_back();
  BOOST_TEST(!same_content(a, b));
}

BOOST_AUTO_TEST_CASE(a_commitment_is_salt_then_body) {
  const Bytes both = [&] {
    Bytes out(body.salt.bytes.begin(), body.salt.bytes.end());
    out.insert(out.end(), body.bytes.begin(), body.bytes.end());
    return out;
  }();
  BOOST_CHECK(commitment(body.salt, body.bytes) == crypto::sha256(both));
}

BOOST_AUTO_TEST_CASE(kinds_have_names_and_no_others_are_known) {
  int known = 0;
  for (int k = 0; k < 256; ++k) {
    const bool is = is_known_kind(static_cast<std::uint8_t>(k));
    known += is;
    BOOST_TEST(is == (std::string(kind_name(static_cast<Kind>(k))) != "unknown"));
  }
  BOOST_TEST(known == 24);
  for (Role role : {Role::admin, Role::auditor, Role::member, Role::guest, Role::bot})
    BOOST_TEST((parse_role(role_name(role)) == role));
  BOOST_TEST(!parse_role("root"));
}

BOOST_AUTO_TEST_CASE(an_act_needs_all_its_tags_and_takes_no_others) {
  using enum Tag;
  const struct {
    Kind kind;
    std::initializer_list<Tag> required, optional;
  } table[] = {
      {Kind::card, {curve_pk, card_hash, card_serial, identity_pk, log_pk}, {unix_uid}},
      {Kind::user_add, {user_id, role}, {invite_id, unix_uid}},
      {Kind::user_change, {user_id}, {role, unix_uid, state}},
      {Kind::invite_open, {user_id, invite_id, curve_pk, expires_ms, uses}, {role, unix_uid, rooms}},
      {Kind::invite_revoke, {invite_id}, {unix_uid}},
      {Kind::device_enrol,
       {user_id, invite_id, device, sign_pk, curve_pk, enrol_signature, flags},
       {}},
      {Kind::device_revoke, {device}, {unix_uid}},
      {Kind::room_create, {flags, room, room_kind}, {user_id, unix_uid}},
      {Kind::room_change, {room}, {flags, room_kind, unix_uid, state}},
      {Kind::member_add, {user_id, room}, {unix_uid}},
      {Kind::member_remove, {user_id, room}, {unix_uid}},
      {Kind::retention, {days}, {room, unix_uid}},
      {Kind::erase_order, {target}, {unix_uid}},
      {Kind::clock_stepped, {old_ms, new_ms}, {}},
      {Kind::auditor_read, {user_id, room}, {}},
      {Kind::device_link,
       {user_id, device, sign_pk, curve_pk, enrol_signature, linked_by, link_signature},
       {}},
      {Kind::restored, {old_size, old_root}, {unix_uid}},
  };
  const Act foreign = act(Kind::restored, {old_size, old_root});
  for (const auto& row : table) {
    BOOST_TEST_CONTEXT(kind_name(row.kind)) {
      const Act least = act(row.kind, row.required);
      for (Tag missing : row.required) {
        Act less;
        for (const auto& [tag, value] : least.fields())
          if (tag != missing) less.set(tag, value);
        BOOST_TEST((decode_act(row.kind, encode(less)).error() == ActError::missing_tag));
      }
      Act most = least;
      for (Tag tag : row.optional) {
        if (tag == user_id || tag == room || tag == rooms || tag == invite_id)
          most.set(tag, Bytes(16, 9));
        else
          most.set_number(tag, 1);
      }
      BOOST_TEST(decode_act(row.kind, encode(most)).has_value());
      for (const auto& [tag, value] : foreign.fields()) {
        if (row.kind == Kind::restored) continue;
        Act other = least;
        other.set(tag, value);
        BOOST_TEST((decode_act(row.kind, encode(other)).error() == ActError::tag_not_of_kind));
      }
      const Bytes good = encode(most);
      each_mutation(good, [&](ByteView changed) {
        const auto decoded = decode_act(row.kind, changed);
        if (decoded) BOOST_REQUIRE(same(encode(*decoded), changed));
      });
    }
  }
  BOOST_TEST(!decode_act(Kind::text, {}));
}

BOOST_AUTO_TEST_CASE(values_out_of_range_are_refused) {
  const auto with = [](Kind kind, Act a, Tag tag, std::uint64_t value) {
    a.set_number(tag, value);
    return decode_act(kind, encode(a)).has_value();
  };
  const Act user = act(Kind::user_add, {Tag::user_id, Tag::role});
  BOOST_TEST(with(Kind::user_add, user, Tag::role, 5));
  BOOST_TEST(!with(Kind::user_add, user, Tag::role, 0));
  BOOST_TEST(!with(Kind::user_add, user, Tag::role, 6));
  const Act room = act(Kind::room_create, {Tag::flags, Tag::room, Tag::room_kind});
  BOOST_TEST(with(Kind::room_create, room, Tag::room_kind, 4));
  BOOST_TEST(!with(Kind::room_create, room, Tag::room_kind, 5));
  BOOST_TEST(!with(Kind::room_create, room, Tag::flags, 4));
  BOOST_TEST(!with(Kind::room_change, act(Kind::room_change, {Tag::room}), Tag::state, 2));
}

BOOST_AUTO_TEST_CASE(a_leaf_decodes_only_from_its_one_encoding) {
  const Submission s = submission({Kind::text, Kind::reaction});
  const Bytes good = encode_leaf(7, 8, 9, encode(s), {}, filled<Signature>(11));
  BOOST_REQUIRE(decode_leaf(good));
  const auto check = [](ByteView changed) {
    const auto d = decode_leaf(changed);
    if (!d) return;
    BOOST_REQUIRE(same(encode_leaf(d->seq, d->first_room_seq, d->logged_at_ms,
                                   encode(d->submission), d->act, d->signature),
                       changed));
  };
  each_mutation(good, check);

  const Act act_value = act(Kind::user_add, {Tag::user_id, Tag::role});
  const Bytes act_bytes = encode(act_value);
  Submission server = submission({Kind::user_add});
  server.room = RoomId{};
  server.messages[0].act_hash = crypto::sha256(act_bytes);
  const Bytes act_leaf = encode_leaf(7, 0, 9, encode(server), act_bytes, Signature{});
  BOOST_REQUIRE(decode_leaf(act_leaf));
  each_mutation(act_leaf, check);
  BOOST_TEST((decode_leaf(encode_leaf(7, 1, 9, encode(server), act_bytes, Signature{})).error() ==
              LeafError::malformed));
  BOOST_TEST((decode_leaf(encode_leaf(7, 8, 9, encode(s), act_bytes, Signature{})).error() ==
              LeafError::bad_act));
  server.messages[0].act_hash.bytes[0] ^= 1;
  BOOST_TEST((decode_leaf(encode_leaf(7, 0, 9, encode(server), act_bytes, Signature{})).error() ==
              LeafError::bad_act));
  Bytes newer = good;
  newer[0] = 2;
  BOOST_TEST((decode_leaf(newer).error() == LeafError::unknown_version));
}

BOOST_AUTO_TEST_CASE(entries_follow_each_other_and_keep_their_bodies) {
  const Bytes leaf = encode_leaf(7, 8, 9, encode(submission({Kind::text, Kind::text, Kind::text})),
                                 {}, Signature{});
  const std::vector<Body> bodies{body, Body{BodyState::withheld, {}, {}},
                                 Body{BodyState::erased, {}, {}}};
  Bytes good;
  append_entry(good, leaf, bodies);
  append_entry(good, leaf, bodies);
  Reader r(good);
  for (int i = 0; i < 2; ++i) {
    const auto entry = read_entry(r);
    BOOST_REQUIRE(entry);
    BOOST_TEST(same(entry->leaf_bytes, leaf));
    BOOST_TEST(same(entry->bodies[0].bytes, body.bytes));
    BOOST_TEST((entry->bodies[2].state == BodyState::erased));
  }
  BOOST_TEST(r.done());
  each_mutation(good, [](ByteView changed) {
    Reader reader(changed);
    Bytes again;
    while (reader.left() > 0) {
      const auto entry = read_entry(reader);
      if (!entry) return;
      append_entry(again, entry->leaf_bytes, entry->bodies);
    }
    BOOST_REQUIRE(same(again, changed));
  });
}

BOOST_AUTO_TEST_SUITE_END()
