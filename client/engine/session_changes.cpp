// What edits, deletes, reactions and references make of the messages that are told of.
#include <algorithm>

#include "client/engine/fold.hpp"
#include "client/engine/session.hpp"
#include "common/base/clock.hpp"
#include "common/record/submission.hpp"

namespace tertulia::client {

namespace {
constexpr std::uint64_t kFoldSliceMs = 20;
constexpr std::uint64_t kFoldRest = 4;  // times as long as folding took
}

// Into the cache, but for words that were deleted: the delete may have come before what it deletes,
// by another page. Behind a broadcast nothing is known, so nothing is asked.
void Session::keep(RoomState& room, CachedMessage& m, bool live) {
  const auto kind = static_cast<record::Kind>(m.kind);
  const bool edit = kind == record::Kind::edit;
  const bool ask = edit || !live || m.room_seq < room.newest_change;
  if (!is_change(m.kind) || edit) {
    if (ask && store_.is_deleted(generation_, m.room, edit ? *m.target : m.id)) {
      m.text.clear();
      m.mentions.clear();
    }
  }
  store_.put(generation_, m);
  if (!m.shown || !is_change(m.kind)) return;
  room.newest_change = std::max(room.newest_change, m.room_seq);
  if (kind == record::Kind::erase) store_.wipe(generation_, m.room, *m.target);
}

std::string Session::name_of(const UserId& user) const {
  if (const StoredPerson* person = people_.person(user)) return person->name;
  return user == enrolled_.account.user_id ? enrolled_.account.user_name : std::string();
}

void Session::add_mentions(Message& m, const std::vector<UserId>& users) const {
  m.mentions.clear();
  m.mentions_me = false;
  for (const auto& user : users) {
    m.mentions.push_back({user, user.is_zero() ? "room" : name_of(user)});
    m.mentions_me =
        m.mentions_me || (!m.own && (user.is_zero() || user == enrolled_.account.user_id));
  }
}

void Session::apply_changes(Message& m, bool reactions) const {
  if (is_change(m.kind)) return;
  auto changes = store_.words_of(generation_, m.room, m.id, m.sender);
  if (reactions) {
    auto more = store_.reactions_of(generation_, m.room, m.id);
    std::move(more.begin(), more.end(), std::back_inserter(changes));
  }
  if (changes.empty()) return;
  CachedMessage original;
  original.sender = m.sender;
  original.text = m.text;
  for (const auto& mention : m.mentions) original.mentions.push_back(mention.user);
  const Folded folded = fold(original, changes);
  m.text = folded.text;
  m.edited_at_ms = folded.edited_at_ms;
  m.deleted = folded.deleted;
  m.deleted_by = folded.deleted ? name_of(folded.deleted_by) : std::string();
  add_mentions(m, folded.mentions);
  m.reactions.clear();
  for (const auto& reaction : folded.reactions) {
    Reaction shown{reaction.emoji, reaction.users, {}, false};
    for (const auto& user : reaction.users) {
      shown.user_names.push_back(name_of(user));
      shown.own = shown.own || user == enrolled_.account.user_id;
    }
    m.reactions.push_back(std::move(shown));
  }
}

void Session::add_quote(Message& m) const {
  const auto& id = m.target ? m.target : m.reply_to;
  if (!id) return;
  const auto cached = store_.cached(generation_, m.room, *id);
  if (!cached || !cached->shown || is_change(cached->kind)) return;
  Message quoted = message_of(*cached);
  apply_changes(quoted, false);
  m.quote = Quote{quoted.room_seq,       quoted.sender,          quoted.sender_name,
                  quoted.sender_display, std::move(quoted.text), quoted.deleted};
}

Message Session::page_message(const CachedMessage& cached, PageContent content) const {
  Message m = message_of(cached);
  if (content == PageContent::folded)
    apply_changes(m, true);
  else if (!is_change(m.kind) || m.kind == static_cast<std::uint8_t>(record::Kind::edit))
    m.deleted = store_.is_deleted(generation_, m.room, m.target.value_or(m.id));
  add_quote(m);
  return m;
}

// Once a turn, whatever its frames changed. A message of ten thousand reactions takes milliseconds to
// fold: whoever reacts to it again and again has a fifth of this thread at most.
void Session::tell_changed(std::uint64_t now_ms) {
  if (changed_.empty() || now_ms < changed_from_ms_) return;
  const std::uint64_t begun_ms = monotonic_ms();
  while (!changed_.empty()) {
    const auto [room, id] = *changed_.begin();
    const auto cached = store_.cached(generation_, room, id);
    if (cached && cached->shown && !is_change(cached->kind))
      events_.push_back(MessageChanged{page_message(*cached, PageContent::folded)});
    changed_.erase(changed_.begin());
    if (monotonic_ms() >= begun_ms + kFoldSliceMs) break;
  }
  const std::uint64_t ended_ms = monotonic_ms();
  changed_from_ms_ = ended_ms + kFoldRest * (ended_ms - begun_ms);
}

}  // namespace tertulia::client
