#include "client/engine/fold.hpp"

#include <algorithm>

#include "common/record/submission.hpp"

namespace tertulia::client {

namespace {
void take_back(std::vector<Folded::Reacted>& reactions, const UserId& user) {
  for (auto& reaction : reactions) std::erase(reaction.users, user);
  std::erase_if(reactions, [](const auto& reaction) { return reaction.users.empty(); });
}

void react(std::vector<Folded::Reacted>& reactions, const std::string& emoji, const UserId& user) {
  const auto at = std::find_if(reactions.begin(), reactions.end(),
                               [&](const auto& reaction) { return reaction.emoji == emoji; });
  if (at == reactions.end())
    reactions.push_back({emoji, {user}});
  else if (std::find(at->users.begin(), at->users.end(), user) == at->users.end())
    at->users.push_back(user);
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
      case Kind::reaction:
        if (change.text.empty())
          take_back(out.reactions, change.sender);
        else
          react(out.reactions, change.text, change.sender);
        break;
      default: break;
    }
  }
  if (out.deleted) {
    out.text.clear();
    out.mentions.clear();
    out.reactions.clear();
    out.edited_at_ms = 0;
  }
  return out;
}

}  // namespace tertulia::client
