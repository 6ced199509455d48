#include "broker/links/link_table.hpp"

#include <algorithm>

namespace tertulia::broker {

namespace {
bool is_forgotten(const OpenLink& link, std::uint64_t now_ms) {
  return now_ms >= link.until_ms + link_remembered_ms;
}
}  // namespace

void LinkTable::sweep(std::uint64_t now_ms) {
  std::erase_if(links_, [&](const auto& item) {
    if (!is_forgotten(item.second, now_ms)) return false;
    of_device_.erase(item.second.device);
    is_forgotten_ = true;
    return true;
  });
}

LinkTable::Declared LinkTable::declare(const CurvePublicKey& link, const DeviceId& device,
                                       const CurvePublicKey& opener, std::uint64_t lifetime_ms,
                                       const std::optional<record::LinkNonce>& nonce, bool ended,
                                       std::uint64_t now_ms) {
  const std::lock_guard lock(mutex_);
  Declared out;
  auto at = links_.find(link);
  if (at != links_.end() && at->second.device != device) return out;
  const std::uint64_t until_ms = now_ms + std::min(lifetime_ms, link_lifetime_ms_max);
  if (at == links_.end()) {
    if (const auto former = of_device_.find(device); former != of_device_.end()) {
      links_.erase(former->second);
      of_device_.erase(former);
      is_forgotten_ = true;
    }
    if (links_.size() >= maximum_) sweep(now_ms);
    if (links_.size() >= maximum_) return out;
    at = links_.emplace(link, OpenLink{link, device, opener, until_ms, false, {}, {}}).first;
    of_device_[device] = link;
  }
  OpenLink& held = at->second;
  held.until_ms = std::min(held.until_ms, until_ms);
  if (nonce && !held.nonce && held.ask) {
    held.nonce = nonce;
    out.is_news = true;
  }
  if (ended && !held.ended) held.ended = out.is_news = true;
  out.ok = true;
  out.link = held;
  return out;
}

std::optional<OpenLink> LinkTable::ask(const CurvePublicKey& link, const LinkAsk& ask,
                                       std::uint64_t now_ms) {
  const std::lock_guard lock(mutex_);
  const auto at = links_.find(link);
  if (at == links_.end() || is_forgotten(at->second, now_ms)) return std::nullopt;
  OpenLink& held = at->second;
  if (!held.ask && !held.ended && now_ms < held.until_ms) held.ask = ask;
  return held;
}

std::optional<OpenLink> LinkTable::find(const CurvePublicKey& link, std::uint64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  const auto at = links_.find(link);
  if (at == links_.end() || is_forgotten(at->second, now_ms)) return std::nullopt;
  return at->second;
}

}  // namespace tertulia::broker
