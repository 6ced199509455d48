// Webhooks: what a program of this machine posts with a token is a bot's message, exactly once where
// it says so; whatever else it sends is answered or ended, and nobody in a room notices.
#include <sys/stat.h>

#include <fstream>

#include "tests/integration/scenario.hpp"
#include "tests/support/http_client.hpp"

namespace tertulia::test {

namespace {

constexpr std::uint64_t kMsMax = 60'000;
const std::string kJson = "Content-Type: application/json\r\n";

struct Hooks {
  explicit Hooks(TestBroker::Options options = {}) : broker(without_start(std::move(options))) {
    broker.options.config_more += fmt::format(
        "\n[webhooks]\nsocket = \"{}\"\nlisten = \"127.0.0.1:{}\"\n", socket.string(), port);
    broker.write_config();
    broker.start();
    ana = std::make_unique<RawClient>(broker.invite("ana"));
    ana->join();
  }

  nlohmann::json create(const std::string& name, const std::string& rooms) {
    const Ran ran = broker.ctl({"--json", "webhook", "create", name, "--room", rooms});
    BOOST_REQUIRE_MESSAGE(ran.code == 0, ran.err);
    return nlohmann::json::parse(ran.out);
  }
  std::string token_of(const std::string& name, const std::string& rooms = "general") {
    return create(name, rooms).at("token").get<std::string>();
  }
  static std::string request(const std::string& token, const std::string& body,
                             const std::string& path = "/hook", const std::string& more = "") {
    return fmt::format(
        "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{}Content-Length: {}\r\n\r\n{}",
        path, token, more, body.size(), body);
  }
  // On a connection of its own.
  HttpReply post(const std::string& token, const std::string& body,
                 const std::string& path = "/hook", const std::string& more = "") {
    return ask(request(token, body, path, more));
  }
  HttpReply ask(const std::string& bytes) {
    HttpClient client(socket);
    BOOST_REQUIRE(client.send(bytes));
    const auto reply = client.receive();
    BOOST_REQUIRE(reply);
    return *reply;
  }
  static nlohmann::json json_of(const HttpReply& reply) {
    BOOST_TEST(reply.headers.at("content-type") == "application/json");
    return nlohmann::json::parse(reply.body);
  }
  void check_refused(const HttpReply& reply, int status) {
    BOOST_TEST(reply.status == status, reply.status << ": " << reply.body);
    BOOST_TEST(!json_of(reply).at("error").get<std::string>().empty());
  }
  std::uint64_t counted(const std::string& counter) {
    const Ran ran = broker.ctl({"status", "--json"});
    return nlohmann::json::parse(ran.out).at("counters").at(counter).get<std::uint64_t>();
  }
  std::vector<std::string> said() {
    const auto all = ana->whole_history(ana->device.room("general").id);
    check_dense(all);
    return texts_of(all);
  }

  TestBroker broker;
  const std::filesystem::path socket = broker.dir() / "hooks.sock";
  const std::uint16_t port = free_port();
  std::unique_ptr<RawClient> ana;

