// What a request to a webhook means: whose token it bears, which room, which text; and the
// submission that comes of it, signed by the webhook's device. Rights, and whether it is new, are
// t-log's to decide. t-webhooks only.
//
//   POST /hook[/ROOM]    Authorization: Bearer TOKEN    [Idempotency-Key: KEY]
//   text/plain, or application/json {"text": "…"[, "room": "…"]}
#pragma once

#include <unordered_map>
#include <variant>

#include "broker/directory/directory.hpp"
#include "broker/flow/flow.hpp"
#include "broker/limits/rate_limits.hpp"
#include "broker/limits/token_bucket.hpp"
#include "broker/metrics/metrics.hpp"
#include "broker/webhooks/http.hpp"
#include "broker/worker/requests.hpp"
#include "common/base/result.hpp"
#include "common/merkle/checkpoint.hpp"

namespace tertulia::broker {

struct WebhookPorts {
  const DirectoryCell& directory;
  const ServerFacts& facts;
  std::function<merkle::NoteKey()> log_key;  // any thread
  Queue<Append>& log;
  RateLimits& rates;
  Metrics& metrics;
};

class Hook {
 public:
  explicit Hook(const WebhookPorts& ports) : ports_(ports) {}

  // The answer, or what t-log is to decide; its `posted` has no `done` yet.
  std::variant<HttpAnswer, SubmissionAppend> work(const HttpRequest& request);
  static HttpAnswer answer_of(const PostResult& result);
  static HttpAnswer busy(std::uint32_t retry_after_ms);

 private:
  struct Refusal {
    HttpAnswer answer;
    Count counted;
  };
  template <class T>
  using Or = Result<T, Refusal>;
  struct Said {
    std::string room;  // empty: its only one
    std::string text;
  };
  static tl::unexpected<Refusal> refuse(
      int status, std::string_view sentence, Count counted = Count::webhook_refused_request,
      std::vector<std::pair<std::string, std::string>> headers = {});
  Or<SubmissionAppend> understand(const HttpRequest& request);
  Or<const Webhook*> webhook_of(const Directory& directory, const HttpRequest& request);
  static Or<Said> said(const HttpRequest& request);
  static Or<const Room*> room_of(const Directory& directory, const UserId& bot,
                                 const std::string& name);
  Or<std::monostate> pay(const Webhook& webhook, std::size_t bytes);
  Or<SubmissionAppend> submission(const Webhook& webhook, const Room& room,
                                  const std::string& text);

  const WebhookPorts& ports_;
  TokenBucket strangers_;                                // tokens that are nobody's
  std::unordered_map<DeviceId, SubmissionId> last_ids_;  // as many as there have been webhooks
};

}  // namespace tertulia::broker
