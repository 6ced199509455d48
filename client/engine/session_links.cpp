// Letting a further device of this user in: the link is declared to the server, which only carries what
// the two devices say to each other; what the other one says is checked here, its user confirms, and
// this device signs the act. docs/protocol.md, "Linking a device".
#include "client/engine/session.hpp"
#include "common/base/clock.hpp"
#include "common/base/log.hpp"

namespace tertulia::client {

namespace {
constexpr std::uint64_t kLinkMs = 10 * 60'000;
constexpr std::uint64_t kLinkPauseMs = 500;
constexpr std::uint64_t kEndedMsMax = 1'000;
constexpr std::size_t kLinkAddressesMax = 16;

std::string text_of(ByteView bytes) { return std::string(as_text(bytes)); }
}  // namespace

void Session::link_device(const std::string& device_name, std::uint64_t token,
                          std::uint64_t now_ms) {
  if (hosted_) end_link(false, "Another link was made in place of this one.", now_ms);
  hosted_.emplace();
  hosted_->number = ++links_made_;
  hosted_->token = token;
  hosted_->device_name = device_name;
  randombytes_buf(hosted_->nonce.data(), hosted_->nonce.size());
  hosted_->until_ms = now_ms + kLinkMs;
}

std::string Session::link_text() const {
  wire::DeviceLink link;
  link.to.identity = enrolled_.identity;
  link.to.server_curve = enrolled_.curve;
  link.to.seed = hosted_->seed;
  link.to.user = enrolled_.account.user_id;
  link.to.server_name = enrolled_.account.server_name;
  link.to.user_name = enrolled_.account.user_name;
  link.to.addresses = addresses_to_try();
  if (link.to.addresses.size() > kLinkAddressesMax) link.to.addresses.resize(kLinkAddressesMax);
  link.by = device_.id;
  link.commitment = record::link_commitment(hosted_->nonce);
  return wire::encode_device_link(link);
}

// Idempotent: said again after each connection, since a server that was restarted knows no links.
void Session::declare_link(bool ended, std::uint64_t now_ms) {
  pb::Request request;
  auto& link = *request.mutable_link();
  link.set_curve_pk(text_of(hosted_->key.view()));
  link.set_lifetime_ms(
      static_cast<std::uint32_t>(hosted_->until_ms > now_ms ? hosted_->until_ms - now_ms : 0));
  if (hosted_->asking) link.set_nonce(text_of(hosted_->nonce.view()));
  link.set_ended(ended);
  if (ended) link_end_number_ = ++links_made_;
  const bool sent = ask(request, {What::link, {}, ended ? link_end_number_ : hosted_->number});
  hosted_->at_ms = sent ? UINT64_MAX : now_ms + kLinkPauseMs;
}

void Session::watch_hosted(std::uint64_t now_ms) {
  if (link_ended_ && now_ms >= link_ended_by_ms_) tell_link_ended();
  if (!hosted_) return;
  if (!hosted_->let_in && now_ms >= hosted_->until_ms)
    return end_link(false, "The link has expired, and nobody was let in.", now_ms);
  if (welcomed_ && now_ms >= hosted_->at_ms) declare_link(false, now_ms);
}

void Session::on_link_standing(const Asked& asked, const pb::LinkStanding& standing,
                               std::uint64_t now_ms) {
  if (asked.token == link_end_number_) return tell_link_ended();
  if (!hosted_ || hosted_->number != asked.token) return;
  if (!std::exchange(hosted_->told, true)) {
    const std::uint64_t left_ms = std::min<std::uint64_t>(standing.expires_in_ms(), kLinkMs);
    hosted_->until_ms = std::min(hosted_->until_ms, now_ms + left_ms);
    events_.push_back(DeviceLinkOpened{hosted_->token, link_text(), wall_ms() + left_ms});
  }
  if (standing.has_ask()) on_link_ask(standing.ask(), !standing.nonce().empty(), now_ms);
}

void Session::on_link_error(const Asked& asked, const pb::Error& error, std::uint64_t now_ms) {
  if (asked.token == link_end_number_) return tell_link_ended();
  if (!hosted_ || hosted_->number != asked.token) return;
  if (error.code() == pb::BUSY || error.code() == pb::READ_ONLY) {
    hosted_->at_ms = now_ms + std::max<std::uint64_t>(kLinkPauseMs, error.retry_after_ms());
    return;
  }
  // What is signed already is decided by the log alone.
  if (!hosted_->let_in) end_link(false, reason_of(error), now_ms);
}

// has_nonce: the server gives it to the other one already; a server that was restarted does not.
void Session::on_link_ask(const pb::LinkAsk& ask, bool has_nonce, std::uint64_t now_ms) {
  if (!hosted_ || hosted_->let_in) return;
  const auto sign = SignPublicKey::parse(as_bytes(ask.sign_pk()));
  const auto curve = CurvePublicKey::parse(as_bytes(ask.curve_pk()));
  const auto signature = Signature::parse(as_bytes(ask.signature()));
  const auto mac = record::LinkMac::parse(as_bytes(ask.mac()));
  HostedLink::Asking asking;
  asking.pair = {
      enrolled_.server,          crypto::invite_id(hosted_->key), device_.id,
      enrolled_.account.user_id, sign.value_or(SignPublicKey{}),  curve.value_or(CurvePublicKey{})};
  asking.signature = signature.value_or(Signature{});
  asking.name = ask.device_name();
  const bool right =
      sign && curve && signature && mac && asking.name.size() <= 256 &&
      record::is_link_mac(*mac, hosted_->seed, asking.pair, *signature, asking.name) &&
      crypto::verify(*sign, record::link_ask_message(asking.pair), *signature);
  if (!right) {
    log::warning("a device asked to be let in, and does not prove that it holds the link");
    return end_link(false,
                    "What came does not prove that the other device holds this link: somebody in "
                    "between changed it. Nothing was signed; make another link.",
                    now_ms);
  }
  if (hosted_->asking && hosted_->asking->pair.sign == asking.pair.sign &&
      hosted_->asking->pair.curve == asking.pair.curve) {
    if (!has_nonce) declare_link(false, now_ms);
    return;
  }
  // The server keeps one of them; should it show two, whoever came first is not the one who waits.
  if (hosted_->asking)
    return end_link(false,
                    "Two devices asked with this link, so that somebody else has it too. Nothing "
                    "was signed; make another link.",
                    now_ms);
  hosted_->asking = std::move(asking);
  declare_link(false, now_ms);  // with the nonce
  const std::string code = record::link_code(hosted_->asking->pair, hosted_->nonce);
  events_.push_back(DeviceLinkAsked{hosted_->token, hosted_->asking->name, code});
}

void Session::answer_link(bool let_in, std::uint64_t now_ms) {
  if (!hosted_ || hosted_->let_in) return;
  if (!let_in || !hosted_->asking)
    return end_link(false, "Nobody was let in, and the link is closed.", now_ms);
  hosted_->let_in = true;
  const record::LinkedPair& pair = hosted_->asking->pair;
  const Signature& asked = hosted_->asking->signature;
  record::Act act;
  act.set(record::Tag::user_id, pair.user)
      .set(record::Tag::device, crypto::device_id(pair.sign, pair.curve))
      .set(record::Tag::sign_pk, pair.sign)
      .set(record::Tag::curve_pk, pair.curve)
      .set(record::Tag::enrol_signature, asked)
      .set(record::Tag::linked_by, device_.id)
      .set(record::Tag::link_signature, device_.signing.sign(record::link_message(pair, asked)));
  pb::Body words;
  words.mutable_names()->set_device_name(hosted_->device_name.empty() ? hosted_->asking->name
                                                                      : hosted_->device_name);
  linked_here_.push_back(crypto::device_id(pair.sign, pair.curve));
  queue_act(record::Kind::device_link, {}, record::encode(act), words, 0);
}

void Session::end_link(bool ok, std::string reason, std::uint64_t now_ms) {
  if (!hosted_) return;
  tell_link_ended();
  link_ended_ = DeviceLinkEnded{hosted_->token, ok, std::move(reason), {}};
  if (hosted_->asking)
    link_ended_->device =
        crypto::device_id(hosted_->asking->pair.sign, hosted_->asking->pair.curve);
  link_ended_by_ms_ = now_ms + kEndedMsMax;
  if (welcomed_)
    declare_link(true, now_ms);
  else
    tell_link_ended();
  hosted_.reset();
}

void Session::tell_link_ended() {
  if (link_ended_) events_.push_back(std::move(*link_ended_));
  link_ended_.reset();
}

}  // namespace tertulia::client
