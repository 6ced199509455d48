#include "tests/support/raw_client.hpp"

#include <stdexcept>

#include "common/base/uuid7.hpp"

namespace tertulia::test {

namespace {

wire::Invite parsed(const std::string& text) {
  const auto invite = wire::decode_invite(text);
  if (!invite) throw std::runtime_error(wire::invite_error_text(invite.error()));
  return *invite;
}

}  // namespace

RawClient::RawClient(const std::string& invite) : device(parsed(invite)) {}

std::optional<pb::Reply> RawClient::enrol(std::uint64_t ms) {
  Socket link(context_, device.invite_key,
              {.type = SocketType::dealer,
               .address = address.empty() ? device.commands : address,
               .server = server_key.value_or(device.server_curve)});
  const RequestId id = random_request_id();
  const Bytes frame =
      RawDevice::request_frame(id, device.enrol_request(device.user_name, "test device"));
  const auto deadline = Deadline::in_ms(ms);
  if (!wait_until([&] { return link.send(frame); }, deadline)) return std::nullopt;
  std::vector<bool> readable;
  while (poll_readable({link.get()}, readable, deadline.left_ms()) || !deadline.over()) {
    for (Bytes in; link.receive(in);) {
      auto reply = RawDevice::read_reply(in);
      if (reply && reply->first == id) return std::move(reply->second);
    }
  }
  return std::nullopt;
}

void RawClient::connect() {
  const crypto::CurveKey own(own_secret.value_or(device.keys.curve.secret()));
  dealer_ = std::make_unique<Socket>(
      context_, own,
      Socket::Options{.type = SocketType::dealer,
                      .address = address.empty() ? device.commands : address,
                      .server = server_key.value_or(device.server_curve),
                      .routing_id = routing_id,
                      .watch = true});
}

void RawClient::connect_broadcast() {
  const crypto::CurveKey own(own_secret.value_or(device.keys.curve.secret()));
  sub_ =
      std::make_unique<Socket>(context_, own,
                               Socket::Options{.type = SocketType::sub,
                                               .address = device.broadcast,
                                               .server = server_key.value_or(device.server_curve),
                                               .routing_id = {}});
}

void RawClient::disconnect() {
  dealer_.reset();
  sub_.reset();
  replies_.clear();
}

std::optional<pb::Reply> RawClient::hello(std::uint64_t ms) {
  return ask(device.hello_request(), ms);
}

void RawClient::subscribe(const RoomId& room) {
  sub_->subscribe(device.rooms.at(room).topic.view());
}

void RawClient::join() {
  const auto enrolled = enrol();
  if (!enrolled || !enrolled->has_enrolled())
    throw std::runtime_error("not enrolled: " + describe(enrolled));
  rejoin();
}

void RawClient::rejoin() {
  connect();
  const auto welcome = hello();
  if (!welcome || !welcome->has_welcome())
    throw std::runtime_error("no welcome: " + describe(welcome) + "; handshakes " +
                             std::to_string(dealer_->counts().connected) + " good, " +
                             std::to_string(dealer_->counts().refused) + " refused, " +
                             std::to_string(dealer_->counts().disconnected) + " ended");
  pb::Request people;
  people.mutable_people();
  if (!ask(people)) throw std::runtime_error("no list of people");
  connect_broadcast();
  for (const auto& [id, room] : device.rooms) subscribe(id);
}

bool RawClient::send(ByteView frame, std::uint64_t ms) {
  return wait_until([&] { return dealer_->send(frame); }, ms);
}

bool RawClient::send_parts(const std::vector<Bytes>& parts, std::uint64_t ms) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool more = i + 1 < parts.size();
    if (!wait_until([&] { return dealer_->send(parts[i], more); }, ms)) return false;
  }
  return true;
}

