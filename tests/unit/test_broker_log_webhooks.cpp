// Webhooks in the record: a bot's device whose key the server keeps, and a post that comes again.
#include "broker/log/sqlite.hpp"
#include "broker/log/verify_log.hpp"
#include "tests/unit/log_fixture.hpp"

namespace tertulia::broker {

using record::Act;
using record::Kind;
using record::Role;
using record::Tag;

namespace {

struct Hooks : test::LogFixture {
  WebhookResult create(const std::string& name, const std::vector<RoomId>& rooms) {
    WebhookResult out;
    WebhookCommand command;
    command.user_name = name;
    command.rooms = rooms;
    command.ran.unix_user = "root";
    command.done = [&](WebhookResult r) { out = std::move(r); };
    for (const auto& callback : append(std::move(command)).callbacks) callback();
    return out;
  }
  // As t-webhooks makes it.
  SubmissionAppend post(const Webhook& webhook, const std::string& text, const std::string& key) {
    test::Member bot{webhook.keys, webhook.user, last};
    SubmissionAppend a = submission(bot, general(), {text});
    last = bot.last;
    a.posted = std::make_shared<Posted>();
    if (!key.empty()) a.posted->key = crypto::sha256(as_bytes(key));
    return a;
  }
  PostResult result_of(SubmissionAppend&& a) {
    PostResult out;
    a.posted->done = [&](PostResult r) { out = std::move(r); };
    const CommitResult done = append(std::move(a));
    // Notices of new keys at most
    for (const Outgoing& told : done.answers) BOOST_TEST((told.to != nullptr));
    for (const auto& callback : done.callbacks) callback();
    return out;
  }
  std::string change(Kind kind, Act act) {
    std::string out = "no answer";
    ActCommand command{kind, std::move(act), {}, {0, "root"},
                       [&](bool, std::string why) { out = why; }};
    for (const auto& callback : append(std::move(command)).callbacks) callback();
    return out;
  }
  const Webhook& of(const DeviceId& device) const { return *cell.load()->webhooks.at(device); }
  std::string verified() {
    LogReader reader(options.database, data->keys().kek);
    const auto found = verify_log(reader, log->note_key(), server(), {});
    return found.fault ? found.fault->kind + ": " + found.fault->text : "";
  }
  std::string in_database(const char* sql) const {
    Database db(options.database, Database::Access::read, {});
    return db.pragma(sql);
  }
  SubmissionId last;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_log_webhooks, Hooks)

BOOST_AUTO_TEST_CASE(a_webhook_is_a_bot_with_a_device_that_says_whose_its_key_is) {
  const WebhookResult made = create("alarm", {general()});
  BOOST_REQUIRE_MESSAGE(made.ok, made.error);
  const auto directory = cell.load();
  const Device& device = *directory->device(made.device);
  BOOST_TEST(device.held_by_server);
  BOOST_TEST(!device.by_administrator);
  BOOST_TEST((directory->user(device.user)->role == Role::bot));
  BOOST_TEST(directory->is_member(general(), device.user));
  BOOST_TEST((of(made.device).token == webhook_token(made.token.view())));
  BOOST_TEST(verified() == "");
  // A bot that has a device of its own gets a marked one besides
  enrol("helper", Role::bot);
  const WebhookResult second = create("helper", {});
  BOOST_REQUIRE_MESSAGE(second.ok, second.error);
  BOOST_TEST(cell.load()->device(second.device)->by_administrator);
  BOOST_TEST(verified() == "");
}

BOOST_AUTO_TEST_CASE(what_makes_no_webhook_is_said) {
  enrol("ana");
  const auto says = [&](const WebhookResult& r, const char* words) {
    BOOST_TEST(!r.ok);
    BOOST_TEST(r.error.find(words) != std::string::npos, r.error);
  };
  const std::uint64_t size = log->size();
  says(create("ana", {general()}), "account");
  says(create("alarm", {}), "name one");
  says(create("alarm", {RoomId{}}), "not archived");
  says(create("Alarm!", {general()}), "");
  BOOST_TEST(log->size() == size);
  BOOST_REQUIRE(create("alarm", {general()}).ok);
  says(create("alarm", {general()}), "already");
  options.limits.webhooks_max = 1;
  open();
  says(create("siren", {general()}), "webhooks_max");
}

BOOST_AUTO_TEST_CASE(its_seed_is_sealed_in_the_database_and_its_token_is_not_there) {
  const WebhookResult made = create("alarm", {general()});
  BOOST_REQUIRE(made.ok);
  const SignPublicKey key = of(made.device).keys.signing.public_key();
  open();
  BOOST_TEST((of(made.device).keys.signing.public_key() == key));
  BOOST_TEST(in_database("SELECT length(seed) FROM webhooks") == "72");
  const std::string token = to_hex(made.token.view());
  BOOST_TEST(in_database("SELECT lower(hex(token)) FROM webhooks") != token);
}

BOOST_AUTO_TEST_CASE(a_post_with_its_key_again_is_answered_as_the_first_time) {
  const WebhookResult made = create("alarm", {general()});
  const Webhook webhook = of(made.device);
  const PostResult first = result_of(post(webhook, "fire", "k1"));
  BOOST_REQUIRE_MESSAGE(first.refused == pb::ERROR_NONE, first.text);
  BOOST_TEST(!first.again);
  open();  // a restart is in between
  const PostResult again = result_of(post(webhook, "fire", "k1"));
  BOOST_TEST(again.again);
  BOOST_TEST(again.seq == first.seq);
  BOOST_TEST(again.room_seq == first.room_seq);
  BOOST_TEST((again.id == first.id));
  BOOST_TEST((result_of(post(webhook, "water", "k1")).refused == pb::CONFLICT));
  BOOST_TEST(result_of(post(webhook, "fire", "k2")).room_seq == first.room_seq + 1);
  BOOST_TEST(result_of(post(webhook, "fire", "")).room_seq == first.room_seq + 2);
  BOOST_TEST(verified() == "");
}

BOOST_AUTO_TEST_CASE(a_post_twice_in_one_batch_is_one_message) {
  const WebhookResult made = create("alarm", {general()});
  const Webhook webhook = of(made.device);
  std::vector<PostResult> results;
  std::vector<Append> batch;
  for (int i = 0; i < 2; ++i) {
    SubmissionAppend a = post(webhook, "fire", "k");
    a.posted->done = [&](PostResult r) { results.push_back(std::move(r)); };
    batch.emplace_back(std::move(a));
  }
  for (const auto& callback : log->append(std::move(batch)).callbacks) callback();
  BOOST_REQUIRE(results.size() == 2u);
  BOOST_TEST(results[0].seq == results[1].seq);
  BOOST_TEST(results[1].again);
}

BOOST_AUTO_TEST_CASE(keys_are_forgotten_a_day_later_with_the_next_ones) {
  const WebhookResult made = create("alarm", {general()});
  const Webhook webhook = of(made.device);
  for (int i = 0; i < 3; ++i) result_of(post(webhook, "fire", "k" + std::to_string(i)));
  now_ms += 24ull * 3600 * 1000 + 1;
  result_of(post(webhook, "fire", "k9"));
  BOOST_TEST(in_database("SELECT count(*) FROM webhook_keys") == "1");
}

BOOST_AUTO_TEST_CASE(it_writes_and_does_nothing_else_and_its_bot_stays_a_bot) {
  const WebhookResult made = create("alarm", {general()});
  const Webhook webhook = of(made.device);
  Act role;
  role.set(Tag::user_id, webhook.user)
      .set_number(Tag::role, static_cast<std::uint64_t>(Role::admin));
  BOOST_TEST(change(Kind::user_change, role).find("stays a bot") != std::string::npos);
  // An act that its device signs
  Act leave;
  leave.set(Tag::user_id, webhook.user).set(Tag::room, general());
  test::Member bot{webhook.keys, webhook.user, {}};
  SubmissionAppend a = submission(bot, RoomId{}, {""});
  a.act = record::encode(leave);
  a.submission.messages[0].kind = Kind::member_remove;
  a.submission.messages[0].act_hash = crypto::sha256(a.act);
  sign(a, bot);
  BOOST_TEST((ask(std::move(a)).error().code() == pb::NOT_PERMITTED));
}

BOOST_AUTO_TEST_CASE(a_revoked_one_leaves_neither_seed_nor_token) {
  const WebhookResult made = create("alarm", {general()});
  const Webhook webhook = of(made.device);
  BOOST_TEST(change(Kind::device_revoke, Act().set(Tag::device, made.device)) == "");
  BOOST_TEST(cell.load()->webhooks.empty());
  BOOST_TEST(in_database("SELECT count(*) FROM webhooks") == "0");
  BOOST_TEST((result_of(post(webhook, "fire", "k")).refused == pb::NOT_ALLOWED));
  // The name may have another one, and may be something else in between
  Act role;
  role.set(Tag::user_id, webhook.user).set_number(Tag::role, static_cast<std::uint64_t>(Role::bot));
  BOOST_TEST(create("alarm", {}).ok);
  open();
  BOOST_TEST(cell.load()->webhooks.size() == 1u);
  BOOST_TEST(verified() == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::broker