 private:
  static TestBroker::Options without_start(TestBroker::Options options) {
    options.start = false;
    return options;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(webhooks)

BOOST_FIXTURE_TEST_CASE(what_is_posted_is_a_message_of_its_bot, Hooks) {
  BOOST_TEST(broker.ctl({"room", "create", "sala de máquinas", "--owner", "ana"}).code == 0);
  const auto made = create("alarm", "general,sala de máquinas");
  const std::string token = made.at("token");
  BOOST_TEST(token.size() == 43u);
  const HttpReply first = post(token, "the boiler is hot\n", "/hook/general");
  BOOST_REQUIRE_MESSAGE(first.status == 200, first.body);
  BOOST_TEST(ana->wait_heard("the boiler is hot"));
  const Heard& heard = ana->heard.back();
  BOOST_TEST(json_of(first).at("seq") == heard.seq);
  BOOST_TEST(json_of(first).at("room_seq") == heard.room_seq);
  BOOST_TEST(json_of(first).at("id") == to_hex(heard.id.submission.view()) + "00");
  BOOST_TEST(to_hex(heard.id.device.view()) == made.at("device").get<std::string>());
  // As tools say it: JSON, the room in it or in the path, whatever else there is
  for (const auto& [body, path] :
       {std::pair(R"({"text": "ña 🔥", "room": "general"})", "/hook"),
        std::pair(R"({"text": "two", "username": "x"})", "/hook/general"),
        std::pair(R"({"text": "x"})", "/hook/sala%20de%20m%C3%A1quinas")}) {
    const HttpReply reply = post(token, body, path, kJson);
    BOOST_TEST(reply.status == 200, reply.body);
  }
  check_refused(post(token, "which room?"), 422);
  BOOST_TEST(said() == (std::vector<std::string>{"the boiler is hot", "ña 🔥", "two"}),
             boost::test_tools::per_element());
  BOOST_TEST(counted("webhook_accepted") == 4u);
  const Ran devices = broker.ctl({"device", "list", "alarm"});
  BOOST_TEST(devices.out.find("the server has its key") != std::string::npos, devices.out);
  const Ran list = broker.ctl({"webhook", "list"});
  BOOST_TEST(list.out.find("alarm") != std::string::npos, list.out);
  BOOST_TEST(list.out.find("sala de máquinas") != std::string::npos, list.out);
  BOOST_TEST(list.out.find(token) == std::string::npos);
  BOOST_TEST(broker.verify() == "");
  BOOST_TEST(broker.err().find(token) == std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(curl_says_it_by_socket_and_by_port, Hooks) {
  const auto header = broker.dir() / "alarm.header";
  const Ran made = broker.ctl(
      {"webhook", "create", "alarm", "--room", "general", "--header-file", header.string()});
  BOOST_REQUIRE_MESSAGE(made.code == 0, made.err);
  struct stat st {};
  BOOST_REQUIRE(::stat(header.c_str(), &st) == 0);
  BOOST_TEST((st.st_mode & 0777) == 0600u);
  const auto curl = [&](std::vector<std::string> args) {
    std::vector<std::string> argv{"/usr/bin/curl",    "-sS", "--max-time",         "30",
                                  "--fail-with-body", "-H",  "@" + header.string()};
    argv.insert(argv.end(), args.begin(), args.end());
    return run(argv, broker.dir() / "curl");
  };
  const Ran by_socket =
      curl({"--unix-socket", socket.string(), "-d", "by socket", "http://localhost/hook"});
  BOOST_TEST(by_socket.code == 0, by_socket.out << by_socket.err);
  const Ran by_port = curl({"-H", "Content-Type: text/plain", "--data-binary", "by port",
                            fmt::format("http://127.0.0.1:{}/hook/general", port)});
  BOOST_TEST(by_port.code == 0, by_port.out << by_port.err);
  BOOST_TEST(said() == (std::vector<std::string>{"by socket", "by port"}),
             boost::test_tools::per_element());
  // A file that is there is nobody's to overwrite, and no webhook is made for it
  const Ran again = broker.ctl(
      {"webhook", "create", "other", "--room", "general", "--header-file", header.string()});
  BOOST_TEST(again.code == 1);
  BOOST_TEST(broker.ctl({"webhook", "list"}).out.find("other") == std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(what_a_crash_left_unanswered_is_said_once_when_it_comes_again, Hooks) {
  const std::string token = token_of("alarm");
  constexpr int kRounds = 12;
  int before = 0, after = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::string text = fmt::format("round {}", i);
    const std::string bytes =
        request(token, text, "/hook", fmt::format("Idempotency-Key: key-{}\r\n", i));
    {
      HttpClient client(socket);
      BOOST_REQUIRE(client.send(bytes));
      // From at once to after the commit: a later one in each round
      (void)client.receive(static_cast<std::uint64_t>(i % 6));
      broker.kill9();
    }
    broker.start();
    const HttpReply reply = ask(bytes);
    BOOST_REQUIRE_MESSAGE(reply.status == 200, reply.body);
    ++(json_of(reply).at("again").get<bool>() ? after : before);
    // And once more, as a client that does not believe it
    BOOST_TEST(json_of(ask(bytes)).at("again") == true);
    BOOST_TEST(json_of(ask(bytes)).at("seq") == json_of(reply).at("seq"));
  }
  BOOST_TEST_MESSAGE(before << " were killed before the commit, " << after << " after it");
  BOOST_TEST(after > 0);
  ana->disconnect();
  ana->rejoin();
  BOOST_TEST(said() == numbered("round", kRounds), boost::test_tools::per_element());
  check_refused(post(token, "something else", "/hook", "Idempotency-Key: key-0\r\n"), 422);
  BOOST_TEST(broker.verify() == "");
}

BOOST_FIXTURE_TEST_CASE(who_has_a_wrong_token_is_told_and_slowed_and_nobody_notices, Hooks) {
  const std::string token = token_of("alarm");
  RawClient beto{broker.invite("beto")};
  beto.join();
  wait_subscribed(beto);
  const std::string wrong(43, 'A');
  int unknown = 0, slowed = 0;
  for (int i = 0; i < 300; ++i) {
    HttpClient client(socket);
    BOOST_REQUIRE(client.send(request(wrong, "hello")));
    const auto reply = client.receive();
    BOOST_REQUIRE(reply);
    check_refused(*reply, reply->status == 429 ? 429 : 401);
    if (reply->status == 429) BOOST_TEST(std::stoi(reply->headers.at("retry-after")) >= 1);
    ++(reply->status == 401 ? unknown : slowed);
    BOOST_TEST(client.is_closed());
    if (i % 100 == 0) check_neighbours(*ana, beto);
  }
  BOOST_TEST(unknown >= 50);
  BOOST_TEST(slowed > 0);
  BOOST_TEST(post(token, "the right one").status == 200);
  for (const char* bad : {"", "Basic abc", "Bearer", "Bearer ", "Bearer ä", "bearer x y"}) {
    const HttpReply reply = ask(
        fmt::format("POST /hook HTTP/1.1\r\nAuthorization: {}\r\nContent-Length: 1\r\n\r\nx", bad));
    BOOST_TEST((reply.status == 401 || reply.status == 429), bad << ": " << reply.status);
  }
  BOOST_TEST(counted("webhook_refused_token") >= 306u);
  check_neighbours(beto, *ana);
}

BOOST_FIXTURE_TEST_CASE(a_room_it_is_not_in_and_one_that_is_not_there_are_the_same, Hooks) {
  BOOST_TEST(broker.ctl({"room", "create", "secret", "--kind", "private"}).code == 0);
  const std::string token = token_of("alarm");
  const HttpReply there = post(token, "x", "/hook/secret"),
                  none = post(token, "x", "/hook/nothing");
  check_refused(there, 403);
  check_refused(none, 403);
  BOOST_TEST(there.body == none.body);
  // Removed from its room, it says nothing there either
  BOOST_TEST(broker.ctl({"room", "remove", "general", "alarm"}).code == 0);
  check_refused(post(token, "x", "/hook/general"), 403);
  check_refused(post(token, "x"), 403);
  BOOST_TEST(said().empty());
}

BOOST_FIXTURE_TEST_CASE(a_revoked_and_a_disabled_one_say_nothing, Hooks) {
  const std::string token = token_of("alarm"), other = token_of("siren");
  BOOST_TEST(broker.ctl({"user", "disable", "alarm", "--yes"}).code == 0);
  check_refused(post(token, "x"), 403);
  BOOST_TEST(broker.ctl({"user", "enable", "alarm"}).code == 0);
  BOOST_TEST(post(token, "awake").status == 200);
  const Ran role = broker.ctl({"user", "role", "alarm", "admin"});
  BOOST_TEST(role.code == 1);
  BOOST_TEST(role.err.find("stays a bot") != std::string::npos, role.err);
  const Ran asks = broker.ctl({"webhook", "revoke", "alarm"});
  BOOST_TEST(asks.code == 2, "not asked for: " << asks.out);
  BOOST_TEST(broker.ctl({"webhook", "revoke", "alarm", "--yes"}).code == 0);
  check_refused(post(token, "x"), 401);
  BOOST_TEST(post(other, "still here").status == 200);
  // The name may have another one, with another token
  const std::string next = create("alarm", "general").at("token");
  check_refused(post(token, "x"), 401);
  BOOST_TEST(post(next, "again").status == 200);
  BOOST_TEST(broker.stop().value_or(-1) == 0);
  broker.start();
  BOOST_TEST(post(next, "after a restart").status == 200);
  check_refused(post(token, "x"), 401);
  BOOST_TEST(broker.verify() == "");
}

BOOST_FIXTURE_TEST_CASE(a_log_key_that_changes_twice_is_followed, Hooks) {
  const std::string token = token_of("alarm");
  BOOST_TEST(post(token, "one").status == 200);
  for (const char* text : {"two", "three", "four"}) {
    BOOST_TEST(broker.ctl({"key", "rotate", "log"}).code == 0);
    BOOST_TEST(post(token, text).status == 200);
  }
  BOOST_TEST((said() == std::vector<std::string>{"one", "two", "three", "four"}));
  BOOST_TEST(broker.verify() == "");
}

BOOST_FIXTURE_TEST_CASE(what_is_no_post_is_answered_by_its_kind, Hooks) {
  const std::string token = token_of("alarm");
  const std::string bearer = "Authorization: Bearer " + token + "\r\n";
  check_refused(ask("GET /hook HTTP/1.1\r\n" + bearer + "\r\n"), 405);
  BOOST_TEST(ask("GET /hook HTTP/1.1\r\n\r\n").headers.at("allow") == "POST");
  check_refused(ask("POST /other HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), 404);
  check_refused(ask("POST /hook HTTP/1.1\r\n" + bearer + "\r\n"), 411);
  // Refused when the header is there; what comes behind it in pieces ends nothing but this connection
  HttpClient chunks(socket);
  BOOST_REQUIRE(chunks.send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"));
  check_refused(chunks.receive().value(), 411);
  chunks.send("\r");
  BOOST_TEST(chunks.is_closed());
  check_refused(post(token, ""), 422);
  check_refused(post(token, "\n\n"), 422);
  check_refused(post(token, "caf\xe9"), 422);
  check_refused(post(token, std::string(33 * 1024, 'x')), 413);
  check_refused(post(token, std::string(300 * 1024, 'x')), 413);
  check_refused(post(token, "<x/>", "/hook", "Content-Type: text/xml\r\n"), 415);
  for (const char* bad : {"{", "[]", "{\"text\": 1}", "{}", "{\"text\": \"\xff\"}"})
    check_refused(post(token, bad, "/hook", kJson), 422);
  check_refused(post(token, "x", "/hook/%zz"), 400);
  check_refused(ask("what?\r\n\r\n"), 400);
  check_refused(ask("POST /hook HTTP/1.1\r\nA: " + std::string(9 * 1024, 'a')), 431);
  BOOST_TEST(said().empty());
  const std::string largest(32 * 1024 - 8, 'y');
  BOOST_TEST(post(token, largest).status == 200);
  BOOST_TEST((said() == std::vector<std::string>{largest}));
}

BOOST_FIXTURE_TEST_CASE(hostile_connections_keep_nobody_out, Hooks) {
  const std::string token = token_of("alarm");
  // A megabyte of header: answered while it is still sent, or cut off
  HttpClient loud(socket);
  loud.send("POST /hook HTTP/1.1\r\nA: " + std::string(1 << 20, 'a'));
  BOOST_TEST(loud.is_closed());
  // More than all places are taken by those who say a letter and wait
  std::vector<std::unique_ptr<HttpClient>> slow;
  for (int i = 0; i < 100; ++i) {
    slow.push_back(std::make_unique<HttpClient>(socket));
    slow.back()->send("P");
  }
  BOOST_TEST(post(token, "through").status == 200);
  BOOST_TEST(slow.front()->is_closed());
  const auto told = slow.back()->receive();  // when its ten seconds are over
  BOOST_REQUIRE(told);
  BOOST_TEST(told->status == 408);
  BOOST_TEST(counted("webhook_ended") > 0u);
  // Who has said all before so many others came is answered, though nobody has read him yet
  std::vector<std::unique_ptr<HttpClient>> many;
  for (int i = 0; i < 90; ++i) {
    many.push_back(std::make_unique<HttpClient>(socket));
    BOOST_REQUIRE(many.back()->send(request(token, "no", "/nowhere")));
  }
  for (const auto& one : many) BOOST_TEST(one->receive().has_value());
  // Several requests at once are answered in their order, and a half-closed connection is answered
  HttpClient pipelined(port);
  BOOST_REQUIRE(pipelined.send(request(token, "one") + request(token, "two") +
                               request(std::string(43, 'B'), "never") + request(token, "unread")));
  pipelined.close_sending();
  for (int status : {200, 200, 401}) BOOST_TEST(pipelined.receive().value().status == status);
  BOOST_TEST(pipelined.is_closed());
  HttpClient kept(port);
  for (int i = 0; i < 3; ++i) {
    BOOST_REQUIRE(kept.send(request(token, fmt::format("kept {}", i))));
    BOOST_TEST(kept.receive().value().status == 200);
  }
  BOOST_TEST(
      said() == (std::vector<std::string>{"through", "one", "two", "kept 0", "kept 1", "kept 2"}),
      boost::test_tools::per_element());
  BOOST_TEST(broker.verify() == "");
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_told_with_when_to_try_again) {
  Hooks hooks({.faults = true});
  const std::string token = hooks.token_of("alarm");
  hooks.broker.disk().set("enospc");
  const HttpReply refused = hooks.post(token, "no space", "/hook", "Idempotency-Key: k\r\n");
  hooks.check_refused(refused, 503);
  BOOST_TEST(std::stoi(refused.headers.at("retry-after")) >= 1);
  hooks.broker.disk().set("");
  const bool resumed = wait_until(
      [&] {
        return hooks.post(token, "no space", "/hook", "Idempotency-Key: k\r\n").status == 200;
      },
      kMsMax);
  BOOST_TEST(resumed);
  BOOST_TEST(hooks.said() == std::vector<std::string>{"no space"},
             boost::test_tools::per_element());
  BOOST_TEST(hooks.counted("webhook_refused_busy") > 0u);
  BOOST_TEST(hooks.broker.verify() == "");
}

BOOST_AUTO_TEST_CASE(a_bot_above_its_rate_is_told_when_to_write_again) {
  Hooks hooks(
      {.config_more = "[limits]\nbot_messages_per_s = 1\nbot_messages_burst = 2\n", .rates = true});
  const std::string token = hooks.token_of("alarm");
  int taken = 0;
  std::optional<HttpReply> slowed;
  for (int i = 0; i < 20 && !slowed; ++i) {
    const HttpReply reply = hooks.post(token, "again");
    if (reply.status == 200)
      ++taken;
    else
      slowed = reply;
  }
  BOOST_REQUIRE(slowed);
  hooks.check_refused(*slowed, 429);
  BOOST_TEST(std::stoi(slowed->headers.at("retry-after")) >= 1);
  BOOST_TEST(taken >= 2);
  BOOST_TEST(hooks.counted("webhook_refused_rate") > 0u);
}

BOOST_AUTO_TEST_CASE(without_the_section_there_is_no_thread_and_ctl_says_what_to_set) {
  TestBroker broker;
  const auto threads =
      std::filesystem::path("/proc") / std::to_string(broker.process().pid()) / "task";
  for (const auto& task : std::filesystem::directory_iterator(threads)) {
    std::ifstream in(task.path() / "comm");
    std::string name;
    std::getline(in, name);
    BOOST_TEST(name != "t-webhooks");
  }
  const Ran made = broker.ctl({"webhook", "create", "alarm", "--room", "general"});
  BOOST_TEST(made.code == 0, made.err);
  BOOST_TEST(made.out.find("[webhooks]") != std::string::npos, made.out);
  for (const char* elsewhere : {"0.0.0.0:9571", "192.0.2.7:9571", "*:9571", "localhost:9571"}) {
    broker.options.config_more = fmt::format("[webhooks]\nlisten = \"{}\"\n", elsewhere);
    broker.write_config();
    const Ran checked =
        run({tertuliad_path(), "--config", broker.config().string(), "--check-config"},
            broker.dir() / "check");
    BOOST_TEST(checked.code != 0, elsewhere);
    BOOST_TEST(checked.err.find("webhooks") != std::string::npos, checked.err);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tertulia::test
