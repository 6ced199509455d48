// A log on a real disk with what a test needs around it: keys, users, devices, submissions. Its
// answers are decoded. One thread.
#pragma once

#include <boost/test/unit_test.hpp>

#include "broker/identity/identity.hpp"
#include "broker/log/log.hpp"
#include "broker/log/log_reader.hpp"
#include "common/base/uuid7.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/tertulia.pb.h"
#include "tests/unit/scratch_directory.hpp"

namespace tertulia::test {

using namespace tertulia::broker;

struct Member {
  crypto::DeviceKeys keys{crypto::Seed::random()};
  UserId user;
  SubmissionId last;
};

struct LogFixture {
  LogFixture() {
    crypto::crypto_start();
    data = std::make_unique<DataDirectory>(scratch.path() / "data", DataDirectory::Mode::serve);
    options.database = data->database();
    options.server_name = "test";
    options.advertised = {"tcp://127.0.0.1:5570"};
    options.now_ms = [this] { return now_ms; };
    options.key_store = &data->key_store();
    open();
  }

  void open() {
    log.reset();
    log = std::make_unique<Log>(options, data->keys(), cell);
  }

  const ServerId& server() const { return data->keys().id; }

  RoomId general() const {
    for (const auto& [id, room] : cell.load()->rooms)
      if (room->name == "general") return id;
    BOOST_FAIL("there is no room general");
    return {};
  }

  CommitResult append(Append item) {
    std::vector<Append> batch;
    batch.push_back(std::move(item));
    return log->append(std::move(batch));
  }

  static pb::Reply reply_of(const Outgoing& out) {
    const auto frame = wire::decode_command(out.frame);
    BOOST_REQUIRE(frame && frame->type == wire::FrameType::reply);
    pb::Reply reply;
    BOOST_REQUIRE(
        reply.ParseFromArray(frame->content.data(), static_cast<int>(frame->content.size())));
    return reply;
  }
  pb::Reply ask(Append item) {
    const CommitResult result = append(std::move(item));
    // Notices come behind the answers
    BOOST_REQUIRE(!result.answers.empty() && result.answers[0].to == nullptr);
    BOOST_REQUIRE(result.answers.size() == 1 || result.answers[1].to != nullptr);
    return reply_of(result.answers[0]);
  }

  template <class Command>
  InviteResult run(Command command) {
    InviteResult out;
    command.ran.unix_user = "root";
    command.done = [&](InviteResult r) { out = std::move(r); };
    for (const auto& callback : append(std::move(command)).callbacks) callback();
    return out;
  }
  InviteResult try_invite(const std::string& name, std::optional<record::Role> role = {}) {
    InviteCommand command;
    command.people.push_back({name, {}, role, {}});
    return run(std::move(command));
  }
  Invited invite(const std::string& name, std::optional<record::Role> role = {}) {
    const InviteResult result = try_invite(name, role);
    BOOST_REQUIRE_MESSAGE(result.ok(), result.faults[0].sentence);
    return result.invited.at(0);
  }

  EnrolAppend enrol_request(const Invited& invite, const Member& who) const {
    const CurvePublicKey curve = crypto::invite_curve_key(invite.seed).public_key();
    EnrolAppend e;
    e.asker = {{}, random_request_id(), curve};
    e.sign = who.keys.signing.public_key();
    e.curve = who.keys.curve.public_key();
    e.signature = who.keys.signing.sign(
        record::enrol_message(server(), crypto::invite_id(curve), invite.user, e.sign, e.curve));
    return e;
  }

  Member enrol(const std::string& name, std::optional<record::Role> role = {}) {
    const Invited invited = invite(name, role);
    Member who;
    who.user = invited.user;
    const pb::Reply reply = ask(enrol_request(invited, who));
    BOOST_REQUIRE_MESSAGE(reply.has_enrolled(), reply.error().text());
    return who;
  }

  merkle::Checkpoint newest() const {
    const auto opened = merkle::open_checkpoint(*log->checkpoint(), log->note_key());
    BOOST_REQUIRE(opened);
    return *opened;
  }

  // A signed submission as a worker hands it on.
  SubmissionAppend submission(Member& who, const RoomId& room,
                              const std::vector<std::string>& texts,
                              record::Kind kind = record::Kind::text,
                              const record::MessageRef& target = {}) {
    SubmissionAppend a;
    who.last = next_uuid7(who.last, now_ms);
    const merkle::Checkpoint seen = newest();
    a.submission = {server(), who.keys.id, room, who.last, seen.size, seen.root, {}};
    for (const auto& text : texts) {
      pb::Body words;
      words.set_text(text);
      record::Body body;
      randombytes_buf(body.salt.data(), body.salt.size());
      const std::string bytes = words.SerializeAsString();
      body.bytes.assign(bytes.begin(), bytes.end());
      record::MessageHeader header;
      header.kind = kind;
      header.sent_at_ms = now_ms;
      header.target = target;
      header.commitment = record::commitment(body.salt, body.bytes);
      a.submission.messages.push_back(header);
      a.bodies.push_back(std::move(body));
    }
    sign(a, who);
    return a;
  }
  static void sign(SubmissionAppend& a, const Member& who) {
    a.submission_bytes = record::encode(a.submission);
    a.signature = record::sign_submission(who.keys.signing, a.submission_bytes);
    // All under one request: none stands behind another, unless a test says so
    a.asker = {{}, RequestId{}, who.keys.curve.public_key()};
  }

  pb::Ack send(Member& who, const std::vector<std::string>& texts) {
    const pb::Reply reply = ask(submission(who, general(), texts));
    BOOST_REQUIRE_MESSAGE(reply.has_ack(), reply.error().text());
    return reply.ack();
  }

  std::uint64_t now_ms = 1'800'000'000'000;
  ScratchDirectory scratch;
  std::unique_ptr<DataDirectory> data;
  LogOptions options;
  DirectoryCell cell;
  std::unique_ptr<Log> log;
};

}  // namespace tertulia::test
