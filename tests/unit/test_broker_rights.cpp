// Every action of every role in every kind of room is allowed or refused exactly as the table of
// common/record/permissions.cpp says; and the verifier, which reads the record alone, agrees.
#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "broker/log/verify_log.hpp"
#include "broker/worker/requests.hpp"
#include "common/record/device_link.hpp"
#include "tests/unit/log_fixture.hpp"

namespace tertulia::broker {

namespace {

using record::Act;
using record::Action;
using record::Kind;
using record::Role;
using record::RoomKind;
using record::Standing;
using record::Tag;
using test::Member;

constexpr Role kRoles[] = {Role::admin, Role::auditor, Role::member, Role::guest, Role::bot};
constexpr RoomKind kKinds[] = {RoomKind::public_room, RoomKind::private_room, RoomKind::direct,
                               RoomKind::announcement};
constexpr Standing kStandings[] = {Standing::outsider, Standing::member, Standing::writer,
                                   Standing::owner};

bool is_refusal_of_right(pb::ErrorCode code) {
  return code == pb::NOT_PERMITTED || code == pb::NOT_A_MEMBER || code == pb::ROOM_UNKNOWN;
}

struct Rights : test::LogFixture {
  Rights() {
    options.limits.rooms_per_user_max = 100'000;
    open();
    boss = enrol("boss", Role::admin);
    other = enrol("other", Role::member);
    third = enrol("third", Role::member);
    facts.server = server();
    facts.presence = &presence;
    facts.card = [this] { return log->card(); };
    facts.card_serial = [this] { return log->card_serial(); };
    facts.checkpoint = [this] { return log->checkpoint(); };
    facts.log_size = [this] { return log->size(); };
    facts.read_only = [] { return std::string(); };
  }

  void server_act(Kind kind, const Act& act, const pb::ActNames& names = {}) {
    ActCommand c;
    c.kind = kind;
    c.act = act;
    c.names = names;
    c.ran.unix_user = "root";
    bool done = false;
    c.done = [&](bool ok, const std::string& text) {
      done = true;
      BOOST_REQUIRE_MESSAGE(ok, text);
    };
    for (const auto& callback : append(std::move(c)).callbacks) callback();
    BOOST_REQUIRE(done);
  }

  SubmissionAppend signed_act(Member& who, Kind kind, const Act& act,
                              const pb::ActNames& names = {}) {
    pb::Body words;
    *words.mutable_names() = names;
    SubmissionAppend a = submission(who, RoomId{}, {""}, kind);
    a.act = record::encode(act);
    const std::string bytes = words.SerializeAsString();
    a.bodies[0].bytes.assign(bytes.begin(), bytes.end());
    a.submission.messages[0].act_hash = crypto::sha256(a.act);
    a.submission.messages[0].commitment = record::commitment(a.bodies[0].salt, a.bodies[0].bytes);
    sign(a, who);
    return a;
  }

  RoomId make_room(RoomKind kind, const Member& who, Standing standing) {
    Act act;
    RoomId id;
    pb::ActNames names;
    if (kind == RoomKind::direct) {
      // As many direct rooms as are asked for need as many people
      const std::string name = fmt::format("p{}", ++people);
      const UserId partner = invite(name, Role::member).user;
      std::vector<UserId> members{other.user, partner};
      if (standing != Standing::outsider) members.push_back(who.user);
      std::sort(members.begin(), members.end());
      record::set_members(act, members);
      id = record::direct_room_id(server(), members);
    } else {
      randombytes_buf(id.data(), id.size());
      act.set(Tag::user_id, other.user);
      names.set_room_name(fmt::format("room {}", ++rooms));
    }
    act.set(Tag::room, id)
        .set_number(Tag::room_kind, static_cast<std::uint64_t>(kind))
        .set_number(Tag::flags, record::flag_past_readable);
    server_act(Kind::room_create, act, names);
    if (kind != RoomKind::direct && standing != Standing::outsider)
      server_act(Kind::member_add, member_act(id, who.user, standing));
    return id;
  }

  static Act member_act(const RoomId& room, const UserId& user, Standing standing) {
    Act act;
    act.set(Tag::room, room).set(Tag::user_id, user);
    if (standing != Standing::outsider)
      act.set_number(Tag::standing, static_cast<std::uint64_t>(standing));
    return act;
  }

  record::MessageRef written_by(Member& author, const RoomId& room) {
    SubmissionAppend a = submission(author, room, {"something"});
    const record::MessageRef ref{a.submission.device, a.submission.id, 0};
    const pb::Reply reply = ask(std::move(a));
    BOOST_REQUIRE_MESSAGE(reply.has_ack(), reply.error().text());
    return ref;
  }

