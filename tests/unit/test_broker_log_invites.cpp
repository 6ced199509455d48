// Invites for many: lists that are all or nothing, and class links.
#include <set>

#include "broker/log/verify_log.hpp"
#include "tests/unit/log_fixture.hpp"

using namespace tertulia;
using namespace tertulia::test;
using record::Role;

namespace {

struct InvitesFixture : LogFixture {
  InvitesFixture() { ana = enrol("ana"); }
  ~InvitesFixture() {
    LogReader reader(options.database, data->keys().kek);
    const auto fault = verify_log(reader, log->note_key(), server()).fault;
    BOOST_CHECK_MESSAGE(
        !fault, "the verifier disagrees: " << (fault ? fault->kind + ": " + fault->text : ""));
  }

  InviteResult invite_all(std::vector<InvitePerson> people, bool takes_known = false) {
    InviteCommand command;
    command.people = std::move(people);
    command.takes_known = takes_known;
    return run(std::move(command));
  }
  InviteResult try_class_link(std::uint64_t uses, Role role = Role::member,
                              std::vector<RoomId> rooms = {}) {
    ClassLinkCommand command;
    command.uses = uses;
    command.role = role;
    command.label = "3b";
    command.rooms = std::move(rooms);
    return run(std::move(command));
  }
  Invited class_link(std::uint64_t uses, Role role = Role::member, std::vector<RoomId> rooms = {}) {
    const InviteResult result = try_class_link(uses, role, std::move(rooms));
    BOOST_REQUIRE_MESSAGE(result.ok(), result.faults[0].sentence);
    return result.invited.at(0);
  }
  EnrolAppend joins(Invited link, Member& who, const std::string& name) const {
    const CurvePublicKey curve = crypto::invite_curve_key(link.seed).public_key();
    link.user = record::class_user_id(server(), crypto::invite_id(curve), who.keys.id);
    who.user = link.user;
    EnrolAppend e = enrol_request(link, who);
    e.user_name = name;
    return e;
  }
  pb::ErrorCode code(Append item) { return ask(std::move(item)).error().code(); }
  const Invite& invite_of(const Invited& link) const {
    return *cell.load()->invite(
        crypto::invite_id(crypto::invite_curve_key(link.seed).public_key()));
  }
  RoomId make_room(const std::string& name, std::uint64_t flags = 2,
                   record::RoomKind kind = record::RoomKind::public_room) {
    RoomId id;
    randombytes_buf(id.data(), id.size());
    ActCommand command;
    command.kind = record::Kind::room_create;
    command.act.set(record::Tag::room, id)
        .set_number(record::Tag::flags, flags)
        .set_number(record::Tag::room_kind, static_cast<std::uint64_t>(kind));
    command.names.set_room_name(name);
    bool good = false;
    command.done = [&](bool ok, const std::string&) { good = ok; };
    for (const auto& callback : append(std::move(command)).callbacks) callback();
    BOOST_REQUIRE(good);
    return id;
  }
  Member ana;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_log_invites, InvitesFixture)

BOOST_AUTO_TEST_CASE(a_list_of_people_is_one_transaction_and_all_get_their_invite) {
  const RoomId chess = make_room("chess");
  const auto commits = newest();
  const InviteResult result = invite_all({{"beto", "Beto Ruiz", {}, {}},
                                          {"carla", {}, Role::guest, {chess}},
                                          {"dario", {}, Role::admin, {}}});
  BOOST_REQUIRE(result.ok());
  BOOST_REQUIRE(result.invited.size() == 3u);
  BOOST_TEST(newest().size > commits.size + 6);
  const auto directory = cell.load();
  const auto* beto = directory->user(result.invited[0].user);
  BOOST_REQUIRE(beto != nullptr);
  BOOST_TEST(beto->display_name == "Beto Ruiz");
  BOOST_TEST((directory->user(result.invited[2].user)->role == Role::admin));
  BOOST_TEST(directory->is_member(general(), beto->id));
  BOOST_TEST(directory->is_member(chess, result.invited[1].user));
  BOOST_TEST(!directory->is_member(general(), result.invited[1].user));
  // What the administrator called him stays, unless his first device says otherwise
  Member who;
  BOOST_TEST(ask(enrol_request(result.invited[0], who)).has_enrolled());
  BOOST_TEST(cell.load()->user(beto->id)->display_name == "Beto Ruiz");
}

BOOST_AUTO_TEST_CASE(a_list_with_anything_wrong_in_it_invites_nobody_and_says_all_that_is) {
  const auto size = log->size();
  const InviteResult result = invite_all({{"al", {}, {}, {}},
                                          {"Carla", {}, {}, {}},
                                          {"dario", "bad\nname", {}, {}},
                                          {"al", {}, {}, {}},
                                          {"ana", {}, {}, {}},
                                          {"a1", {}, {}, {}},
                                          {"eva", {}, {}, {}}});
  BOOST_TEST(!result.ok());
  std::set<std::size_t> numbers;
  for (const auto& fault : result.faults) numbers.insert(fault.number.value());
  BOOST_TEST((numbers == std::set<std::size_t>{1, 2, 3, 4, 5}));
  BOOST_TEST(result.faults[3].sentence.find("--further-devices") != std::string::npos);
  BOOST_TEST(log->size() == size);
  BOOST_TEST(!cell.load()->users_by_name.contains("eva"));
}

BOOST_AUTO_TEST_CASE(who_is_a_user_already_gets_a_further_device_only_when_that_is_meant) {
  BOOST_TEST(!invite_all({{"ana", {}, {}, {}}}).ok());
  const InviteResult result = invite_all({{"ana", {}, {}, {}}, {"beto", {}, {}, {}}}, true);
  BOOST_REQUIRE(result.ok());
  BOOST_TEST(result.invited[0].was_there);
  BOOST_TEST(result.invited[0].had_device);
  BOOST_TEST(!result.invited[1].was_there);
  BOOST_TEST(!invite_all({{"ana", {}, Role::guest, {}}}, true).ok());
}

BOOST_AUTO_TEST_CASE(more_invites_than_may_be_open_are_refused_together) {
  log->close();
  options.limits.invites_open_max = 2;
  open();
  BOOST_TEST(!invite_all({{"a1", {}, {}, {}}, {"b2", {}, {}, {}}, {"c3", {}, {}, {}}}).ok());
  BOOST_TEST(invite_all({{"a1", {}, {}, {}}, {"b2", {}, {}, {}}}).ok());
  BOOST_TEST(!try_class_link(3).ok());
}

BOOST_AUTO_TEST_CASE(a_room_that_is_full_takes_no_newcomer_and_whoever_names_it_is_told) {
  const RoomId chess = make_room("chess");
  const Invited link = class_link(1, Role::guest, {chess});
  log->close();
  options.limits.room_members_max = 2;
  open();
  // general, where newcomers join, holds ana: one more has a place in it
  const InviteResult result = invite_all({{"a1", {}, {}, {}}, {"b2", {}, {}, {}}});
  BOOST_REQUIRE(result.ok());
  BOOST_TEST(cell.load()->is_member(general(), result.invited[0].user));
  BOOST_TEST(!cell.load()->is_member(general(), result.invited[1].user));

  const InviteResult named =
      invite_all({{"c3", {}, {}, {chess}}, {"d4", {}, {}, {chess}}, {"e5", {}, {}, {chess}}});
  BOOST_REQUIRE(named.faults.size() == 1u);
  BOOST_TEST(named.faults[0].number.value() == 2u);
  BOOST_TEST(named.faults[0].sentence.find("room_members_max") != std::string::npos);
  BOOST_TEST(!try_class_link(3, Role::guest, {chess}).ok());
  BOOST_TEST(invite_all({{"c3", {}, {}, {chess}}, {"d4", {}, {}, {chess}}}).ok());

  // By a link from before the room was full one comes in, but not into the room
  Member who;
  const EnrolAppend joins_late = joins(link, who, "eva");
  BOOST_TEST(ask(joins_late).has_enrolled());
  BOOST_TEST(!cell.load()->is_member(chess, who.user));
}

BOOST_AUTO_TEST_CASE(several_people_join_by_a_class_link_each_under_a_name_of_his_choice) {
  const RoomId chess = make_room("chess"), old = make_room("old");
  const Invited link = class_link(3, Role::guest, {chess, old});
  ActCommand archive;
  archive.kind = record::Kind::room_change;
  archive.act.set(record::Tag::room, old).set_number(record::Tag::state, 1);
  archive.done = [](bool, const std::string&) {};
  append(std::move(archive));
  std::vector<Member> class_3b(3);
  const char* names[] = {"beto", "carla", "dario"};
  for (std::size_t i = 0; i < class_3b.size(); ++i) {
    EnrolAppend request = joins(link, class_3b[i], names[i]);
    request.display_name = "Somebody";
    const pb::Reply reply = ask(request);
    BOOST_REQUIRE_MESSAGE(reply.has_enrolled(), reply.error().text());
    BOOST_TEST(reply.enrolled().user_name() == names[i]);
    BOOST_TEST(reply.enrolled().role() == "guest");
    const auto directory = cell.load();
    BOOST_TEST(directory->user(class_3b[i].user)->display_name == "Somebody");
    BOOST_TEST(directory->is_member(chess, class_3b[i].user));
    BOOST_TEST(!directory->is_member(old, class_3b[i].user));
    BOOST_TEST(!directory->is_member(general(), class_3b[i].user));
    BOOST_TEST(!directory->device(class_3b[i].keys.id)->by_administrator);
  }
  Member late;
  const pb::Reply refused = ask(joins(link, late, "eva"));
  BOOST_TEST(refused.error().code() == pb::INVITE_USED);
  BOOST_TEST(refused.error().text().find("The 3 people") == 0u);
  // Counted from the log, over a restart too
  BOOST_TEST(invite_of(link).used == 3u);
  log->close();
  open();
  BOOST_TEST(invite_of(link).used == 3u);
  BOOST_TEST(invite_of(link).label == "3b");
  BOOST_TEST(invite_of(link).rooms.size() == 2u);
  BOOST_TEST(code(joins(link, late, "eva")) == pb::INVITE_USED);
  // A device that did not hear its answer asks again, even now, and under any name
  BOOST_TEST(ask(joins(link, class_3b[1], "other")).enrolled().user_name() == "carla");
}

BOOST_AUTO_TEST_CASE(a_class_link_without_rooms_leads_into_those_for_newcomers) {
  make_room("elsewhere");
  Member who;
  BOOST_TEST(ask(joins(class_link(1), who, "beto")).has_enrolled());
  BOOST_TEST(cell.load()->is_member(general(), who.user));
  BOOST_TEST(cell.load()->rooms_count(who.user) == 1u);
  Member guest;
  BOOST_TEST(ask(joins(class_link(1, Role::guest), guest, "carla")).has_enrolled());
  BOOST_TEST(cell.load()->rooms_count(guest.user) == 0u);
}

BOOST_AUTO_TEST_CASE(a_name_that_is_refused_costs_no_use_and_may_be_another_at_once) {
  const Invited link = class_link(1);
  Member who;
  const auto size = log->size();
  for (const char* name : {"", "ana", "Ana", "an\nb", "-x"})
    BOOST_TEST(code(joins(link, who, name)) == pb::NAME_REFUSED, name);
  EnrolAppend shouting = joins(link, who, "beto");
  shouting.display_name = "a\nb";
  BOOST_TEST(code(shouting) == pb::NAME_REFUSED);
  BOOST_TEST(log->size() == size);
  BOOST_TEST(invite_of(link).used == 0u);
  BOOST_TEST(ask(joins(link, who, "beto")).enrolled().user_name() == "beto");
}

BOOST_AUTO_TEST_CASE(two_who_ask_for_the_same_name_in_one_batch_are_not_both_called_that) {
  const Invited link = class_link(2);
  Member one, two;
  std::vector<Append> batch{joins(link, one, "beto"), joins(link, two, "beto")};
  const CommitResult result = log->append(std::move(batch));
  BOOST_TEST(reply_of(result.answers[0]).has_enrolled());
  BOOST_TEST(reply_of(result.answers[1]).error().code() == pb::NAME_REFUSED);
  BOOST_TEST(invite_of(link).used == 1u);
}

BOOST_AUTO_TEST_CASE(the_last_place_of_a_class_link_is_given_once) {
  const Invited link = class_link(1);
  Member one, two;
  std::vector<Append> batch{joins(link, one, "beto"), joins(link, two, "carla")};
  const CommitResult result = log->append(std::move(batch));
  BOOST_TEST(reply_of(result.answers[0]).has_enrolled());
  BOOST_TEST(reply_of(result.answers[1]).error().code() == pb::INVITE_USED);
}

BOOST_AUTO_TEST_CASE(class_links_that_cannot_be_used_say_why) {
  Member who;
  const Invited link = class_link(5);
  EnrolAppend forged = joins(link, who, "beto");
  forged.signature.bytes[0] ^= 1;
  BOOST_TEST(code(forged) == pb::BAD_SIGNATURE);
  // Signed for another user than this device becomes
  Invited other = link;
  other.user = ana.user;
  EnrolAppend stolen = enrol_request(other, who);
  stolen.user_name = "beto";
  BOOST_TEST(code(stolen) == pb::BAD_SIGNATURE);
  // A device is that of one user
  BOOST_TEST(code(joins(link, ana, "beto")) == pb::NOT_ALLOWED);
  // An invite for one person lets nobody choose
  Member carla;
  EnrolAppend renamed = enrol_request(invite("carla"), carla);
  renamed.user_name = "karla";
  BOOST_TEST(code(renamed) == pb::NAME_REFUSED);
  now_ms = link.expires_ms;
  BOOST_TEST(code(joins(link, who, "beto")) == pb::INVITE_EXPIRED);
  const Invited again = class_link(5);
  RevokeInviteCommand revoke;
  revoke.invites = {invite_of(again).id};
  bool ok = false;
  revoke.done = [&](bool good, const std::string&) { ok = good; };
  for (const auto& callback : append(std::move(revoke)).callbacks) callback();
  BOOST_TEST(ok);
  BOOST_TEST(code(joins(again, who, "beto")) == pb::INVITE_REVOKED);
}

BOOST_AUTO_TEST_CASE(who_joined_and_was_put_out_stays_out) {
  const Invited link = class_link(2);
  Member who;
  BOOST_TEST(ask(joins(link, who, "beto")).has_enrolled());
  ActCommand revoke;
  revoke.kind = record::Kind::device_revoke;
  revoke.act.set(record::Tag::device, who.keys.id);
  revoke.done = [](bool, const std::string&) {};
  append(std::move(revoke));
  BOOST_TEST(code(joins(link, who, "beto")) == pb::NOT_ALLOWED);
}

BOOST_AUTO_TEST_CASE(a_class_link_makes_members_and_guests_and_no_others) {
  for (const Role role : {Role::admin, Role::auditor, Role::bot})
    BOOST_TEST(!try_class_link(2, role).ok());
  BOOST_TEST(!try_class_link(0).ok());
  BOOST_TEST(!try_class_link(record::class_uses_max + 1).ok());
  BOOST_TEST(!try_class_link(2, Role::member, std::vector<RoomId>(65)).ok());
  BOOST_TEST(try_class_link(record::class_uses_max).ok());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_CASE(the_first_user_does_not_come_by_a_class_link, LogFixture) {
  ClassLinkCommand command;
  command.uses = 5;
  BOOST_TEST(!run(std::move(command)).ok());
}
