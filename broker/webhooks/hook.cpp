#include "broker/webhooks/hook.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "broker/worker/submission_check.hpp"
#include "common/base/clock.hpp"
#include "common/base/uuid7.hpp"

namespace tertulia::broker {

namespace {
using nlohmann::json;

// Tokens have 256 bits: this is not against guessing, but against a program that has a wrong one and
// asks without end.
constexpr Rate kStrangers{.amount = 10, .burst = 50};
constexpr std::size_t kKeyBytesMax = 255;
constexpr std::size_t kRoomBytesMax = 512;
constexpr std::string_view kKeyLabel = "tertulia/webhook-key/v1\n";
constexpr std::string_view kPath = "/hook";
constexpr std::uint32_t kRetryMs = 1000;

std::string error_body(std::string_view sentence) {
  return json{{"error", sentence}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string seconds(std::uint32_t ms) { return std::to_string((ms + 999) / 1000); }

// "%C3%B3" → "ó"; nullopt: not two digits after a %.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto byte = from_hex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return std::nullopt;
    out += static_cast<char>(byte->front());
    i += 2;
  }
  return out;
}

// "Text/Plain; charset=utf-8" → "text/plain"
std::string media_type(std::string_view header) {
  std::string out(header.substr(0, header.find(';')));
  while (!out.empty() && out.back() == ' ') out.pop_back();
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string text_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || !found->is_string() ? std::string() : found->get<std::string>();
}
}  // namespace

tl::unexpected<Hook::Refusal> Hook::refuse(
    int status, std::string_view sentence, Count counted,
    std::vector<std::pair<std::string, std::string>> headers) {
  // Who has no token is not kept; and what is wrong with a request may be wrong with the next one.
  const bool close = counted == Count::webhook_refused_token || status == 400 || status == 411;
  return fail(Refusal{{status, error_body(sentence), std::move(headers), close}, counted});
}

HttpAnswer Hook::busy(std::uint32_t retry_after_ms) {
  return {503,
          error_body("The server is busy; send it again."),
          {{"Retry-After", seconds(retry_after_ms)}}};
}

HttpAnswer Hook::answer_of(const PostResult& r) {
  switch (r.refused) {
    case pb::ERROR_NONE:
      return {200, json{{"seq", r.seq},
                        {"room_seq", r.room_seq},
                        {"id", to_hex(r.id.view()) + "00"},
                        {"again", r.again}}
                       .dump()};
    case pb::NOT_ALLOWED:
    case pb::NOT_A_MEMBER:
    case pb::NOT_PERMITTED: return {403, error_body(r.text)};
    case pb::READ_ONLY: return {503, error_body(r.text), {{"Retry-After", seconds(kRetryMs)}}};
    case pb::STALE_VIEW: return busy(kRetryMs);
    default: return {422, error_body(r.text)};
  }
}

std::variant<HttpAnswer, SubmissionAppend> Hook::work(const HttpRequest& request) {
  auto understood = understand(request);
  if (understood) return std::move(*understood);
  ports_.metrics.add(understood.error().counted);
  return std::move(understood.error().answer);
}

Hook::Or<SubmissionAppend> Hook::understand(const HttpRequest& request) {
  const auto directory = ports_.directory.load();
  const auto webhook = webhook_of(*directory, request);
  if (!webhook) return fail(webhook.error());
  const auto what = said(request);
  if (!what) return fail(what.error());
  if (request.idempotency_key.size() > kKeyBytesMax)
    return refuse(400, "An Idempotency-Key has at most 255 bytes.");
  const auto room = room_of(*directory, (*webhook)->user, what->room);
  if (!room) return fail(room.error());
  if (const auto paid = pay(**webhook, request.body.size()); !paid) return fail(paid.error());
  auto out = submission(**webhook, **room, what->text);
  if (out && !request.idempotency_key.empty())
    out->posted->key = crypto::sha256(kKeyLabel, as_bytes(request.idempotency_key));
  return out;
}

// All are compared, whichever it is: how long it takes tells nothing.
Hook::Or<const Webhook*> Hook::webhook_of(const Directory& directory, const HttpRequest& request) {
  const bool is_hook =
      request.target.starts_with(kPath) &&
      (request.target.size() == kPath.size() || request.target[kPath.size()] == '/');
  if (!is_hook) return refuse(404, "Webhooks are at /hook and /hook/ROOM.");
  if (request.method != "POST")
    return refuse(405, "POST only.", Count::webhook_refused_request, {{"Allow", "POST"}});
  constexpr std::string_view kBearer = "bearer ";
  const std::string_view said = request.authorization;
  const bool bears = media_type(said.substr(0, kBearer.size() - 1)) == kBearer.substr(0, 6);
  const auto token = bears && said.size() > kBearer.size()
                         ? from_base64url(said.substr(kBearer.size()))
                         : std::nullopt;
  const Hash hash = webhook_token(token ? ByteView(*token) : ByteView());
  const Webhook* found = nullptr;
  for (const auto& [id, webhook] : directory.webhooks)
    if (sodium_memcmp(webhook->token.data(), hash.data(), hash.size()) == 0) found = webhook.get();
  if (found == nullptr) {
    const std::uint64_t now_ms = monotonic_ms();
    if (const auto wait_ms = strangers_.wait_ms(kStrangers, now_ms); wait_ms > 0)
      return refuse(429, "Too many requests with a wrong token.", Count::webhook_refused_token,
                    {{"Retry-After", seconds(wait_ms)}});
    strangers_.take(kStrangers, 1, now_ms);
    return refuse(401, "Authorization: Bearer and the token of a webhook are needed.",
                  Count::webhook_refused_token, {{"WWW-Authenticate", "Bearer"}});
  }
  if (directory.device_of(found->keys.curve.public_key()) == nullptr)
    return refuse(403, "This bot is disabled.", Count::webhook_refused_right);
  return found;
}

Hook::Or<Hook::Said> Hook::said(const HttpRequest& request) {
  Said out;
  if (!request.has_length) return refuse(411, "Content-Length is needed; chunks are not taken.");
  if (request.target.size() > kPath.size() + 1) {
    const auto name = percent_decoded(std::string_view(request.target).substr(kPath.size() + 1));
    if (!name || name->size() > kRoomBytesMax)
      return refuse(400, "The room in the path cannot be read.");
    out.room = *name;
  }
  const std::string type = media_type(request.content_type);
  if (type == "application/json") {
    const json object = json::parse(request.body, nullptr, false);
    if (!object.is_object() || !object.contains("text") || !object["text"].is_string())
      return refuse(422, "The body is no JSON object with a \"text\", or not UTF-8.");
    out.text = text_in(object, "text");
    if (const std::string room = text_in(object, "room"); !room.empty() && out.room.empty())
      out.room = room;
  } else if (type.empty() || type == "text/plain" ||
             // What `curl -d` says of any text
             type == "application/x-www-form-urlencoded") {
    out.text = request.body;
  } else {
    return refuse(415, "text/plain or application/json.");
  }
  while (out.text.ends_with('\n') || out.text.ends_with('\r')) out.text.pop_back();
  if (!is_valid_utf8(as_bytes(out.text))) return refuse(422, "The text is not UTF-8.");
  if (out.text.empty()) return refuse(422, "The text is empty.");
  return out;
}

// A room in which the bot is not and one that is not there are the same to it.
Hook::Or<const Room*> Hook::room_of(const Directory& directory, const UserId& bot,
                                    const std::string& name) {
  const Room* found = nullptr;
  for (const Room* room : directory.rooms_of(bot)) {
    if (room->archived || room->kind == record::RoomKind::direct) continue;
    if (!name.empty() && room->name != name && to_hex(room->id.view()) != name) continue;
    if (found != nullptr && name.empty())
      return refuse(422, "This bot is in several rooms: name one, as /hook/ROOM or \"room\".");
    found = room;
  }
  if (found == nullptr)
    return refuse(403,
                  name.empty() ? "This bot is in no room." : "This bot is in no room of that name.",
                  Count::webhook_refused_right);
  return found;
}

Hook::Or<std::monostate> Hook::pay(const Webhook& webhook, std::size_t bytes) {
  const std::uint64_t now_ms = monotonic_ms();
  const auto verdict =
      ports_.rates.may_submit(webhook.device, webhook.user, record::Role::bot, now_ms);
  if (verdict.spent != RateLimits::Spent::nothing)
    return refuse(429, "This is more than a bot may write in a second.",
                  Count::webhook_refused_rate, {{"Retry-After", seconds(verdict.wait_ms)}});
  ports_.rates.pay(webhook.device, webhook.user, record::Role::bot, 1, bytes, now_ms);
  return std::monostate{};
}

Hook::Or<SubmissionAppend> Hook::submission(const Webhook& webhook, const Room& room,
                                            const std::string& text) {
  pb::Body words;
  words.set_text(text);
  const std::string bytes = words.SerializeAsString();
  if (bytes.size() > record::body_bytes_max) return refuse(413, "The text is larger than 32 KiB.");
  record::Body body;
  randombytes_buf(body.salt.data(), body.salt.size());
  body.bytes.assign(bytes.begin(), bytes.end());
  if (const auto fault = body_fault(record::Kind::text, body.bytes)) return refuse(422, *fault);

  // The key first: a new one is told behind the first checkpoint that it has signed, which the one
  // before has signed as well.
  const merkle::NoteKey log_key = ports_.log_key();
  const auto seen = merkle::open_checkpoint(*ports_.facts.checkpoint(), log_key);
  if (!seen)  // two changes between those two lines
    return tl::unexpected(Refusal{busy(kRetryMs), Count::webhook_refused_busy});
  SubmissionAppend out;
  record::Submission& s = out.submission;
  const std::uint64_t now_ms = wall_ms();
  ports_.facts.presence->saw(webhook.device, now_ms);
  SubmissionId& last = last_ids_[webhook.device];
  last = next_uuid7(last, now_ms);
  s = {ports_.facts.server, webhook.device, room.id, last, seen->size, seen->root, {}};
  record::MessageHeader header;
  header.kind = record::Kind::text;
  header.sent_at_ms = now_ms;
  header.commitment = record::commitment(body.salt, body.bytes);
  s.messages.push_back(header);
  out.asker.key = webhook.keys.curve.public_key();
  out.submission_bytes = record::encode(s);
  out.signature = record::sign_submission(webhook.keys.signing, out.submission_bytes);
  out.bodies.push_back(std::move(body));
  out.posted = std::make_shared<Posted>();
  return out;
}

}  // namespace tertulia::broker
