// What t-log allows, refuses and answers again.
#include "broker/log/verify_log.hpp"
#include "tests/unit/faulty_vfs.hpp"
#include "tests/unit/log_fixture.hpp"

using namespace tertulia;
using namespace tertulia::test;
using record::Kind;
using record::MessageRef;

namespace {
struct DecisionFixture : LogFixture {
  DecisionFixture() {
    ana = enrol("ana");
    beto = enrol("beto");
  }
  ~DecisionFixture() {
    LogReader reader(options.database, data->keys().kek);
    const auto fault = verify_log(reader, log->note_key(), server()).fault;
    BOOST_CHECK_MESSAGE(
        !fault, "the verifier disagrees: " << (fault ? fault->kind + ": " + fault->text : ""));
  }
  // The code of a refusal; ERROR_NONE: it was not refused.
  pb::ErrorCode code(Append item) { return ask(std::move(item)).error().code(); }
  pb::ErrorCode code(SubmissionAppend a, const Member& who) {
    sign(a, who);
    return code(std::move(a));
  }
  bool revoke(const std::string& name) {
    bool out = false;
    RevokeInviteCommand command;
    command.whose = name;
    for (const auto& [id, invite] : cell.load()->invites)
      if (const User* user = cell.load()->user(invite->user); user != nullptr && user->name == name)
        command.invites.push_back(id);
    command.done = [&](bool ok, const std::string&) { out = ok; };
    for (const auto& callback : append(std::move(command)).callbacks) callback();
    return out;
  }
  // The sentence that refused it; empty: it was not refused.
  std::string refusal(const std::string& name, std::optional<record::Role> role = {}) {
    const InviteResult result = try_invite(name, role);
    return result.ok() ? std::string() : result.faults[0].sentence;
  }
  Member ana, beto;
};
}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_log_decisions, DecisionFixture)

BOOST_AUTO_TEST_CASE(the_same_id_twice_gets_the_first_answer_again) {
  SubmissionAppend a = submission(ana, general(), {"once"});
  const pb::Reply first = ask(a);
  send(beto, {"between"});
  now_ms += 5000;
  a.submission.seen_size = newest().size;  // signed again with a newer view
  a.submission.seen_root = newest().root;
  sign(a, ana);
  const pb::Reply again = ask(a);
  BOOST_TEST(again.ack().seq() == first.ack().seq());
  BOOST_TEST(again.ack().first_room_seq() == first.ack().first_room_seq());
  BOOST_TEST(again.ack().logged_at_ms() == first.ack().logged_at_ms());
  BOOST_TEST(again.ack().checkpoint() == *log->checkpoint());
}

BOOST_AUTO_TEST_CASE(the_same_id_twice_in_one_batch_is_one_entry) {
  const SubmissionAppend a = submission(ana, general(), {"once"});
  SubmissionAppend other = a;
  other.submission.messages[0].sent_at_ms += 1;
  sign(other, ana);
  std::vector<Append> batch{a, a, other};
  const auto size = log->size();
  const CommitResult result = log->append(std::move(batch));
  BOOST_TEST(log->size() == size + 1);
  BOOST_TEST(result.committed.entries.size() == 1u);
  BOOST_TEST(reply_of(result.answers[0]).ack().seq() == size);
  BOOST_TEST(reply_of(result.answers[1]).ack().seq() == size);
  BOOST_TEST(reply_of(result.answers[2]).error().code() == pb::CONFLICT);
}

BOOST_AUTO_TEST_CASE(the_same_id_with_other_content_is_a_conflict_before_any_right) {
  SubmissionAppend a = submission(ana, general(), {"one"});
  BOOST_TEST(ask(a).has_ack());
  a.submission.messages[0].commitment.bytes[0] ^= 1;
  a.submission.seen_size = 1;  // would be a stale view
  BOOST_TEST(code(a, ana) == pb::CONFLICT);
}

BOOST_AUTO_TEST_CASE(an_older_id_that_is_new_is_taken) {
  const SubmissionAppend older = submission(ana, general(), {"older"});
  const SubmissionAppend newer = submission(ana, general(), {"newer"});
  BOOST_TEST(ask(newer).has_ack());
  BOOST_TEST(ask(older).has_ack());
  BOOST_TEST(ask(older).ack().seq() == ask(newer).ack().seq() + 1);
}