  pb::Reply request(const Member& who, const pb::Request& r) {
    const std::string bytes = r.SerializeAsString();
    const auto answer =
        answer_request(*cell.load(), facts, {{}, random_request_id(), who.keys.curve.public_key()},
                       as_bytes(bytes), notices);
    if (const auto* reply = std::get_if<pb::Reply>(&answer)) return *reply;
    return {};  // handed on: not refused
  }
  static pb::Request history_of(const RoomId& room) {
    pb::Request r;
    r.mutable_history()->set_room(std::string(as_text(room.view())));
    r.mutable_history()->set_from_room_seq(1);
    r.mutable_history()->set_limit(10);
    return r;
  }
  // Of a read that the record tells of; nullopt: it is none.
  std::optional<AuditedRead> audited(const Member& who, const RoomId& room) {
    const std::string bytes = history_of(room).SerializeAsString();
    auto answer =
        answer_request(*cell.load(), facts, {{}, random_request_id(), who.keys.curve.public_key()},
                       as_bytes(bytes), notices);
    auto* read = std::get_if<AuditedRead>(&answer);
    return read == nullptr ? std::nullopt : std::optional(*read);
  }

  // nullopt: the action means nothing in this place.
  std::optional<pb::ErrorCode> attempt(Action action, Member& who, RoomKind kind,
                                       Standing standing) {
    if (action == Action::create_room) {
      Act act;
      pb::ActNames names;
      RoomId id;
      if (kind == RoomKind::direct) {
        const UserId partner = invite(fmt::format("p{}", ++people), Role::member).user;
        record::set_members(act, {who.user, partner});
        id = record::direct_room_id(server(), {who.user, partner});
      } else {
        randombytes_buf(id.data(), id.size());
        act.set(Tag::user_id, who.user);
        names.set_room_name(fmt::format("made {}", ++rooms));
      }
      act.set(Tag::room, id)
          .set_number(Tag::room_kind, static_cast<std::uint64_t>(kind))
          .set_number(Tag::flags, 0);
      return ask(signed_act(who, Kind::room_create, act, names)).error().code();
    }
    const bool is_in = standing != Standing::outsider;
    if ((action == Action::join && is_in) || (action == Action::leave && !is_in)) return {};
    const RoomId room = make_room(kind, who, standing);
    pb::ActNames renamed;
    switch (action) {
      case Action::see_room: {
        pb::Request r;
        r.mutable_rooms();
        const pb::Reply listed = request(who, r);
        for (const auto& info : listed.rooms().rooms())
          if (info.room() == as_text(room.view())) return pb::ERROR_NONE;
        return pb::ROOM_UNKNOWN;
      }
      case Action::read:
      case Action::read_past: {
        written_by(other, room);
        if (audited(who, room)) return pb::NOT_A_MEMBER;  // not as a member: see read_unjoined
        return request(who, history_of(room)).error().code();
      }
      case Action::read_unjoined: {
        if (is_in) return {};
        written_by(other, room);
        auto read = audited(who, room);
        if (!read) return request(who, history_of(room)).error().code();
        const std::uint64_t before = log->size();
        const CommitResult result = append(std::move(*read));
        BOOST_TEST(log->size() == before + 1);
        return result.reads.size() == 1 ? pb::ERROR_NONE : pb::NOT_A_MEMBER;
      }
      case Action::join:
      case Action::add_member: {
        const UserId user = action == Action::join ? who.user : third.user;
        return ask(signed_act(who, Kind::member_add, member_act(room, user, Standing::outsider)))
            .error()
            .code();
      }
      case Action::leave:
      case Action::remove_member: {
        const UserId user = action == Action::leave ? who.user : other.user;
        return ask(signed_act(who, Kind::member_remove, member_act(room, user, Standing::outsider)))
            .error()
            .code();
      }
      case Action::name_writers: {
        if (kind == RoomKind::direct) return {};
        server_act(Kind::member_add, member_act(room, third.user, Standing::member));
        return ask(signed_act(who, Kind::member_change,
                              member_act(room, third.user, Standing::writer)))
            .error()
            .code();
      }
      case Action::change_room: {
        renamed.set_room_topic("another topic");
        Act act;
        return ask(signed_act(who, Kind::room_change, act.set(Tag::room, room), renamed))
            .error()
            .code();
      }
      case Action::archive_room: {
        Act act;
        act.set(Tag::room, room).set_number(Tag::state, 1);
        return ask(signed_act(who, Kind::room_change, act)).error().code();
      }
      case Action::write: return ask(submission(who, room, {"a word"})).error().code();
      case Action::mention_all: {
        SubmissionAppend a = submission(who, room, {"@room"});
        a.mentions_all = true;
        return ask(std::move(a)).error().code();
      }
      case Action::react:
        return ask(submission(who, room, {"+1"}, Kind::reaction, written_by(other, room)))
            .error()
            .code();
      case Action::delete_others:
        return ask(submission(who, room, {""}, Kind::erase, written_by(other, room)))
            .error()
            .code();
      case Action::change_own: {
        // His own words are there only where he could write once.
        const User& user = *cell.load()->user(who.user);
        if (!record::may(user.role, Action::write, kind, standing)) return {};
        const auto ref = written_by(who, room);
        return ask(submission(who, room, {"better"}, Kind::edit, ref)).error().code();
      }
      default: return {};
    }
  }

