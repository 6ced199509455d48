// Webhooks: bots whose messages come over HTTP and are signed here, by devices whose seeds the server
// keeps. The record says so of each such device, and lets it write messages and sign no acts.
#include <fmt/format.h>

#include <algorithm>

#include "broker/log/log_impl.hpp"

namespace tertulia::broker {

using record::Act;
using record::Kind;
using record::Tag;

namespace {

// A key is remembered for a day, unless so many have come after it.
constexpr std::uint64_t kKeyLifeMs = 24ull * 3600 * 1000;
constexpr std::uint64_t kKeysMax = 100'000;
// The invite of a webhook's device is used in the same transaction.
constexpr std::uint64_t kInviteLifeMs = 60'000;

std::optional<Refused> refuse(pb::ErrorCode code, std::string text) {
  return Refused{code, std::move(text)};
}

}  // namespace

// ---- the tables ----

void Derived::load_webhooks(const DataKeys& sealing) {
  Statement rows = db_.prepare("SELECT device_id, seed, token, made_ms FROM webhooks");
  while (rows.next()) {
    const auto id = rows.id<DeviceId>(0);
    const Device* const device = draft().device(id);
    const auto seed = sealing.open_seed(id, rows.blob(1));
    if (device == nullptr || !seed)
      throw StorageFailure(fmt::format(
          "the database is damaged: the webhook of device {} has no device, or its seed "
          "does not open",
          to_hex(id.view())));
    draft().webhooks[id] = std::make_shared<const Webhook>(
        Webhook{device->user, id, rows.id<Hash>(2), rows.number(3), crypto::DeviceKeys(*seed)});
  }
}

void Derived::add_webhook(const Webhook& webhook, const crypto::Seed& seed,
                          const DataKeys& sealing) {
  const Bytes sealed = sealing.seal_seed(webhook.device, seed);
  db_.prepare("INSERT INTO webhooks(device_id, seed, token, made_ms) VALUES(?, ?, ?, ?)")
      .bind(1, webhook.device)
      .bind(2, ByteView(sealed))
      .bind(3, webhook.token)
      .bind(4, webhook.made_ms)
      .run();
  draft().webhooks[webhook.device] = std::make_shared<const Webhook>(webhook);
}

// Few, and at once: no seed is left under a key that is to go.
void Derived::reseal_webhooks(const DataKeys& from, const DataKeys& to) {
  std::vector<std::pair<DeviceId, Bytes>> again;
  Statement rows = db_.prepare("SELECT device_id, seed FROM webhooks");
  while (rows.next()) {
    const auto id = rows.id<DeviceId>(0);
    const auto seed = from.open_seed(id, rows.blob(1));
    if (!seed)
      throw StorageFailure(fmt::format(
          "the database is damaged: the seed of webhook {} does not open", to_hex(id.view())));
    again.emplace_back(id, to.seal_seed(id, *seed));
  }
  Statement write = db_.prepare("UPDATE webhooks SET seed=? WHERE device_id=?");
  for (const auto& [id, sealed] : again) write.bind(1, sealed).bind(2, id).run();
}

void Derived::remove_webhook(const DeviceId& device) {
  draft().webhooks.erase(device);
  db_.prepare("DELETE FROM webhooks WHERE device_id=?").bind(1, device).run();
}

// ---- making one ----

std::optional<Refused> Log::Impl::webhook_fault(const WebhookCommand& c, const User* bot) const {
  const Directory& directory = derived->now();
  if (directory.webhooks.size() >= options.limits.webhooks_max)
    return refuse(pb::TOO_MANY, fmt::format("There are {} webhooks, which is the most that this "
                                            "server allows ([limits] webhooks_max).",
                                            directory.webhooks.size()));
  if (bot == nullptr) {
    if (auto taken = user_name_taken(directory, c.user_name, {})) return taken;
  } else if (bot->role != record::Role::bot || bot->disabled) {
    return refuse(pb::CONFLICT,
                  fmt::format("{} is {}; a webhook needs a name of its own, or a bot's.", bot->name,
                              bot->disabled ? "disabled" : "a person's account"));
  } else if (directory.webhook_of(bot->id) != nullptr) {
    return refuse(pb::CONFLICT,
                  fmt::format("{} has a webhook already. Its token is kept nowhere: revoke it and "
                              "make another one.",
                              bot->name));
  }
  for (const RoomId& id : c.rooms) {
    const Room* room = directory.room(id);
    if (room == nullptr || room->archived || room->kind == record::RoomKind::direct)
      return refuse(pb::ROOM_UNKNOWN,
                    "A webhook writes to rooms that are not archived, and to none "
                    "that belongs to certain people.");
    if (room->members.size() >= options.limits.room_members_max)
      return refuse(pb::TOO_MANY, fmt::format("The room {} has {} members, which is the most that "
                                              "this server allows.",
                                              room->name, room->members.size()));
  }
  const std::size_t in = bot == nullptr ? 0 : directory.rooms_count(bot->id);
  if (in + c.rooms.size() > options.limits.rooms_per_user_max)
    return refuse(pb::TOO_MANY, "That would be more rooms than a user may be in.");
  if (in + c.rooms.size() == 0)
    return refuse(pb::BAD_REQUEST, "A webhook writes to a room: name one.");
  return std::nullopt;
}

Outcome Log::Impl::decide(WebhookCommand& c) {
  const auto found = derived->now().users_by_name.find(c.user_name);
  const bool is_new = found == derived->now().users_by_name.end();
  WebhookResult out;
  if (auto fault = webhook_fault(c, is_new ? nullptr : derived->now().user(found->second))) {
    out.error = std::move(fault->text);
    return out;
  }
  UserId bot = is_new ? UserId{} : found->second;
  const RanBy ran{c.ran};
  if (is_new) {
    randombytes_buf(bot.data(), bot.size());
    pb::ActNames names;
    names.set_user_name(c.user_name);
    Act add;
    add.set(Tag::user_id, bot)
        .set_number(Tag::role, static_cast<std::uint64_t>(record::Role::bot));
    append_act_of(ran, Kind::user_add, std::move(add), std::move(names));
  }
  for (const RoomId& id : c.rooms) {
    const Room* room = derived->now().room(id);
    if (room->members.contains(bot)) continue;
    const bool few_write = room->kind == record::RoomKind::announcement;
    append_member(bot, id, ran,
                  few_write ? std::optional(record::Standing::writer) : std::nullopt);
  }
  enrol_webhook(bot, ran, out);
  return out;
}

// As a person's device comes in, with an invite that nobody but this function has seen.
void Log::Impl::enrol_webhook(const UserId& bot, const RanBy& ran, WebhookResult& out) {
  Act open;
  open.set(Tag::user_id, bot).set_number(Tag::uses, 1);
  const crypto::Seed by = open_invite(std::move(open), kInviteLifeMs, ran, {}).seed;
  const InviteId invite = crypto::invite_id(crypto::invite_curve_key(by).public_key());

  const crypto::Seed seed = crypto::Seed::random();
  out.token = crypto::Seed::random();
  const Webhook webhook{bot, crypto::DeviceKeys(seed).id, webhook_token(out.token.view()), last_ms,
                        crypto::DeviceKeys(seed)};
  const SignPublicKey& sign = webhook.keys.signing.public_key();
  const CurvePublicKey& own = webhook.keys.curve.public_key();
  const bool further = had_device(derived->now(), bot);
  Act enrol;
  enrol.set(Tag::user_id, bot)
      .set(Tag::invite_id, invite)
      .set(Tag::device, webhook.device)
      .set(Tag::sign_pk, sign)
      .set(Tag::curve_pk, own)
      .set(Tag::enrol_signature,
           webhook.keys.signing.sign(record::enrol_message(keys.id, invite, bot, sign, own)))
      .set_number(Tag::flags, static_cast<std::uint64_t>(record::flag_held_by_server) |
                                  (further ? record::flag_by_administrator : 0));
  pb::ActNames names;
  names.set_device_name("webhook");
  append_act(Kind::device_enrol, enrol, names);
  derived->add_webhook(webhook, seed, *sealing);
  out.device = webhook.device;
  out.ok = true;
}

// ---- the same post again ----

std::optional<Outcome> Log::Impl::posted_before(SubmissionAppend& a, const DeviceSlot& slot) {
  if (!a.posted || !a.posted->key) return std::nullopt;
  Statement find = db->prepare("SELECT id FROM webhook_keys WHERE device_no=? AND key=?");
  if (!find.bind(1, slot.number).bind(2, *a.posted->key).next()) return std::nullopt;
  const auto id = find.id<SubmissionId>(0);
  find.reset();
  const auto seq = store->find_submission(slot.number, id);
  if (!seq) throw StorageFailure("the record is not whole: what a webhook has posted is missing");
  const record::Leaf leaf = store->leaf(*seq);
  std::vector<record::Body> bodies;
  const bool whole = ring->all()->at(store->data_key(*seq))->open_bodies(*seq, store->bodies(*seq), bodies);
  // What was erased meanwhile cannot be compared, and is not written anew either.
  const bool there = whole && bodies.size() == 1 && bodies[0].state == record::BodyState::present;
  if (leaf.submission.room != a.submission.room || (there && bodies[0].bytes != a.bodies[0].bytes))
    return Refused{pb::CONFLICT, "This Idempotency-Key was used for another message."};
  a.posted->known = id;
  return Acked{*seq, leaf.first_room_seq, leaf.logged_at_ms, {}};
}

void Log::Impl::remember_key(const SubmissionAppend& a, const DeviceSlot& slot) {
  if (!a.posted || !a.posted->key) return;
  db->prepare("INSERT INTO webhook_keys(device_no, key, id, at_ms) VALUES(?, ?, ?, ?)")
      .bind(1, slot.number)
      .bind(2, *a.posted->key)
      .bind(3, a.submission.id)
      .bind(4, last_ms)
      .run();
  // A few with each: the table shrinks as fast as it grows.
  const auto newest = static_cast<std::uint64_t>(sqlite3_last_insert_rowid(db->raw()));
  db->prepare(
        "DELETE FROM webhook_keys WHERE number IN "
        "(SELECT number FROM webhook_keys ORDER BY number LIMIT 4) AND (at_ms < ? OR number <= ?)")
      .bind(1, last_ms - std::min(last_ms, kKeyLifeMs))
      .bind(2, newest - std::min(newest, kKeysMax))
      .run();
}

}  // namespace tertulia::broker
