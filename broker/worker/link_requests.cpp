#include "broker/worker/link_requests.hpp"

#include "broker/flow/reply.hpp"
#include "common/base/clock.hpp"

namespace tertulia::broker {

namespace {
constexpr std::size_t kNameBytesMax = 256;  // t-log has the finer rules

std::string text_of(ByteView bytes) { return std::string(as_text(bytes)); }

pb::Reply refuse(pb::ErrorCode code, std::string_view text) {
  pb::Reply r;
  *r.mutable_error() = error_of(code, text);
  return r;
}

void notify(const CurvePublicKey& to, const pb::Reply& reply, std::vector<Outgoing>& notices) {
  Outgoing out = reply_frame(Asker{}, reply);
  out.to = std::make_shared<const std::vector<CurvePublicKey>>(1, to);
  notices.push_back(std::move(out));
}

void fill(const LinkAsk& ask, pb::LinkAsk& out) {
  out.set_sign_pk(text_of(ask.sign.view()));
  out.set_curve_pk(text_of(ask.curve.view()));
  out.set_signature(text_of(ask.signature.view()));
  out.set_mac(text_of(ask.mac.view()));
  out.set_device_name(ask.device_name);
}

pb::Reply standing_of(const OpenLink& link, std::uint64_t now_ms) {
  pb::Reply reply;
  auto& out = *reply.mutable_link();
  const std::uint64_t left_ms = link.until_ms > now_ms ? link.until_ms - now_ms : 0;
  out.set_expires_in_ms(static_cast<std::uint32_t>(left_ms));
  if (link.nonce) out.set_nonce(text_of(link.nonce->view()));
  return reply;
}

std::optional<LinkAsk> parse(const pb::LinkAsk& a) {
  const auto sign = SignPublicKey::parse(as_bytes(a.sign_pk()));
  const auto curve = CurvePublicKey::parse(as_bytes(a.curve_pk()));
  const auto signature = Signature::parse(as_bytes(a.signature()));
  const auto mac = record::LinkMac::parse(as_bytes(a.mac()));
  if (!sign || !curve || !signature || !mac || a.device_name().size() > kNameBytesMax)
    return std::nullopt;
  return LinkAsk{*sign, *curve, *signature, *mac, a.device_name()};
}
}  // namespace

pb::Reply answer_link(const Directory& directory, const ServerFacts& facts, const Device& device,
                      const User& user, const pb::Link& link, std::vector<Outgoing>& notices) {
  if (!record::may(user.role, record::Action::link_device))
    return refuse(pb::NOT_PERMITTED, "You may not link a further device of your own.");
  const auto key = CurvePublicKey::parse(as_bytes(link.curve_pk()));
  const auto nonce = record::LinkNonce::parse(as_bytes(link.nonce()));
  if (!key || (!link.nonce().empty() && !nonce))
    return refuse(pb::BAD_REQUEST, "A link has a key of 32 bytes and a nonce of 16.");
  // A key of somebody who is known already would change what that one may ask.
  if (directory.keys.contains(*key))
    return refuse(pb::NOT_ALLOWED, "This key is a device's or an invite's.");
  const std::uint64_t now_ms = monotonic_ms();
  const auto declared = facts.links->declare(*key, device.id, device.curve, link.lifetime_ms(),
                                             nonce, link.ended(), now_ms);
  if (!declared.ok)
    return refuse(pb::TOO_MANY, "Too many links are open on this server; try again later.");
  if (declared.is_news) {
    pb::Reply told;
    told.mutable_notice()->mutable_link()->set_curve_pk(link.curve_pk());
    notify(*key, told, notices);
  }
  pb::Reply reply = standing_of(declared.link, now_ms);
  if (declared.link.ask) fill(*declared.link.ask, *reply.mutable_link()->mutable_ask());
  return reply;
}

pb::Reply answer_link_ask(const Directory& directory, const ServerFacts& facts, const Asker& asker,
                          const pb::LinkAsk& a, std::vector<Outgoing>& notices) {
  const std::uint64_t now_ms = monotonic_ms();
  const auto known = facts.links->find(asker.key, now_ms);
  if (!known) return refuse(pb::NOT_ALLOWED, "Only the key of a link may ask this.");
  const auto ask = parse(a);
  if (!ask)
    return refuse(pb::BAD_REQUEST,
                  "A key, the signature, the MAC or the name does not have its length.");
  const Device* const by = directory.device_of(known->opener);
  if (by == nullptr)
    return refuse(pb::INVITE_REVOKED, "The device that made this link has been revoked.");
  const User& user = *directory.user(by->user);
  const record::LinkedPair pair{facts.server, {}, by->id, by->user, ask->sign, ask->curve};
  if (!crypto::verify(ask->sign, record::link_ask_message(pair), ask->signature))
    return refuse(pb::BAD_SIGNATURE, "The new device's signature is not right.");

  // However the link has ended, and whatever a restart has forgotten: what the log says holds.
  const auto id = crypto::device_id(ask->sign, ask->curve);
  if (const Device* in = directory.device(id);
      in != nullptr && in->live() && in->user == by->user) {
    pb::Reply reply;
    auto& e = *reply.mutable_enrolled();
    e.set_device(text_of(id.view()));
    e.set_user_id(text_of(user.id.view()));
    e.set_user_name(user.name);
    e.set_role(record::role_name(user.role));
    return reply;
  }
  const auto link = facts.links->ask(asker.key, *ask, now_ms);
  if (!link) return refuse(pb::NOT_ALLOWED, "Only the key of a link may ask this.");
  if (link->ask && *link->ask != *ask)
    return refuse(pb::INVITE_USED, "Another device has used this link; make another one.");
  if (link->ended) return refuse(pb::INVITE_REVOKED, "The other device has not let this one in.");
  if (now_ms >= link->until_ms)
    return refuse(pb::INVITE_EXPIRED, "This link has expired; make another one.");
  if (!link->nonce) {  // the other one has not heard of it, or only just now
    pb::Reply told;
    auto& news = *told.mutable_notice()->mutable_link();
    news.set_curve_pk(text_of(asker.key.view()));
    fill(*ask, *news.mutable_ask());
    notify(link->opener, told, notices);
  }
  return standing_of(*link, now_ms);
}

}  // namespace tertulia::broker