BOOST_AUTO_TEST_CASE(a_view_that_was_never_signed_is_stale) {
  SubmissionAppend a = submission(ana, general(), {"x"});
  SubmissionAppend wrong_root = a;
  wrong_root.submission.seen_root.bytes[0] ^= 1;
  BOOST_TEST(code(wrong_root, ana) == pb::STALE_VIEW);
  SubmissionAppend ahead = a;
  ahead.submission.seen_size += 1;
  sign(ahead, ana);
  const pb::Reply reply = ask(ahead);
  BOOST_TEST(reply.error().code() == pb::STALE_VIEW);
  BOOST_TEST(reply.error().checkpoint() == *log->checkpoint());
  BOOST_TEST(code(a, ana) == pb::ERROR_NONE);  // the same id, seen anew
}

BOOST_AUTO_TEST_CASE(a_view_is_good_for_4096_checkpoints_and_over_a_restart) {
  const SubmissionAppend old_view = submission(ana, general(), {"x"});
  Member carla = enrol("carla");
  SubmissionAppend late = submission(carla, general(), {"late"});
  log->close();
  open();
  BOOST_TEST(code(old_view) == pb::ERROR_NONE);
  log->close();
  options.vfs = faulty_vfs();
  set_disk_fault(DiskFault::sync_skipped);
  open();
  for (std::size_t i = 0; i < checkpoints_remembered; ++i) send(beto, {"y"});
  set_disk_fault(DiskFault::none);
  BOOST_TEST(code(late) == pb::STALE_VIEW);
}

BOOST_AUTO_TEST_CASE(who_may_not_write_is_told_why) {
  SubmissionAppend a = submission(ana, general(), {"x"});
  SubmissionAppend other = a;
  other.asker.key = beto.keys.curve.public_key();
  BOOST_TEST(code(other) == pb::NOT_ALLOWED);
  other = a;
  other.submission.server.bytes[0] ^= 1;
  BOOST_TEST(code(other, ana) == pb::WRONG_SERVER);
  other = a;
  other.submission.room.bytes[0] ^= 1;
  BOOST_TEST(code(other, ana) == pb::NOT_A_MEMBER);
  Member auditor = enrol("vera", record::Role::auditor);
  BOOST_TEST(code(submission(auditor, general(), {"x"})) == pb::NOT_PERMITTED);
  Member stranger;
  BOOST_TEST(code(submission(stranger, general(), {"x"})) == pb::NOT_ALLOWED);
}

BOOST_AUTO_TEST_CASE(what_stands_behind_a_stale_view_waits_for_it) {
  const auto rising = [&](SubmissionAppend a, std::uint8_t number) {
    a.asker.routing.length = 1;
    a.asker.request.data()[0] = number;
    return a;
  };
  const SubmissionAppend good = submission(ana, general(), {"first"});
  SubmissionAppend stale = good;
  stale.submission.seen_root.bytes[0] ^= 1;
  sign(stale, ana);
  const SubmissionAppend behind = submission(ana, general(), {"second"});
  const auto codes = [&](std::vector<Append> batch) {
    std::vector<pb::ErrorCode> out;
    for (const Outgoing& answer : log->append(std::move(batch)).answers)
      if (answer.to == nullptr) out.push_back(reply_of(answer).error().code());
    return out;
  };
  const auto first = codes({rising(stale, 1), rising(behind, 2)});
  BOOST_TEST((first == std::vector{pb::STALE_VIEW, pb::BUSY}));
  // In another batch too, and the neighbour is served
  const SubmissionAppend third = submission(ana, general(), {"third"});
  const auto later = codes({rising(third, 3), submission(beto, general(), {"between"})});
  BOOST_TEST((later == std::vector{pb::BUSY, pb::ERROR_NONE}));
  const auto again = codes({rising(good, 1), rising(behind, 2), rising(third, 3)});
  BOOST_TEST((again == std::vector{pb::ERROR_NONE, pb::ERROR_NONE, pb::ERROR_NONE}));
}

