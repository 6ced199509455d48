// The keys of the server that change, and the card that names them. What the record says comes first:
// a card (or the wrapped data key) is committed, then files follow (broker/identity/key_store.hpp);
// the opening of a log finishes what a crash has left between the two.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "broker/log/log_impl.hpp"
#include "common/base/clock.hpp"
#include "common/base/log.hpp"

namespace tertulia::broker {

using record::Act;
using record::Kind;
using record::Tag;
using Stage = KeyStore::Stage;

namespace {
// For those who look at checkpoints now and then, with the key that they know.
constexpr std::uint64_t kBothSignMs = 30ull * 24 * 3600 * 1000;
// What "at once" leaves those who are connected to be told of the next key.
constexpr std::uint64_t kAtOnceMs = 2'000;
constexpr std::uint64_t kPlanMsMax = 366ull * 24 * 3600 * 1000;
// A switch that the full disk has refused is tried again.
constexpr std::uint64_t kSwitchAgainMs = 60'000;

std::string minute(std::uint64_t ms) { return rfc3339_ms(ms).substr(0, 19) + "Z"; }
}  // namespace

// ---- at the opening of a log ----

// Nothing is renamed nor removed before the keys are known to be those of this log.
void Log::Impl::choose_log_key(const wire::Card& newest) {
  const KeyStore* files = options.key_store;
  const bool is_next = keys.log_next && newest.log.key == keys.log_next->public_key();
  if (newest.log.key != keys.log.public_key() && !is_next)
    throw StorageFailure("keys/log.key is not the key that signed this log's checkpoints");
  if (newest.log.key != keys.log.public_key() && keys.log_next &&
      newest.log.key == keys.log_next->public_key()) {
    keys.log_before = std::exchange(keys.log, *std::exchange(keys.log_next, std::nullopt));
    if (files != nullptr) files->take_next("log", true);
  } else if (keys.log_next && files != nullptr) {
    files->drop("log", Stage::next);  // made, and never named
  }
  if (newest.log_before && keys.log_before &&
      newest.log_before->key.key == keys.log_before->public_key() &&
      options.now_ms() < newest.log_before->until_ms) {
    log_before = KeyBefore{*keys.log_before, newest.log_before->until_ms};
  } else if (keys.log_before) {
    end_log_key_before();
  }
}

void Log::Impl::choose_transport_key(const wire::Card& newest) {
  const KeyStore* files = options.key_store;
  if (!keys.transport_next) {
    if (newest.next)
      log::warning("the next transport key, which the card names, is not there: it is called off");
    return;
  }
  const crypto::CurveKey next = *keys.transport_next;
  const bool is_named = newest.next && newest.next->curve == next.public_key();
  if (newest.curve == next.public_key()) {  // a crash came between the card and the renaming
    keys.transport = next;
    keys.transport_next.reset();
    if (files != nullptr) {
      files->take_next("transport", false);
      if (files->is_credential("transport", Stage::in_use) &&
          !files->is_credential("transport", Stage::next))
        log::warning(
            "the transport key in use lies in the file keys/transport.next.key: make it the "
            "credential transport.key, and remove the file");
    }
  } else if (is_named) {
    planned = PlannedKey{next, newest.next->not_before_ms};
    transport_due_ms = newest.next->not_before_ms;
  } else if (files != nullptr) {
    files->drop("transport", Stage::next);  // made, and never named
  }
}

// A card states addresses and keys: when they change there is a new one. And here is where a planned
// key takes its place: nothing is bound yet.
void Log::Impl::renew_card() {
  batch_ms = options.now_ms();
  try {
    if (planned && batch_ms >= planned->not_before_ms) {
      begin();
      save_keys();
      keys.transport = planned->key;
      planned.reset();
      keys.transport_next.reset();
      when_committed.push_back([this] {
        transport_due_ms = 0;
        if (options.key_store != nullptr) options.key_store->take_next("transport", false);
        log::notice("the next transport key has taken its place");
      });
    }
    renew_card_in_transaction();
    if (transaction) commit();
  } catch (const DiskFull&) {
    rollback();
    stop_writing();
    if (planned) {
      transport_due_ms = std::max(planned->not_before_ms, batch_ms + kSwitchAgainMs);
      if (batch_ms >= planned->not_before_ms)
        log::warning("the next transport key takes its place when the disk has space again");
    }
  }
  show_keys();
}

// ---- the card ----

wire::Card Log::Impl::wanted_card() const {
  wire::Card next;
  next.server = keys.id;
  next.identity = keys.identity.public_key();
  next.curve = keys.transport.public_key();
  if (planned) next.next = {planned->key.public_key(), planned->not_before_ms};
  next.log = note_key();
  if (log_before) next.log_before = {{origin, log_before->key.public_key()}, log_before->until_ms};
  next.addresses = advertised;
  return next;
}

bool Log::Impl::renew_card_in_transaction(const RanBy& ran) {
  const std::string& newest = new_card ? new_card->note : *card;
  const auto last = wire::open_card(newest, keys.identity.public_key(), keys.id);
  wire::Card next = wanted_card();
  next.serial = last->serial;
  if (wire::sign_card(next, keys.identity) == newest) return false;
  // That the time of the key before is over is worth no card of its own.
  if (!next.log_before && last->log_before && next.log.key == last->log.key) {
    next.log_before = last->log_before;
    if (wire::sign_card(next, keys.identity) == newest) return false;
    next.log_before.reset();
  }
  const std::string now = std::to_string(batch_ms);
  begin();
  if (next.curve != last->curve) write_meta(*db, "transport_since", as_bytes(now));
  if (next.log.key != last->log.key) write_meta(*db, "log_since", as_bytes(now));
  add_card(std::move(next), ran);
  return true;
}

// One serial above the card's own.
void Log::Impl::add_card(wire::Card next, const RanBy& ran) {
  ++next.serial;
  const std::string note = wire::sign_card(next, keys.identity);
  Act act;
  act.set(Tag::curve_pk, next.curve)
      .set(Tag::card_hash, crypto::sha256(as_bytes(note)))
      .set_number(Tag::card_serial, next.serial)
      .set(Tag::identity_pk, next.identity)
      .set(Tag::log_pk, next.log.key);
  pb::ActNames names;
  names.set_card(note);
  append_act_of(ran, Kind::card, std::move(act), std::move(names));
  write_meta(*db, "card", as_bytes(note));
  new_card = Card{note, next.serial};
}

void Log::Impl::set_card(Card&& next) {
  card_serial = next.serial;
  auto note = std::make_shared<const std::string>(std::move(next.note));
  std::lock_guard lock(mutex);
  card = std::move(note);
}

Outcome Log::Impl::decide(AdvertiseCommand& c) {
  // On a full disk they stay wanted: the next card that can be written names them.
  advertised = std::move(c.addresses);
  renew_card_in_transaction();
  return Done{true, {}};
}

// ---- rotation ----

void Log::Impl::save_keys() {
  if (!saved_keys) saved_keys = SavedKeys{keys, planned, log_before, stored_keys, data_key, reseal};
}

bool Log::Impl::is_in_use(const crypto::Seed& key) const {
  return crypto::CurveKey(key).public_key() == keys.transport.public_key() ||
         crypto::SigningKey(key).public_key() == keys.log.public_key() ||
         std::equal(key.view().begin(), key.view().end(), keys.kek.view().begin());
}

// On disk before the record names it. Where that fails nothing has changed, and one that was made and
// not named is gone with the next start.
Result<crypto::Seed, std::string> Log::Impl::make_next(const char* name) const {
  if (stopped) throw DiskFull("no key is made on a full disk");
  try {
    auto made = options.key_store->make_next(name);
    // A credential that has become the key in use keeps its name until it is given another one.
    if (made && is_in_use(*made))
      return tl::unexpected<std::string>(
          fmt::format("The credential {0}.next.key is the key in use already: name it {0}.key, and "
                      "make another one.",
                      name));
    return made;
  } catch (const std::exception& e) {
    return tl::unexpected<std::string>(fmt::format("The next key cannot be kept: {}.", e.what()));
  }
}

Outcome Log::Impl::decide(RotateKeyCommand& c) {
  if (options.key_store == nullptr) return Done{false, "This log's keys are kept elsewhere."};
  if (saved_keys) return Done{false, "Keys are being changed already; say it again."};
  switch (c.which) {
    case RotateKeyCommand::Which::transport: return rotate_transport(c);
    case RotateKeyCommand::Which::log: return rotate_log(c);
    case RotateKeyCommand::Which::at_rest: return rotate_at_rest(c);
  }
  return Done{false, "There is no such key."};
}

// One that is planned already stays, with the new date.
Outcome Log::Impl::rotate_transport(const RotateKeyCommand& c) {
  const std::uint64_t at_ms = c.at_ms == 0 ? batch_ms + kAtOnceMs : c.at_ms;
  if (c.at_ms != 0 && (at_ms <= batch_ms || at_ms > batch_ms + kPlanMsMax))
    return Done{false, "The next key takes its place within a year, and not in the past."};
  std::optional<crypto::CurveKey> next;
  if (planned) {
    next = planned->key;
  } else {
    const auto made = make_next("transport");
    if (!made) return Done{false, made.error()};
    next.emplace(*made);
  }
  begin();
  save_keys();
  planned = PlannedKey{*next, at_ms};
  renew_card_in_transaction(c.ran);
  when_committed.push_back([this, at_ms] { transport_due_ms = at_ms; });
  const auto open_invites = std::count_if(
      derived->now().invites.begin(), derived->now().invites.end(), [&](const auto& item) {
        const Invite& invite = *item.second;
        return !invite.revoked && invite.used_by.is_zero() && invite.expires_ms > at_ms;
      });
  std::string text = fmt::format("The next transport key takes its place at {}.", minute(at_ms));
  if (open_invites > 0)
    text += fmt::format(" {} open invite{} not good after it: make new ones then.", open_invites,
                        open_invites == 1 ? " is" : "s are");
  return Done{true, std::move(text)};
}

Outcome Log::Impl::rotate_log(const RotateKeyCommand& c) {
  const auto made = make_next("log");
  if (!made) return Done{false, made.error()};
  begin();
  save_keys();
  log_before = KeyBefore{keys.log, batch_ms + kBothSignMs};
  keys.log = crypto::SigningKey(*made);
  keys.log_next.reset();
  renew_card_in_transaction(c.ran);
  when_committed.push_back([this] { options.key_store->take_next("log", true); });
  return Done{true,
              fmt::format("The log has a new key: {}. The one before signs beside it until {}.",
                          merkle::to_vkey(note_key()), minute(log_before->until_ms))};
}

void Log::Impl::end_log_key_before() {
  log_before.reset();
  keys.log_before.reset();
  if (options.key_store != nullptr) options.key_store->drop("log", Stage::before);
}

// ---- what is shown ----

std::uint64_t Log::Impl::since(const char* name) {
  const auto stored = read_meta(*db, fmt::format("{}_since", name));
  const std::string_view text = stored ? as_text(*stored) : std::string_view();
  std::uint64_t ms = 0;
  std::from_chars(text.data(), text.data() + text.size(), ms);
  // One that was never changed is as old as the record.
  return ms != 0 ? ms : store->leaf(0).logged_at_ms;
}

void Log::Impl::show_keys() {
  auto list = std::make_shared<std::vector<KeyEntry>>();
  const KeyStore* files = options.key_store;
  const auto add = [&](const char* name, Stage stage, std::string public_part, KeyEntry entry) {
    entry.name = name;
    entry.state = stage == Stage::in_use ? "in use" : stage == Stage::next ? "next" : "before";
    entry.public_part = std::move(public_part);
    if (files != nullptr) {
      entry.kept = files->is_credential(name, stage) ? "credential" : "file";
      entry.place = files->place(name, stage).string();
    }
    list->push_back(std::move(entry));
  };
  const auto from = [](std::uint64_t ms) {
    KeyEntry entry;
    entry.since_ms = ms;
    return entry;
  };
  const auto until = [](std::uint64_t ms) {
    KeyEntry entry;
    entry.until_ms = ms;
    return entry;
  };
  add("identity", Stage::in_use, crypto::fingerprint(keys.identity.public_key()),
      from(store->leaf(0).logged_at_ms));
  add("transport", Stage::in_use, to_hex(keys.transport.public_key().view()),
      from(since("transport")));
  if (planned)
    add("transport", Stage::next, to_hex(planned->key.public_key().view()),
        until(planned->not_before_ms));
  add("log", Stage::in_use, merkle::to_vkey(note_key()), from(since("log")));
  if (log_before)
    add("log", Stage::before, merkle::to_vkey({origin, log_before->key.public_key()}),
        until(log_before->until_ms));
  add("kek", Stage::in_use, {}, from(since("kek")));
  list->push_back(data_key_entry());
  std::lock_guard lock(mutex);
  shown_log_key = note_key();
  shown_keys = std::move(list);
}

}  // namespace tertulia::broker
