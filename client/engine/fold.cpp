#include "client/engine/fold.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_map>

#include "common/record/submission.hpp"

namespace tertulia::client {

namespace {
// Those that stand: what each user gave after he last took his back. There may be ten thousand.
std::vector<Folded::Reacted> standing(const std::vector<CachedMessage>& changes) {
  const auto counts = [](const CachedMessage& m) {
    return m.shown && static_cast<record::Kind>(m.kind) == record::Kind::reaction;
  };
  std::unordered_map<UserId, std::uint64_t> taken_back;
  for (const auto& change : changes)
    if (counts(change) && change.text.empty()) taken_back[change.sender] = change.room_seq;
  std::vector<Folded::Reacted> out;
  std::unordered_map<std::string_view, std::size_t> at;
  std::set<std::pair<std::size_t, UserId>> given;
  for (const auto& change : changes) {
    if (!counts(change) || change.text.empty()) continue;
    const auto back = taken_back.find(change.sender);
    if (back != taken_back.end() && change.room_seq < back->second) continue;
    const auto [reaction, is_new] = at.try_emplace(change.text, out.size());
    if (is_new) out.push_back({change.text, {}});
    if (given.emplace(reaction->second, change.sender).second)
      out[reaction->second].users.push_back(change.sender);
  }
  return out;
}
}  // namespace

Folded fold(const CachedMessage& original, std::vector<CachedMessage> changes) {
  using record::Kind;
  std::sort(changes.begin(), changes.end(),
            [](const auto& a, const auto& b) { return a.room_seq < b.room_seq; });
  Folded out;
  out.text = original.text;
  out.mentions = original.mentions;
  for (const auto& change : changes) {
    if (!change.shown) continue;
    switch (static_cast<Kind>(change.kind)) {
      case Kind::edit:
        if (change.sender != original.sender) break;
        out.text = change.text;
        out.mentions = change.mentions;
        out.edited_at_ms = change.logged_at_ms;
        break;
      case Kind::erase:
        if (!out.deleted) out.deleted_by = change.sender;
        out.deleted = true;
        break;
      default: break;
    }
  }
  if (out.deleted) {
    out.text.clear();
    out.mentions.clear();
    out.edited_at_ms = 0;
  } else {
    out.reactions = standing(changes);
  }
  return out;
}

}  // namespace tertulia::client