BOOST_AUTO_TEST_CASE(references_are_to_originals_of_the_room) {
  send(ana, {"one", "two"});
  const MessageRef original{ana.keys.id, ana.last, 1};
  BOOST_TEST(code(submission(ana, general(), {"two!"}, Kind::edit, original)) == pb::ERROR_NONE);
  const MessageRef edit{ana.keys.id, ana.last, 0};
  BOOST_TEST(code(submission(ana, general(), {"x"}, Kind::edit, edit)) == pb::BAD_REFERENCE);
  BOOST_TEST(code(submission(beto, general(), {"x"}, Kind::edit, original)) == pb::BAD_REFERENCE);
  BOOST_TEST(code(submission(beto, general(), {"x"}, Kind::erase, original)) == pb::NOT_PERMITTED);
  BOOST_TEST(code(submission(beto, general(), {"x"}, Kind::reaction, original)) == pb::ERROR_NONE);
  MessageRef beyond = original;
  beyond.index = 2;
  BOOST_TEST(code(submission(beto, general(), {"x"}, Kind::reaction, beyond)) == pb::BAD_REFERENCE);
  MessageRef nowhere = original;
  nowhere.submission.bytes[0] ^= 1;
  BOOST_TEST(code(submission(beto, general(), {"x"}, Kind::reaction, nowhere)) ==
             pb::BAD_REFERENCE);
  // ana is the administrator: the first user.
  send(beto, {"three"});
  BOOST_TEST(code(submission(ana, general(), {""}, Kind::erase, {beto.keys.id, beto.last, 0})) ==
             pb::ERROR_NONE);
}

BOOST_AUTO_TEST_CASE(a_message_is_changed_so_often_and_no_more_but_deleted_always) {
  options.limits.changes_per_message_max = 7;
  options.limits.user_changes_per_message_max = 4;
  open();
  send(ana, {"one", "two"});
  const MessageRef one{ana.keys.id, ana.last, 0}, two{ana.keys.id, ana.last, 1};
  const auto react = [&](Member& who, const MessageRef& to) {
    return code(submission(who, general(), {"👍"}, Kind::reaction, to));
  };
  for (int i = 0; i < 4; ++i) BOOST_TEST(react(beto, one) == pb::ERROR_NONE);
  BOOST_TEST(react(beto, one) == pb::TOO_MANY);
  BOOST_TEST(react(beto, two) == pb::ERROR_NONE);
  BOOST_TEST(code(submission(ana, general(), {"one!"}, Kind::edit, one)) == pb::ERROR_NONE);
  // Several in one submission count as what they are, and all of them or none are taken
  SubmissionAppend three = submission(ana, general(), {"a", "b", "c"}, Kind::reaction, one);
  BOOST_TEST(code(three) == pb::TOO_MANY);
  BOOST_TEST(code(submission(ana, general(), {"a", "b"}, Kind::reaction, one)) == pb::ERROR_NONE);
  BOOST_TEST(react(ana, one) == pb::TOO_MANY);
  // It is counted over a restart
  open();
  BOOST_TEST(react(ana, one) == pb::TOO_MANY);
  BOOST_TEST(code(submission(ana, general(), {""}, Kind::erase, one)) == pb::ERROR_NONE);
}

BOOST_AUTO_TEST_CASE(a_reference_within_one_batch_is_found) {
  const SubmissionAppend text = submission(ana, general(), {"one"});
  const SubmissionAppend reaction =
      submission(beto, general(), {"👍"}, Kind::reaction, {ana.keys.id, ana.last, 0});
  const CommitResult result = log->append({text, reaction});
  BOOST_TEST(reply_of(result.answers[1]).has_ack());
}

BOOST_AUTO_TEST_CASE(the_first_user_is_an_administrator_and_invites_say_what_is_wrong) {
  BOOST_TEST((cell.load()->user(ana.user)->role == record::Role::admin));
  BOOST_TEST((cell.load()->user(beto.user)->role == record::Role::member));
  BOOST_TEST(cell.load()->is_member(general(), beto.user));
  const std::string rule =
      "A user name has 1 to 64 lower-case letters a to z, digits and the signs . _ and -, and "
      "starts with a letter or a digit.";
  BOOST_TEST(refusal("Ana") == rule);
  BOOST_TEST(refusal(std::string(65, 'a')) == rule);
  BOOST_TEST(refusal("") == rule);
  BOOST_TEST(refusal("-x") == rule);
  // A digit one for the letter l
  BOOST_TEST(refusal("al").empty());
  BOOST_TEST(refusal("a1") == "The name a1 is taken, or looks like al.");
  BOOST_TEST(refusal("..") == rule);
  BOOST_TEST(!refusal("beto", record::Role::admin).empty());
  BOOST_TEST(refusal("beto", record::Role::member).empty());
}

