// The server's card: which keys and addresses it has, from welcomes, notices and by hand. Accepted only
// if the pinned identity has signed it; a higher serial takes the place of what is known.
#include <algorithm>
#include <charconv>

#include "client/engine/session.hpp"
#include "common/base/clock.hpp"
#include "common/base/log.hpp"

namespace tertulia::client {

namespace {
// "<name>/<16 hex>/g<generation>" (merkle::log_origin)
std::uint64_t generation_of(const std::string& origin) {
  const auto at = origin.rfind("/g");
  std::uint64_t generation = 0;
  if (at != std::string::npos)
    std::from_chars(origin.data() + at + 2, origin.data() + origin.size(), generation);
  return std::max<std::uint64_t>(1, generation);
}
}  // namespace

Session::CardVerdict Session::take_card(const std::string& note) {
  const auto card = wire::open_card(note, enrolled_.identity, enrolled_.server);
  if (!card) {
    log::error("a card of the server is not signed by its identity key");
    return CardVerdict::foreign;
  }
  // The store may be ahead of this process (another one of this profile has taken a card), and behind
  // it (a commit has failed): a card is compared with the stored one of its own serial, and no other.
  const std::uint64_t stored = store_.fact_number("card_serial");
  if (card->serial < std::max(stored, card_serial_)) {
    log::warning("the server shows an older card ({}, known: {})", card->serial,
                 std::max(stored, card_serial_));
    return CardVerdict::older;
  }
  const std::string known = store_.fact_text("card");
  if (card->serial == stored && known == note && card->serial == card_serial_)
    return CardVerdict::known;
  if (card->serial == stored && !known.empty() && known != note) {
    log::error("the server has signed two different cards of serial {}; nothing is sent to it",
               card->serial);
    if (!two_cards_) store_.set_fact("two_cards", known + "\n" + note);
    two_cards_ = true;
    return CardVerdict::contradicts;
  }
  store_.set_fact("card", note);
  store_.set_number("card_serial", card->serial);
  card_serial_ = card->serial;
  enrolled_.curve = card->curve;
  enrolled_.next = card->next;
  follow_log_key(card->log);
  for (const auto& address : card->addresses) {
    const std::string normal = normalised_address(address);
    if (!normal.empty() && std::find(enrolled_.addresses.begin(), enrolled_.addresses.end(),
                                     normal) == enrolled_.addresses.end())
      enrolled_.addresses.push_back(normal);
  }
  save_enrolled(store_, enrolled_);
  set_targets();
  return CardVerdict::taken;
}

// The same log under another key: what was verified holds. Another log: everything begins anew.
void Session::follow_log_key(const merkle::NoteKey& log) {
  const std::string vkey = merkle::to_vkey(log), before = store_.fact_text("log_key");
  if (vkey == before) return;
  store_.set_fact("log_key", vkey);
  const auto known = merkle::parse_vkey(before);
  if (known && known->name == log.name) return witness_.follow(log);
  generation_ = generation_of(log.name);
  store_.set_number("generation", generation_);
  witness_ = Witness(log, {});
  rolled_back_ = 0;
}

// Both keys, as long as the change of one is planned: nobody knows whose clock is right.
void Session::set_targets() {
  std::vector<CurvePublicKey> servers{enrolled_.curve};
  if (enrolled_.next)
    servers.insert(wall_ms() >= enrolled_.next->not_before_ms ? servers.begin() : servers.end(),
                   enrolled_.next->curve);
  link_.set_servers(std::move(servers));
  link_.set_addresses(addresses_to_try());
}

// What was written with the failed commit is as if it had not come: it is read or taken again. A
// connection counts as a good one only when its welcome is kept; else a full disk would be dialled
// from without a pause.
void Session::store_failed(std::uint64_t now_ms) {
  settles_ = false;
  reread_ = true;
  lost(now_ms, "the local store cannot be written");
}

void Session::read_again() {
  card_serial_ = store_.fact_number("card_serial");
  stored_checkpoint_ = store_.fact_text("checkpoint");
  forked_ = store_.fact("log_forked").has_value();
  two_cards_ = store_.fact("two_cards").has_value();
  people_.load(store_);
  emit_outbox(outbox_.reload(), MessageState::queued);
  // To a window they may come twice; a bot does not act twice, it goes on from what it was told.
  if (options_.follow == Follow::newest_first)
    for (auto& [id, room] : rooms_.all())
      if (const std::uint64_t head = store_.cached_head(generation_, id);
          head < room.timeline.delivered())
        room.timeline.start_at(head);
  reread_ = false;
}

void Session::committed() {
  if (std::exchange(settles_, false)) link_.settled();
}

// tertulia-cli server-card beside a window that cannot connect.
void Session::take_card_of_other_process(std::uint64_t now_ms) {
  if (store_.fact_number("card_serial") <= card_serial_) return;
  if (take_card(store_.fact_text("card")) == CardVerdict::taken && !link_.up())
    reconnect_now(now_ms);
}

CardAnswer Session::give_card(const std::string& note, std::uint64_t now_ms) {
  CardAnswer answer;
  answer.ok = true;
  if (!note.empty()) {
    switch (take_card(note)) {
      case CardVerdict::taken: reconnect_now(now_ms); break;
      case CardVerdict::known: break;
      case CardVerdict::older:
        answer.ok = false;
        answer.reason = "This card is older than the one that this profile knows.";
        break;
      case CardVerdict::foreign:
        answer.ok = false;
        answer.reason = "This is no card, or not one of the server that this profile belongs to.";
        break;
      case CardVerdict::contradicts:
        answer.ok = false;
        answer.reason =
            "This card has the number of the one that this profile knows and says something else. "
            "A "
            "server never signs two: tell whoever is to look into it. Both are kept, and nothing "
            "is "
            "sent.";
        break;
    }
  }
  answer.card = store_.fact_text("card");
  return answer;
}

}  // namespace tertulia::client
