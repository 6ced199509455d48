#include "client/engine/enrolment.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "common/base/uuid7.hpp"
#include "common/wire/frame.hpp"

namespace tertulia::client {

namespace {
constexpr std::uint64_t kPauseMs = 500;
constexpr unsigned kWrongRoundsMax = 3;
constexpr std::uint64_t kAskAgainMs = 10'000;  // should a word that there is news be lost
constexpr std::uint64_t kNewsMs = 100;
constexpr std::uint64_t kLinkSlackMs = 2'000;  // the server's answer says it better than we do

std::string text_of(ByteView bytes) { return std::string(as_text(bytes)); }

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data()
                                                                             : "computer";
}
}  // namespace

Result<Admission, wire::InviteError> read_admission(const std::string& text) {
  if (wire::is_device_link(text)) {
    auto link = wire::decode_device_link(text);
    if (!link) return fail(link.error());
    return Admission{std::move(link->to), Admission::Link{link->by, link->commitment}};
  }
  auto invite = wire::decode_invite(text);
  if (!invite) return fail(invite.error());
  return Admission{std::move(*invite), std::nullopt};
}

Enrolment::Enrolment(zmq::context_t& context, Admission admission, Names names,
                     const crypto::Seed& device_seed, std::vector<std::string> addresses,
                     std::uint64_t now_ms, std::uint64_t timeout_ms)
    : context_(context),
      invite_(std::move(admission.to)),
      link_(admission.link),
      names_(std::move(names)),
      device_(device_seed),
      invite_key_(crypto::invite_curve_key(invite_.seed)),
      addresses_(std::move(addresses)),
      end_ms_(now_ms + timeout_ms),
      request_(random_request_id()) {
  dial(now_ms);
}

void Enrolment::dial(std::uint64_t now_ms) {
  connection_.reset();
  dialer_.emplace(
      context_, CurveIdentity{invite_.server_curve, invite_key_.public_key(), invite_key_.secret()},
      std::vector{invite_.server_curve}, addresses_, now_ms);
}

record::LinkedPair Enrolment::pair() const {
  return {crypto::server_id(invite_.identity),
          crypto::invite_id(invite_key_.public_key()),
          link_->by,
          invite_.user,
          device_.signing.public_key(),
          device_.curve.public_key()};
}

void Enrolment::ask_link(pb::LinkAsk& out) const {
  const record::LinkedPair both = pair();
  const Signature signature = device_.signing.sign(record::link_ask_message(both));
  const std::string name = host_name();
  out.set_sign_pk(text_of(both.sign.view()));
  out.set_curve_pk(text_of(both.curve.view()));
  out.set_signature(text_of(signature.view()));
  out.set_mac(text_of(record::link_mac(invite_.seed, both, signature, name).view()));
  out.set_device_name(name);
}

void Enrolment::ask_invite(pb::Enrol& enrol) const {
  const ServerId server = crypto::server_id(invite_.identity);
  const SignPublicKey& sign = device_.signing.public_key();
  const CurvePublicKey& curve = device_.curve.public_key();
  const InviteId id = crypto::invite_id(invite_key_.public_key());
  const UserId user =
      invite_.is_class_link() ? record::class_user_id(server, id, device_.id) : invite_.user;
  const Signature signature =
      device_.signing.sign(record::enrol_message(server, id, user, sign, curve));
  enrol.set_sign_pk(text_of(sign.view()));
  enrol.set_curve_pk(text_of(curve.view()));
  enrol.set_signature(text_of(signature.view()));
  enrol.set_display_name(names_.display);
  enrol.set_user_name(names_.user);
  enrol.set_device_name(host_name());
}

void Enrolment::ask() {
  pb::Request request;
  if (link_)
    ask_link(*request.mutable_link_ask());
  else
    ask_invite(*request.mutable_enrol());
  ask_at_ms_ = UINT64_MAX;
  request_ = random_request_id();
  const std::string content = request.SerializeAsString();
  // A socket that has just shaken hands has an empty queue; should it refuse, the deadline speaks.
  static_cast<void>(
      send_frame(connection_->dealer,
                 wire::encode_command(wire::FrameType::request, request_, as_bytes(content))));
}

Enrolment::Outcome Enrolment::refused(const pb::Error& error) const {
  Outcome out;
  if (link_) {
    out.reason = error.text().empty() ? "The server refused this link." : error.text();
    return out;
  }
  switch (error.code()) {
    case pb::INVITE_UNKNOWN: out.reason = "This server does not know this invite."; break;
    case pb::INVITE_USED:
      out.reason = invite_.is_class_link()
                       ? "Everybody whom this invite was for has joined; ask for another one."
                       : "This invite was already used; ask for another one.";
      break;
    case pb::INVITE_EXPIRED: out.reason = "This invite has expired; ask for another one."; break;
    case pb::INVITE_REVOKED: out.reason = "This invite was revoked; ask for another one."; break;
    case pb::NAME_REFUSED:
      out.reason = error.text().empty() ? "The server does not accept this name." : error.text();
      break;
    default:
      out.reason = error.text().empty() ? "The server refused this invite." : error.text();
      break;
  }
  return out;
}

