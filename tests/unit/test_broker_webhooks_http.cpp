// Bytes to requests, in whatever pieces they come, and what is no request.
#include <boost/test/unit_test.hpp>

#include "broker/webhooks/http.hpp"

namespace tertulia::broker {

namespace {

using State = HttpReader::State;

const std::string kPost =
    "POST /hook/ops HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer abc\r\n"
    "Idempotency-Key: k1\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";

void check_post(HttpReader& reader) {
  const HttpRequest r = reader.take();
  BOOST_TEST(r.method == "POST");
  BOOST_TEST(r.target == "/hook/ops");
  BOOST_TEST(r.authorization == "Bearer abc");
  BOOST_TEST(r.idempotency_key == "k1");
  BOOST_TEST(r.content_type == "text/plain");
  BOOST_TEST(r.body == "hello");
  BOOST_TEST(r.has_length);
  BOOST_TEST(r.keep_alive);
}

int fault_of(std::string in) {
  HttpReader reader;
  BOOST_TEST((reader.read(in) == State::fault));
  BOOST_TEST(reader.fault().close);
  return reader.fault().status;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(broker_webhooks_http)

BOOST_AUTO_TEST_CASE(a_request_is_read_in_any_pieces) {
  for (std::size_t piece : {std::size_t{1}, std::size_t{7}, kPost.size()}) {
    HttpReader reader;
    std::string in;
    State state = State::needs_more;
    for (std::size_t at = 0; at < kPost.size(); at += piece) {
      BOOST_TEST((state == State::needs_more));
      in += kPost.substr(at, piece);
      state = reader.read(in);
    }
    BOOST_REQUIRE((state == State::complete));
    check_post(reader);
  }
}

BOOST_AUTO_TEST_CASE(requests_that_come_together_are_read_one_by_one) {
  HttpReader reader;
  std::string in = kPost + kPost + kPost.substr(0, 30);
  for (int i = 0; i < 2; ++i) {
    BOOST_REQUIRE((reader.read(in) == State::complete));
    check_post(reader);
  }
  BOOST_TEST((reader.read(in) == State::needs_more));
  BOOST_TEST(reader.has_begun());
}

// Whole, and in pieces of every size: what a parser does at each end is not the same.
BOOST_AUTO_TEST_CASE(chunks_are_refused_before_the_first_of_them_is_read) {
  const std::string head = "POST /hook HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string& body :
       {std::string("0\r\n\r\n"), std::string("3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"),
        "1;" + std::string(1 << 20, 'a'), "0\r\nX: " + std::string(1 << 20, 'a'), std::string()}) {
    const std::string all = head + body;
    for (const std::size_t step : {std::size_t{1}, std::size_t{3}, all.size()}) {
      HttpReader reader;
      std::string in;
      State state = State::needs_more;
      std::size_t at = 0;
      for (; at < all.size() && state == State::needs_more; at += step) {
        in += all.substr(at, step);
        state = reader.read(in);
        BOOST_REQUIRE(in.size() <= HttpReader::header_bytes_max + step);
      }
      BOOST_REQUIRE((state == State::fault));
      BOOST_TEST(at <= head.size() + step);
      BOOST_TEST(reader.fault().status == 411);
      BOOST_TEST((reader.read(in) == State::fault));
    }
  }
}

BOOST_AUTO_TEST_CASE(who_waits_for_a_word_gets_it_once) {
  HttpReader reader;
  std::string in = "POST /hook HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  BOOST_REQUIRE((reader.read(in) == State::needs_more));
  BOOST_TEST(reader.wants_continue());
  BOOST_TEST(!reader.wants_continue());
  in = "hi";
  BOOST_TEST((reader.read(in) == State::complete));
}

BOOST_AUTO_TEST_CASE(what_is_no_request_or_too_much_is_told) {
  BOOST_TEST(fault_of("garbage\r\n\r\n") == 400);
  BOOST_TEST(fault_of(std::string(64, '\0')) == 400);
  BOOST_TEST(fault_of("POST /hook HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n") ==
             400);
  BOOST_TEST(fault_of("POST /hook HTTP/1.1\r\nA: " + std::string(1 << 20, 'a')) == 431);
  BOOST_TEST(fault_of("POST /hook HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n") == 413);
}

BOOST_AUTO_TEST_CASE(an_answer_says_how_long_it_is_and_whether_more_may_come) {
  const HttpAnswer answer{429, "{}", {{"Retry-After", "2"}}};
  const std::string bytes = to_bytes(answer, true);
  BOOST_TEST(bytes.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), bytes);
  for (const char* line : {"\r\nRetry-After: 2\r\n", "\r\nContent-Length: 2\r\n",
                           "\r\nContent-Type: application/json\r\n"})
    BOOST_TEST(bytes.find(line) != std::string::npos, bytes);
  BOOST_TEST(bytes.find("Connection: close") == std::string::npos);
  BOOST_TEST(to_bytes(answer, false).find("Connection: close") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::broker