void RawClient::pump(std::uint64_t ms) {
  std::vector<void*> sockets;
  if (dealer_) sockets.push_back(dealer_->get());
  if (sub_) sockets.push_back(sub_->get());
  std::vector<bool> readable;
  poll_readable(sockets, readable, ms);
  Bytes frame;
  while (dealer_ && dealer_->receive(frame)) {
    auto reply = RawDevice::read_reply(frame);
    if (!reply) throw std::runtime_error("the broker sent a frame that is not a reply");
    if (!device.learn(reply->second))
      throw std::runtime_error("a reply contradicts what is known: " + describe(reply->second));
    replies_[reply->first] = std::move(reply->second);
  }
  while (sub_ && sub_->receive(frame)) {
    auto messages = device.open(frame);
    if (!messages) {
      ++strange_frames;
      continue;
    }
    for (auto& message : *messages) heard.push_back(std::move(message));
  }
}

std::optional<pb::Reply> RawClient::wait_reply(const RequestId& request, std::uint64_t ms) {
  const auto deadline = Deadline::in_ms(ms);
  for (;;) {
    pump(0);
    const auto found = replies_.find(request);
    if (found != replies_.end()) {
      auto reply = std::move(found->second);
      replies_.erase(found);
      return reply;
    }
    if (deadline.over()) return std::nullopt;
    pump(std::min<std::uint64_t>(deadline.left_ms(), 100));
  }
}

std::optional<pb::Reply> RawClient::ask(const pb::Request& request, std::uint64_t ms) {
  const auto deadline = Deadline::in_ms(ms);
  const RequestId id = random_request_id();
  if (!send(RawDevice::request_frame(id, request), ms)) return std::nullopt;
  return wait_reply(id, deadline.left_ms());
}

std::optional<pb::Reply> RawClient::submit(const RoomId& room,
                                           const std::vector<std::string>& texts,
                                           std::uint64_t ms) {
  Draft draft = device.draft(room, texts);
  device.sign(draft);
  return submit(draft, ms);
}

std::optional<pb::Reply> RawClient::submit(const Draft& draft, std::uint64_t ms) {
  const auto deadline = Deadline::in_ms(ms);
  // Rises with the submissions: what is to come again is known by it.
  const RequestId id = RequestId::from(draft.submission.id.view());
  if (!send(device.seal(draft, id), ms)) return std::nullopt;
  return wait_reply(id, deadline.left_ms());
}

std::optional<std::vector<Heard>> RawClient::history(const RoomId& room, std::uint64_t from,
                                                     std::uint64_t before, std::uint32_t limit) {
  pb::Request request;
  auto& h = *request.mutable_history();
  h.set_room(std::string(as_text(room.view())));
  h.set_from_room_seq(from);
  h.set_before(before);
  h.set_limit(limit);
  const auto reply = ask(request);
  if (!reply || !reply->has_history()) return std::nullopt;
  return device.read_entries(room, as_bytes(reply->history().entries()));
}

std::vector<Heard> RawClient::whole_history(const RoomId& room) {
  std::vector<Heard> all;
  for (std::uint64_t next = 1;;) {
    const auto page = history(room, next, 0, 1000);
    if (!page) throw std::runtime_error("no page of history from " + std::to_string(next));
    if (page->empty()) return all;
    for (const auto& message : *page)
      if (message.room_seq >= next) all.push_back(message);
    next = all.back().room_seq + 1;
  }
}

bool RawClient::wait_heard(const std::string& text, std::uint64_t ms) {
  const auto deadline = Deadline::in_ms(ms);
  for (;;) {
    for (const auto& message : heard)
      if (message.text == text) return true;
    if (deadline.over()) return false;
    pump(std::min<std::uint64_t>(deadline.left_ms(), 100));
  }
}

std::string describe(const std::optional<pb::Reply>& reply) {
  if (!reply) return "no answer";
  if (reply->has_error())
    return pb::ErrorCode_Name(reply->error().code()) + ": " + reply->error().text();
  return "reply of kind " + std::to_string(reply->what_case());
}

}  // namespace tertulia::test
