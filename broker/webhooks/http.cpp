#include "broker/webhooks/http.hpp"

#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

namespace tertulia::broker {

namespace {
namespace http = boost::beast::http;
using Parser = http::request_parser<http::string_body>;

std::string text_of(const boost::beast::string_view& view) { return {view.data(), view.size()}; }
}  // namespace

std::string to_bytes(const HttpAnswer& answer, bool keep_alive) {
  http::response<http::string_body> out(static_cast<http::status>(answer.status), 11);
  out.set(http::field::content_type, "application/json");
  for (const auto& [name, value] : answer.headers) out.set(name, value);
  out.keep_alive(keep_alive && !answer.close);
  out.body() = answer.body;
  out.prepare_payload();
  std::ostringstream text;
  text << out;
  return text.str();
}

// Body lengths are given in advance. Chunks are refused as soon as the header is read: their extensions
// and trailers have no bound in Beast's parser, and it asserts (1.74) where the last one comes in two
// pieces. RFC 9112, 6.3: a server may refuse what has no Content-Length.
struct HttpReader::Impl {
  std::optional<Parser> parser;
  bool begun = false;
  bool is_chunked = false;
  bool continue_told = false;
  boost::beast::error_code failed;

  void begin() {
    parser.emplace();
    parser->header_limit(header_bytes_max);
    parser->body_limit(body_bytes_max);
    begun = continue_told = false;  // is_chunked ends the connection, and stays
  }
};

HttpReader::HttpReader() : impl_(std::make_unique<Impl>()) { impl_->begin(); }
HttpReader::~HttpReader() = default;
HttpReader::HttpReader(HttpReader&&) noexcept = default;
HttpReader& HttpReader::operator=(HttpReader&&) noexcept = default;

HttpReader::State HttpReader::read(std::string& in) {
  Impl& m = *impl_;
  while (!m.failed && !m.is_chunked && !m.parser->is_done()) {
    if (in.empty()) return State::needs_more;
    m.begun = true;
    boost::beast::error_code error;
    const std::size_t used = m.parser->put(boost::asio::buffer(in), error);
    in.erase(0, used);
    if (error == http::error::need_more) return State::needs_more;
    m.failed = error;
    m.is_chunked = m.parser->is_header_done() && m.parser->chunked();
  }
  return m.failed || m.is_chunked ? State::fault : State::complete;
}

bool HttpReader::has_begun() const { return impl_->begun; }

bool HttpReader::wants_continue() {
  Impl& m = *impl_;
  if (m.continue_told || !m.parser->is_header_done() || m.parser->is_done()) return false;
  m.continue_told = true;
  return boost::beast::iequals(m.parser->get()[http::field::expect], "100-continue");
}

HttpRequest HttpReader::take() {
  Impl& m = *impl_;
  HttpRequest out;
  out.has_length = m.parser->content_length().has_value();
  auto message = m.parser->release();
  out.method = text_of(message.method_string());
  out.target = text_of(message.target());
  out.content_type = text_of(message[http::field::content_type]);
  out.authorization = text_of(message[http::field::authorization]);
  out.idempotency_key = text_of(message["Idempotency-Key"]);
  out.keep_alive = message.keep_alive();
  out.body = std::move(message.body());
  m.begin();
  return out;
}

HttpAnswer HttpReader::fault() const {
  const auto& error = impl_->failed;
  const auto say = [](int status, const char* sentence) {
    return HttpAnswer{status, nlohmann::json{{"error", sentence}}.dump(), {}, true};
  };
  if (impl_->is_chunked) return say(411, "Content-Length is needed; chunks are not taken.");
  if (error == http::error::body_limit) return say(413, "The body is larger than 200 KiB.");
  if (error == http::error::header_limit) return say(431, "The header is larger than 8 KiB.");
  return say(400, "This is no HTTP/1 request.");
}

}  // namespace tertulia::broker
