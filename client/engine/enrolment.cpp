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

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data()
                                                                             : "computer";
}
}  // namespace

Enrolment::Enrolment(zmq::context_t& context, wire::Invite invite, std::string display_name,
                     const crypto::Seed& device_seed, std::vector<std::string> addresses,
                     std::uint64_t now_ms, std::uint64_t timeout_ms)
    : context_(context),
      invite_(std::move(invite)),
      display_name_(std::move(display_name)),
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
      addresses_, now_ms);
}

void Enrolment::ask() {
  const ServerId server = crypto::server_id(invite_.identity);
  const SignPublicKey& sign = device_.signing.public_key();
  const CurvePublicKey& curve = device_.curve.public_key();
  const Signature signature = device_.signing.sign(record::enrol_message(
      server, crypto::invite_id(invite_key_.public_key()), invite_.user, sign, curve));
  pb::Request request;
  auto& enrol = *request.mutable_enrol();
  enrol.set_sign_pk(std::string(as_text(sign.view())));
  enrol.set_curve_pk(std::string(as_text(curve.view())));
  enrol.set_signature(std::string(as_text(signature.view())));
  enrol.set_display_name(display_name_);
  enrol.set_device_name(host_name());
  const std::string content = request.SerializeAsString();
  // A socket that has just shaken hands has an empty queue; should it refuse, the deadline speaks.
  static_cast<void>(
      send_frame(connection_->dealer,
                 wire::encode_command(wire::FrameType::request, request_, as_bytes(content))));
}

Enrolment::Outcome Enrolment::refused(const pb::Error& error) const {
  Outcome out;
  switch (error.code()) {
    case pb::INVITE_UNKNOWN: out.reason = "This server does not know this invite."; break;
    case pb::INVITE_USED: out.reason = "This invite was already used; ask for another one."; break;
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
    if (!frame || frame->type != wire::FrameType::reply || frame->request != request_) continue;
    pb::Reply reply;
    if (!reply.ParseFromArray(frame->content.data(), static_cast<int>(frame->content.size())))
      continue;
    if (reply.has_error()) {
      if (reply.error().code() != pb::BUSY && reply.error().code() != pb::READ_ONLY)
        return refused(reply.error());
      // Not a verdict on the invite: asked again on a new connection.
      connection_.reset();
      dial_at_ms_ = now_ms + std::max<std::uint64_t>(kPauseMs, reply.error().retry_after_ms());
      return std::nullopt;
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

std::optional<Enrolment::Outcome> Enrolment::work(std::uint64_t now_ms) {
  if (now_ms >= end_ms_) {
    Outcome out;
    out.unreachable = true;
    out.reason = fmt::format("No answer from the server at {}.", fmt::join(addresses_, ", "));
    return out;
  }
  if (connection_) {
    if (auto outcome = read_answer(now_ms)) return outcome;
    if (!connection_) return std::nullopt;
    while (const auto event = connection_->monitor.next())
      if (event->event == ZMQ_EVENT_DISCONNECTED || event->event == ZMQ_EVENT_CLOSED) {
        connection_.reset();
        dial_at_ms_ = now_ms + kPauseMs;
        return std::nullopt;
      }
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
      Outcome out;
      out.reason = "This server does not know this invite.";
      return out;
    }
    case DialOutcome::wrong_key:
      if (++wrong_rounds_ >= kWrongRoundsMax) {
        Outcome out;
        out.reason = "Another server answers there: its key is not the one in the invite.";
        return out;
      }
      break;
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
  return connection_ ? end_ms_ : std::min(end_ms_, dial_at_ms_);
}

}  // namespace tertulia::client