BOOST_AUTO_TEST_CASE(an_invite_is_for_one_device) {
  const Invited invited = invite("carla");
  Member carla, second;
  const EnrolAppend request = enrol_request(invited, carla);
  const pb::Reply first = ask(request);
  BOOST_REQUIRE(first.has_enrolled());
  BOOST_TEST(first.enrolled().user_name() == "carla");
  BOOST_TEST(first.enrolled().role() == "member");
  const pb::Reply again = ask(request);
  BOOST_TEST(again.enrolled().device() == first.enrolled().device());
  BOOST_TEST(code(enrol_request(invited, second)) == pb::INVITE_USED);
  const Invited other = invite("carla");
  BOOST_TEST(code(enrol_request(other, carla)) == pb::NOT_ALLOWED);
  BOOST_TEST(code(enrol_request(other, second)) == pb::ERROR_NONE);
  BOOST_TEST(!cell.load()->device(carla.keys.id)->by_administrator);
  BOOST_TEST(cell.load()->device(second.keys.id)->by_administrator);
  BOOST_TEST((cell.load()->device_of(second.keys.curve.public_key())->id == second.keys.id));
}

BOOST_AUTO_TEST_CASE(invites_that_cannot_be_used_say_why) {
  Member who;
  Invited invited = invite("carla");
  EnrolAppend unknown = enrol_request(invited, who);
  unknown.asker.key.bytes[0] ^= 1;
  BOOST_TEST(code(unknown) == pb::INVITE_UNKNOWN);
  EnrolAppend forged = enrol_request(invited, who);
  forged.signature.bytes[0] ^= 1;
  BOOST_TEST(code(forged) == pb::BAD_SIGNATURE);
  EnrolAppend shouting = enrol_request(invited, who);
  shouting.display_name = "a\nb";
  BOOST_TEST(code(shouting) == pb::NAME_REFUSED);
  now_ms = invited.expires_ms;
  BOOST_TEST(code(enrol_request(invited, who)) == pb::INVITE_EXPIRED);
  invited = invite("carla");
  BOOST_TEST(revoke("carla"));
  BOOST_TEST(!revoke("carla"));
  BOOST_TEST(!revoke("nobody"));
  BOOST_TEST(code(enrol_request(invited, who)) == pb::INVITE_REVOKED);
}

BOOST_AUTO_TEST_CASE(the_display_name_is_the_first_device_s) {
  const Invited invited = invite("carla");
  Member who, second;
  EnrolAppend e = enrol_request(invited, who);
  e.display_name = "Carla Núñez";
  ask(e);
  BOOST_TEST(cell.load()->user(invited.user)->display_name == "Carla Núñez");
  EnrolAppend later = enrol_request(invite("carla"), second);
  later.display_name = "Somebody Else";
  ask(later);
  BOOST_TEST(cell.load()->user(invited.user)->display_name == "Carla Núñez");
  BOOST_TEST(cell.load()->user(ana.user)->display_name == "ana");
  log->close();
  open();
  BOOST_TEST(cell.load()->user(invited.user)->display_name == "Carla Núñez");
  BOOST_TEST(cell.load()->device(second.keys.id)->by_administrator);
}

BOOST_AUTO_TEST_CASE(time_does_not_run_backwards_but_by_an_act) {
  const auto first = send(ana, {"x"}).logged_at_ms();
  now_ms -= 30'000;
  BOOST_TEST(send(ana, {"x"}).logged_at_ms() == first);
  now_ms -= 3'600'000;
  const auto size = log->size();
  BOOST_TEST(send(ana, {"x"}).logged_at_ms() == now_ms);
  BOOST_TEST(log->size() == size + 2);  // the step is an entry of its own
}

BOOST_AUTO_TEST_CASE(a_new_address_is_a_new_card) {
  const std::string first = log->card();
  const auto size = log->size();
  log->close();
  open();
  BOOST_TEST(log->card() == first);
  options.advertised.push_back("tcp://[::1]:5570");
  log->close();
  open();
  BOOST_TEST(log->card() != first);
  BOOST_TEST(log->size() == size + 1);
}

BOOST_AUTO_TEST_CASE(keys_of_another_server_are_refused) {
  log->close();
  const auto refused = [&](const ServerKeys& keys) {
    try {
      Log other(options, keys, cell);
    } catch (const StorageFailure& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  ServerKeys keys = data->keys();
  keys.kek = crypto::Seed::random();
  BOOST_TEST(refused(keys).find("kek.key") != std::string::npos);
  keys = data->keys();
  keys.log = crypto::SigningKey(crypto::Seed::random());
  BOOST_TEST(refused(keys).find("log.key") != std::string::npos);
  keys = data->keys();
  keys.identity = crypto::SigningKey(crypto::Seed::random());
  keys.id = crypto::server_id(keys.identity.public_key());
  BOOST_TEST(refused(keys).find("identity.key") != std::string::npos);
  open();
}

BOOST_AUTO_TEST_SUITE_END()