std::optional<Enrolment::Outcome> Enrolment::read_answer(std::uint64_t now_ms) {
  zmq::message_t message;
  while (receive_frame(connection_->dealer, message)) {
    const auto frame = wire::decode_command(view(message));
    pb::Reply reply;
    if (!frame || frame->type != wire::FrameType::reply ||
        !reply.ParseFromArray(frame->content.data(), static_cast<int>(frame->content.size())))
      continue;
    if (reply.has_notice() && link_) ask_at_ms_ = std::min(ask_at_ms_, now_ms + kNewsMs);
    if (frame->request != request_) continue;
    if (reply.has_error()) {
      if (reply.error().code() != pb::BUSY && reply.error().code() != pb::READ_ONLY)
        return refused(reply.error());
      // Not a verdict on the invite: asked again on a new connection.
      lost(now_ms + std::max<std::uint64_t>(kPauseMs, reply.error().retry_after_ms()));
      return std::nullopt;
    }
    if (reply.has_link() && link_) {
      if (auto outcome = on_standing(reply.link(), now_ms)) return outcome;
      continue;
    }
    if (!reply.has_enrolled()) continue;
    Outcome out;
    out.ok = true;
    out.enrolled = reply.enrolled();
    out.address = connection_->address;
    return out;
  }
  return std::nullopt;
}

std::optional<Enrolment::Outcome> Enrolment::on_standing(const pb::LinkStanding& standing,
                                                         std::uint64_t now_ms) {
  end_ms_ = now_ms + standing.expires_in_ms() + kLinkSlackMs;
  ask_at_ms_ = std::min(ask_at_ms_, now_ms + kAskAgainMs);
  if (!std::exchange(is_waiting_, true)) waiting_ = code_;
  if (standing.nonce().empty() || !code_.empty()) return std::nullopt;
  const auto nonce = record::LinkNonce::parse(as_bytes(standing.nonce()));
  if (!nonce || record::link_commitment(*nonce) != link_->commitment) {
    Outcome out;
    out.reason = "What the server says of the other device does not fit this link; trust neither.";
    return out;
  }
  code_ = record::link_code(pair(), *nonce);
  waiting_ = code_;
  return std::nullopt;
}

void Enrolment::lost(std::uint64_t dial_at_ms) {
  connection_.reset();
  ask_at_ms_ = UINT64_MAX;
  dial_at_ms_ = dial_at_ms;
}

std::optional<Enrolment::Outcome> Enrolment::work(std::uint64_t now_ms) {
  if (now_ms >= end_ms_) {
    Outcome out;
    if (is_waiting_) {
      out.reason = "Nobody let this device in while its link was valid.";
      return out;
    }
    out.unreachable = true;
    out.reason = fmt::format("No answer from the server at {}.", fmt::join(addresses_, ", "));
    return out;
  }
  if (connection_) {
    if (auto outcome = read_answer(now_ms)) return outcome;
    if (!connection_) return std::nullopt;
    while (const auto event = connection_->monitor.next())
      if (event->event == ZMQ_EVENT_DISCONNECTED || event->event == ZMQ_EVENT_CLOSED) {
        lost(now_ms + kPauseMs);
        return std::nullopt;
      }
    if (now_ms >= ask_at_ms_) ask();
    return std::nullopt;
  }
  if (!dialer_) {
    if (now_ms >= dial_at_ms_) dial(now_ms);
    return std::nullopt;
  }
  switch (dialer_->work(now_ms)) {
    case DialOutcome::trying: return std::nullopt;
    case DialOutcome::connected:
      connection_.emplace(dialer_->take());
      dialer_.reset();
      ask();
      return std::nullopt;
    case DialOutcome::refused: {
      // A server that was restarted knows the link again when the other device has said it again.
      if (is_waiting_) break;
      Outcome out;
      out.reason = link_ ? "This server does not know this link, or knows it no longer."
                         : "This server does not know this invite.";
      return out;
    }
    case DialOutcome::wrong_key:
      if (++wrong_rounds_ >= kWrongRoundsMax) {
        Outcome out;
        out.reason = "Another server answers there: its key is not the one in the invite.";
        return out;
      }
      break;
    case DialOutcome::full:
    case DialOutcome::unreachable: wrong_rounds_ = 0; break;
  }
  dialer_.reset();
  dial_at_ms_ = now_ms + kPauseMs;
  return std::nullopt;
}

void Enrolment::add_to(std::vector<zmq::pollitem_t>& items) {
  if (dialer_) dialer_->add_to(items);
  if (!connection_) return;
  items.push_back({connection_->dealer.handle(), 0, ZMQ_POLLIN, 0});
  items.push_back({connection_->monitor.handle(), 0, ZMQ_POLLIN, 0});
}

std::uint64_t Enrolment::next_deadline_ms() const {
  if (dialer_) return std::min(end_ms_, dialer_->next_deadline_ms());
  return std::min(end_ms_, connection_ ? ask_at_ms_ : dial_at_ms_);
}

}  // namespace tertulia::client