  std::optional<pb::ErrorCode> attempt_at_server(Action action, Member& who) {
    const std::string name = fmt::format("s{}", ++people);
    Member subject = enrol(name, Role::member);
    Act act;
    switch (action) {
      case Action::change_role:
        act.set(Tag::user_id, subject.user)
            .set_number(Tag::role, static_cast<std::uint64_t>(Role::guest));
        return ask(signed_act(who, Kind::user_change, act)).error().code();
      case Action::disable_user:
        act.set(Tag::user_id, subject.user).set_number(Tag::state, 1);
        return ask(signed_act(who, Kind::user_change, act)).error().code();
      case Action::revoke_device:
        act.set(Tag::device, subject.keys.id);
        return ask(signed_act(who, Kind::device_revoke, act)).error().code();
      case Action::link_device: {
        const Member further;
        const record::LinkedPair pair{server(), {}, who.keys.id, who.user,
                                      further.keys.signing.public_key(),
                                      further.keys.curve.public_key()};
        const Signature asked = further.keys.signing.sign(record::link_ask_message(pair));
        act.set(Tag::user_id, who.user)
            .set(Tag::device, further.keys.id)
            .set(Tag::sign_pk, pair.sign)
            .set(Tag::curve_pk, pair.curve)
            .set(Tag::enrol_signature, asked)
            .set(Tag::linked_by, who.keys.id)
            .set(Tag::link_signature,
                 who.keys.signing.sign(record::link_message(pair, asked)));
        return ask(signed_act(who, Kind::device_link, act)).error().code();
      }
      case Action::choose_default_rooms: {
        if (!record::may(cell.load()->user(who.user)->role, Action::create_room,
                         RoomKind::public_room, Standing::outsider))
          return {};
        RoomId id;
        randombytes_buf(id.data(), id.size());
        pb::ActNames names;
        names.set_room_name(fmt::format("for all {}", ++rooms));
        act.set(Tag::room, id)
            .set(Tag::user_id, who.user)
            .set_number(Tag::room_kind, 1)
            .set_number(Tag::flags, record::flag_default_room);
        const auto code = ask(signed_act(who, Kind::room_create, act, names)).error().code();
        // Not one more that all who come after are in
        if (code == pb::ERROR_NONE) {
          Act archive;
          server_act(Kind::room_change, archive.set(Tag::room, id).set_number(Tag::state, 1));
        }
        return code;
      }
      default: return {};  // no act of a device does it
    }
  }

  Member boss, other, third;
  Presence presence{1};
  ServerFacts facts;
  std::vector<Outgoing> notices;
  int rooms = 0, people = 0;
};

std::string cell_text(std::string_view least) {
  if (least.size() == 1) return least == "a" ? "yes" : "no";
  const char* const kinds[] = {"public", "private", "direct", "announcement"};
  const std::pair<char, const char*> who[] = {
      {'a', "anybody"}, {'m', "members"}, {'w', "writers"}, {'o', "owners"}};
  std::string out;
  for (const auto& [letter, word] : who) {
    std::string in;
    for (std::size_t i = 0; i < 4; ++i)
      if (least[i] == letter) in += std::string(in.empty() ? "" : ", ") + kinds[i];
    if (in.empty()) continue;
    const bool everywhere = least.find_first_not_of(letter) == least.npos;
    out += (out.empty() ? "" : "; ") + (everywhere ? word : in + ": " + word);
  }
  return out.empty() ? "no" : out;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_rights, Rights)

BOOST_AUTO_TEST_CASE(every_action_in_every_room_is_allowed_or_refused_as_the_table_says) {
  std::size_t tried = 0;
  for (const Role role : kRoles) {
    Member who = enrol(fmt::format("the-{}", record::role_name(role)), role);
    for (const RoomKind kind : kKinds) {
      for (const Standing standing : kStandings) {
        if (kind == RoomKind::direct && standing > Standing::member) continue;
        for (const auto& rule : record::permission_table()) {
          if (rule.action >= record::first_server_action) break;
          if (rule.action == Action::create_room && standing != Standing::outsider) continue;
          const auto code = attempt(rule.action, who, kind, standing);
          if (!code) continue;
          ++tried;
          const std::string where =
              fmt::format("{} as {}, {} in a {} room: {}", record::action_name(rule.action),
                          record::role_name(role), record::standing_name(standing),
                          record::room_kind_name(kind), pb::ErrorCode_Name(*code));
          if (record::may(role, rule.action, kind, standing))
            BOOST_TEST(*code == pb::ERROR_NONE, where);
          else
            BOOST_TEST(is_refusal_of_right(*code), where);
        }
      }
    }
    for (const auto& rule : record::permission_table()) {
      if (rule.action < record::first_server_action) continue;
      const auto code = attempt_at_server(rule.action, who);
      if (!code) continue;
      ++tried;
      const std::string where =
          fmt::format("{} as {}", record::action_name(rule.action), record::role_name(role));
      if (record::may(role, rule.action))
        BOOST_TEST(*code == pb::ERROR_NONE, where);
      else
        BOOST_TEST(*code == pb::NOT_PERMITTED, where);
    }
  }
  BOOST_TEST(tried > 900u);
  LogReader reader(options.database, data->keys().kek);
  const auto fault = verify_log(reader, log->note_key(), server()).fault;
  BOOST_TEST(!fault, "the verifier disagrees: " << (fault ? fault->text : ""));
}

BOOST_AUTO_TEST_CASE(a_room_is_not_made_under_the_id_of_a_user) {
  Act act;
  act.set(Tag::room, RoomId::from(other.user.view()))
      .set(Tag::user_id, third.user)
      .set_number(Tag::room_kind, static_cast<std::uint64_t>(RoomKind::private_room))
      .set_number(Tag::flags, 0);
  pb::ActNames names;
  names.set_room_name("an inbox");
  BOOST_TEST(ask(signed_act(third, Kind::room_create, act, names)).error().code() == pb::CONFLICT);
}

BOOST_AUTO_TEST_CASE(an_auditor_s_reads_are_one_entry_for_each_room_and_hour) {
  Member auditor = enrol("auditor", Role::auditor);
  const RoomId one = make_room(RoomKind::private_room, other, Standing::outsider);
  const RoomId two = make_room(RoomKind::direct, other, Standing::outsider);
  const auto entries_of = [&](const RoomId& room) {
    const std::uint64_t before = log->size();
    BOOST_TEST(append(audited(auditor, room).value()).reads.size() == 1u);
    return log->size() - before;
  };
  now_ms = now_ms / 3'600'000 * 3'600'000;
  BOOST_TEST(entries_of(one) == 1u);
  BOOST_TEST(entries_of(one) == 0u);
  BOOST_TEST(entries_of(two) == 1u);
  now_ms += 3'599'999;
  BOOST_TEST(entries_of(one) == 0u);
  now_ms += 1;
  BOOST_TEST(entries_of(one) == 1u);
  BOOST_TEST(entries_of(two) == 1u);
  // Who is no auditor any more between the worker's look and the log's gets nothing
  auto late = audited(auditor, one).value();
  server_act(Kind::user_change, Act()
                                    .set(Tag::user_id, auditor.user)
                                    .set_number(Tag::role, static_cast<unsigned>(Role::member)));
  const CommitResult refused = append(std::move(late));
  BOOST_TEST(refused.reads.empty());
  BOOST_TEST(reply_of(refused.answers.at(0)).error().code() == pb::NOT_A_MEMBER);
  LogReader reader(options.database, data->keys().kek);
  BOOST_TEST(!verify_log(reader, log->note_key(), server()).fault);
}

BOOST_AUTO_TEST_CASE(an_auditor_who_is_a_member_reads_the_past_as_an_auditor) {
  Member auditor = enrol("auditor", Role::auditor);
  const RoomId open_past = make_room(RoomKind::private_room, auditor, Standing::member);
  BOOST_TEST(!audited(auditor, open_past));
  RoomId id;
  randombytes_buf(id.data(), id.size());
  pb::ActNames names;
  names.set_room_name("closed past");
  server_act(Kind::room_create,
             Act()
                 .set(Tag::room, id)
                 .set(Tag::user_id, other.user)
                 .set_number(Tag::room_kind, static_cast<unsigned>(RoomKind::private_room))
                 .set_number(Tag::flags, 0),
             names);
  written_by(other, id);
  server_act(Kind::member_add, member_act(id, auditor.user, Standing::member));
  const auto read = audited(auditor, id);
  BOOST_REQUIRE(read);
  BOOST_TEST(read->what.from_room_seq == 1u);
}

BOOST_AUTO_TEST_CASE(the_document_holds_the_table) {
  std::string rows;
  for (const auto& rule : record::permission_table()) {
    rows += fmt::format("| {} |", rule.doc);
    for (const auto least : rule.least) rows += " " + cell_text(least) + " |";
    rows += "\n";
  }
  std::ifstream file(TERTULIA_SOURCE_DIR "/docs/permissions.md");
  std::stringstream text;
  text << file.rdbuf();
  BOOST_TEST(text.str().find(rows) != std::string::npos, "docs/permissions.md lacks:\n" << rows);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::broker
